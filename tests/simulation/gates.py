"""Where a daemon can be held, stopped or killed: at everything it asks of the world."""

import asyncio
from typing import NamedTuple

from tests.simulation.stage import Stage


class Gate(NamedTuple):
    """A task that waits before, or after, something that others can see."""

    where: str
    opened: asyncio.Future[None]

    @property
    def is_midway(self) -> bool:
        """Whether others see what was done before, or what is done behind it."""
        return not self.where.startswith(("to read", "to notice", "to see", "to wake"))


class Gates:
    """The gates of one daemon. Between two of them nothing it does is seen by anybody."""

    def __init__(self, stage: Stage) -> None:
        self.waiting: list[Gate] = []
        self.is_alive = True
        self.is_frozen = False
        self.is_trying_again = False  # sleeps, because the log was away
        self._stage = stage

    async def passed(self, where: str) -> None:
        """Nothing, once the simulation lets the daemon go on here, which may be at once or never."""
        if not self.is_alive:
            raise asyncio.CancelledError
        if not self.is_frozen and self._stage.chance(self._stage.mix.straight):
            return
        gate = Gate(where, self._stage.loop.create_future())
        self.waiting.append(gate)
        await gate.opened

    def open(self, gate: Gate) -> None:
        """Let the task go on."""
        self.waiting.remove(gate)
        if not gate.opened.done():
            gate.opened.set_result(None)
