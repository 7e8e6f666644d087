"""Time, as a port: the only place of the daemon that reads a clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    async def sleep_until(self, due: datetime) -> None:
        """Nothing, once ``due`` has come by this clock."""
        ...


class SystemClock:
    """The machine's clock. A jump of it is noticed within a minute, since waits are taken in short steps."""

    STEP_MAX_S = 60.0

    def now(self) -> datetime:
        """The time of the machine."""
        return datetime.now(UTC)

    async def sleep_until(self, due: datetime) -> None:
        """See `Clock.sleep_until`."""
        while (left := due - self.now()) > timedelta(0):  # noqa: ASYNC110 - time is what is waited for.
            await anyio.sleep(min(left.total_seconds(), self.STEP_MAX_S))


class ManualClock:
    """A clock for tests and simulation that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = anyio.Event()

    def now(self) -> datetime:
        """The time it was last moved to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on, and wake whoever sleeps."""
        self._now += by
        self._moved.set()
        self._moved = anyio.Event()

    async def sleep_until(self, due: datetime) -> None:
        """See `Clock.sleep_until`."""
        while self._now < due:
            await self._moved.wait()
