"""Worlds kept folded for those who look at them again and again: the head's, and a few of the past."""

from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio

from daemon.clock import Clock
from events.attendance import Attendance
from events.log import Log
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.store import ProjectionStore


PAST_KEPT_MAX = 3  # worlds; somebody who looks at the past looks at several pages of it

ATTENDANCE_KEPT: Final = timedelta(seconds=1)


class LiveWorld:
    """One world for many readers. It moves whenever one of them awaits something, and only forwards."""

    def __init__(self, log: Log, store: "ProjectionStore") -> None:
        """Nothing is read yet."""
        self._log = log
        self._store = store
        self._world: World | None = None
        self._past: dict[int, World] = {}  # by position, the one that was asked for last at the end
        self._folding = anyio.Lock()
        self._begun = 0  # readings of what is new
        self._read = 0  # the number of the newest one that came to its end
        self._recalling = anyio.Lock()  # the past may take long to load: nobody at the head waits for it

    @property
    def position(self) -> int:
        """How far it is folded; 0 before anybody has asked."""
        return 0 if self._world is None else self._world.position

    def is_it(self, world: World) -> bool:
        """Whether the world is this one."""
        return world is self._world

    async def at_head(self) -> World:
        """The world, with all in it that was in the log when this was called.

        Those who call while it is read wait for the next reading, which is one for all of them.

        :raises LogError: the log cannot be read.
        """
        wanted = self._begun + 1
        async with self._folding:
            if self._world is None or self._read < wanted:
                self._begun += 1
                number = self._begun
                self._world = await self._read_on(self._world)
                self._read = number
            return self._world

    async def _read_on(self, world: World | None) -> World:
        if world is None:
            return await self._store.load_world(self._log)
        async with aclosing(self._log.read(after=world.position)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)
        return world

    async def at(self, position: int) -> World:
        """The world at a position of the past. It is everybody's, and not to be folded on.

        :raises LogError: the log cannot be read.
        """
        async with self._recalling:
            world = self._past.pop(position, None) or await self._store.load_world(self._log, upto=position)
            self._past[position] = world
            while len(self._past) > PAST_KEPT_MAX:
                del self._past[next(iter(self._past))]
            return world


class LiveAttendance:
    """Who is there for a log, asked of the database once a second at the most."""

    def __init__(self, database_url: str, clock: Clock) -> None:
        """Nothing is asked yet."""
        self._database_url = database_url
        self._clock = clock
        self._asked_at: datetime | None = None
        self._attendance = Attendance(is_led=False)
        self._asking = anyio.Lock()

    async def lately(self) -> Attendance:
        """Who was there a second ago, or since.

        :raises LogUnavailableError: the database cannot be reached.
        """
        async with self._asking:
            now = self._clock.now()
            # A clock may be set back, too.
            if self._asked_at is None or not self._asked_at <= now < self._asked_at + ATTENDANCE_KEPT:
                self._attendance = await attendance_of(self._database_url)
                self._asked_at = now
            return self._attendance


async def attendance_of(database_url: str) -> Attendance:
    """Who is there for a log, by a connection of its own.

    :raises LogUnavailableError: the database cannot be reached.
    """
    from events.leadership import Leadership  # noqa: PLC0415 -- SQLAlchemy, which `--help` need not wait for

    async with Leadership(database_url) as leadership:
        return await leadership.attendance()
