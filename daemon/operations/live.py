"""Worlds kept folded for those who look at them again and again: the head's, and a few of the past."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from events.log import Log
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.store import ProjectionStore


PAST_KEPT_MAX = 3  # worlds; somebody who looks at the past looks at several pages of it


class LiveWorld:
    """One world for many readers. It moves whenever one of them awaits something, and only forwards."""

    def __init__(self, log: Log, store: "ProjectionStore") -> None:
        """Nothing is read yet."""
        self._log = log
        self._store = store
        self._world: World | None = None
        self._past: dict[int, World] = {}  # by position, the one that was asked for last at the end
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

    async def at(self, position: int) -> World:
        """The world at a position of the past. It is everybody's, and not to be folded on.

        :raises LogError: the log cannot be read.
        """
        async with self._folding:
            world = self._past.pop(position, None) or await self._store.load_world(self._log, upto=position)
            self._past[position] = world
            while len(self._past) > PAST_KEPT_MAX:
                del self._past[next(iter(self._past))]
            return world
