"""The newest event of something, kept for the many who wait for it."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import anyio

from daemon.web.streams.told import HEARTBEAT, HEARTBEAT_EVERY_S, STREAM_MAX_S


class Channel:
    """An event at a time. Whoever is slow gets the newest one; those between are not kept."""

    def __init__(self) -> None:
        self.viewers = 0
        self.number = 0  # of the newest event
        self._event = b""
        self._instead = b""
        self._is_over = False
        self._newer = anyio.Event()

    def tell(self, event: bytes, *, instead: bytes | None = None) -> None:
        """Give everybody an event.

        :param instead: for those who have missed one before it.
        """
        self.number += 1
        self._event = event
        self._instead = event if instead is None else instead
        self._wake()

    def end(self) -> None:
        """Let nothing come any more."""
        self._is_over = True
        self._wake()

    async def events(self, seen: int) -> AsyncGenerator[bytes]:
        """What is told behind the event of that number, until it is time to come anew."""
        ends_at = anyio.current_time() + STREAM_MAX_S
        while True:
            with anyio.move_on_after(HEARTBEAT_EVERY_S):
                while self.number == seen and not self._is_over:
                    await self._newer.wait()
            told, seen = self.number - seen, self.number
            if told:
                yield self._event if told == 1 else self._instead
            if self._is_over or anyio.current_time() > ends_at:
                return
            if not told:
                yield HEARTBEAT

    @contextmanager
    def viewed(self) -> Iterator[None]:
        """Somebody looks at it during the block."""
        self.viewers += 1
        try:
            yield
        finally:
            self.viewers -= 1

    def _wake(self) -> None:
        newer, self._newer = self._newer, anyio.Event()
        newer.set()
