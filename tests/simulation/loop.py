"""An event loop that knows no clock and no files: the simulation says when it goes on and what time it is."""

import asyncio
import heapq
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Answer = TypeVar("Answer")

START = datetime(2024, 6, 1, 5, 30, tzinfo=UTC)


class SteppedLoop(asyncio.BaseEventLoop):
    """Runs what can go on now, in the order in which it became able to; time stands still meanwhile.

    anyio's tasks, events, streams and sleeps work on it as they do on any loop of asyncio.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._elapsed_s = 0.0

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._elapsed_s

    def now(self) -> datetime:
        """The same as a time of day."""
        return START + timedelta(microseconds=round(self._elapsed_s * 1e6))

    def run_until_idle(self) -> None:
        """Go on until everybody waits for something that only the simulation can bring about."""
        asyncio._set_running_loop(self)
        try:
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def begin(self, coroutine: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """A task that goes on whenever the loop does; whoever begins it sees to its end."""
        return asyncio.Task(coroutine, loop=self)

    def finish(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """What the coroutine returns, which waits for nobody; others go on beside it."""
        task = self.begin(coroutine)
        self.run_until_idle()
        assert task.done(), f"{coroutine} waits for something"
        return task.result()

    def next_timer_s(self) -> float | None:
        """When the first of those who sleep is to be woken."""
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
        return self._scheduled[0].when() if self._scheduled else None

    def move_on(self, by_s: float) -> None:
        """Let time pass; each who sleeps is woken at its own moment, and what follows happens then."""
        until_s = self._elapsed_s + by_s
        while (due_s := self.next_timer_s()) is not None and due_s <= until_s:
            self._elapsed_s = max(self._elapsed_s, due_s)
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            self._ready.append(handle)
            self.run_until_idle()
        self._elapsed_s = until_s
