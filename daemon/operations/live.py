"""The world at the log's head, kept folded for those who look at it again and again."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from events.log import Log
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.store import ProjectionStore


class LiveWorld:
    """One world for many readers. It moves whenever one of them awaits something, and only forwards."""

    def __init__(self, log: Log, store: "ProjectionStore") -> None:
        """Nothing is read yet."""
        self._log = log
        self._store = store
        self._world: World | None = None
        self._folding = anyio.Lock()

    def is_it(self, world: World) -> bool:
        """Whether the world is this one."""
        return world is self._world

    async def at_head(self) -> World:
        """The world, with all in it that was in the log when this was called.

        :raises LogError: the log cannot be read.
        """
        async with self._folding:
            if self._world is None:
                self._world = await self._store.load_world(self._log)
                return self._world
            async with aclosing(self._log.read(after=self._world.position)) as batches:
                async for batch in batches:
                    for recorded in batch:
                        evolve(self._world, recorded)
            return self._world
