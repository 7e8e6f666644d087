"""The log and what is folded from it, open for one command. No daemon is needed for it."""

import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from daemon.cli.errors import RefusedError
from daemon.cli.invocation import Invocation, log_in
from daemon.clock import Clock, ManualClock, SystemClock
from daemon.refusal import Refused
from events.attendance import Attendance
from events.envelope import Event
from events.facts import Fact
from events.ids import new_id
from events.log import Appended, Log
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.memory import FoldedStore
    from projections.tables.store import ProjectionStore

ACTOR_VARIABLE = "BACKFILLD_ACTOR"
DECISIONS_MAX = 200  # on a log that grows while each is made; a daemon at full speed turns away one in two

Answer = TypeVar("Answer")
Decide = Callable[[World], Sequence[Fact] | Refused]


class Records:
    """What a command reads and writes; made by `with_records`."""

    def __init__(
        self, url: str | None, log: Log, store: "ProjectionStore | FoldedStore", clock: Clock
    ) -> None:
        self.log = log
        self.clock = clock
        self._url = url
        self._store = store

    async def world(self) -> World:
        """The world at the log's head."""
        return await self._store.load_world(self.log)

    async def fold_on(self, world: World) -> None:
        """Fold into the world whatever was recorded since."""
        async with aclosing(self.log.read(after=world.position)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)

    async def rows(
        self, table: Literal["backfills", "runs"], *, limit: int, **where: str | None
    ) -> list[dict[str, Any]]:
        """Rows of a table that is brought up to date first, newest first; ``limit`` 0 means all.

        A condition that is None does not count.
        """
        from projections.tables import schema  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for

        await self._store.bring_up_to_date(self.log)
        chosen = {column: value for column, value in where.items() if value is not None}
        tables: Mapping[str, Any] = {"backfills": schema.backfills, "runs": schema.runs}
        return await self._store.rows(tables[table], where=chosen, limit=limit)

    async def is_served(self) -> bool:
        """Whether a daemon, on whichever machine, decides on this log now."""
        return (await self.attendance()).is_led

    async def attendance(self) -> Attendance:
        """Which daemons, on whichever machines, lead this log or stand by; nobody leads a file."""
        if self._url is None:
            return Attendance(is_led=False)
        from events.leadership import Leadership  # noqa: PLC0415 -- as above

        async with Leadership(self._url) as leadership:
            return await leadership.attendance()

    async def record(
        self, world: World, backfill_id: str | None, decide: Decide, *, run_id: str | None = None
    ) -> Sequence[Fact]:
        """The facts that were recorded: what `decide` made of the world at exactly the log's head.

        Where the log has grown meanwhile, the world is folded on and the decision is made again.

        :raises RefusedError: the decision was a refusal, or others write so fast that none could be recorded.
        """
        for _ in range(DECISIONS_MAX):
            facts = decide(world)
            if isinstance(facts, Refused):
                raise RefusedError(sentence(facts))
            if not facts:
                return ()
            now = self.clock.now()
            events = [
                Event(new_id(now), now, actor(), fact, backfill_id=backfill_id, run_id=run_id)
                for fact in facts
            ]
            answer = await self.log.append(events, expected_head=world.position)
            await self.fold_on(world)
            if isinstance(answer, Appended):
                return facts
        raise RefusedError("the log grew faster than this could be decided, and nothing was done; try again.")


def with_records(invocation: Invocation, function: Callable[[Records], Awaitable[Answer]]) -> Answer:
    """What `function` returns, awaited with the records in an event loop of its own.

    :raises DatabaseError: there is no database.
    :raises LogError: the log cannot be reached or read.
    """
    from events.postgres import PostgresLog  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for
    from projections.tables.store import ProjectionStore  # noqa: PLC0415 -- as above

    if invocation.file is not None:
        return with_records_in(invocation.file, function)

    async def call(url: str) -> Answer:
        async with PostgresLog(url) as log, ProjectionStore(url) as store:
            return await function(Records(url, log, store, SystemClock()))

    with invocation.database(begin=False) as url:
        return anyio.run(call, url)


def with_records_in(path: Path, function: Callable[[Records], Awaitable[Answer]]) -> Answer:
    """What `function` returns, awaited with the records that a file holds, at the time it was exported.

    :raises FileError: it is no export, or was to be changed.
    """
    from projections.tables.memory import FoldedStore  # noqa: PLC0415 -- its imports, which --help need not wait for

    with log_in(path) as log:
        records = Records(None, log, FoldedStore(), ManualClock(log.header.exported_at))
        return anyio.run(function, records)


def actor() -> str:
    """Who gives the command: ``$BACKFILLD_ACTOR``, or the user and the machine."""
    named = os.environ.get(ACTOR_VARIABLE)
    if named:
        return named
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number that no user has.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def sentence(refused: Refused) -> str:
    """The reason as a sentence with its full stop."""
    reason = refused.reason
    return reason if reason.endswith((".", "?", "!")) else f"{reason}."
