"""The bell that rings when the log has grown: PostgreSQL's NOTIFY, with polling behind it."""

from typing import Any

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.appending import CHANNEL


class Bell:
    """Listens on one connection for any number of waiting followers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = anyio.Lock()
        self._borrowed: AsyncConnection | None = None
        self._driver: Any = None
        self._rung = anyio.Event()
        self.heard: int | None = None  # where the log ended when it was last told; None: ask the log

    async def next_ring(self) -> anyio.Event:
        """The event set by the next ring; listening begins before this returns. Errors are the driver's."""
        async with self._turn:
            if self._driver is None or self._driver.is_closed():
                await self.close()
                await self._listen()
        return self._rung

    async def close(self) -> None:
        """Stops listening."""
        borrowed, driver = self._borrowed, self._driver
        self._borrowed = self._driver = self.heard = None
        if driver is not None:
            driver.terminate()
        if borrowed is not None:
            await borrowed.invalidate()
            await borrowed.close()

    async def _listen(self) -> None:
        self._borrowed = await self._engine.connect()
        driver = (await self._borrowed.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.add_listener(CHANNEL, self._ring)
        driver.add_termination_listener(self._hang_up)
        self._driver = driver

    def _ring(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if self.heard is not None and isinstance(payload, str) and payload.isdigit():
            self.heard = max(self.heard, int(payload))
        self._wake()

    def _hang_up(self, _connection: object) -> None:
        # Whoever waits finds out that the connection is lost, and listens anew.
        self.heard = None
        self._wake()

    def _wake(self) -> None:
        rung, self._rung = self._rung, anyio.Event()
        rung.set()
