"""The log and what is folded from it, open for one command. No daemon is needed for it."""

import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from daemon.cli.errors import RefusedError, UsageError
from daemon.cli.invocation import Invocation
from daemon.cli.moment import Moment, TypedMoment, moment_of, time_text, typed_moment
from daemon.clock import Clock, ManualClock, SystemClock
from daemon.commands import find_backfill
from daemon.refusal import Refused
from events.attendance import Attendance
from events.envelope import Event
from events.facts import Fact
from events.ids import new_id
from events.log import Appended, Filter, Log
from projections.backfill.state import Backfill
from projections.durations import Durations
from projections.tables.then import backfill_rows
from projections.world import World, evolve

if TYPE_CHECKING:
    from events.files.log import FileLog
    from projections.tables.checking import Checked
    from projections.tables.memory import FoldedStore
    from projections.tables.rebuilding import Rebuilt
    from projections.tables.store import AttemptsAt, ProjectionStore

ACTOR_VARIABLE = "BACKFILLD_ACTOR"
DECISIONS_MAX = 200  # on a log that grows while each is made; a daemon at full speed turns away one in two

Answer = TypeVar("Answer")
Decide = Callable[[World], Sequence[Fact] | Refused]


class Records:
    """What a command reads and writes; made by `with_records`. Of the past, or of a file, it is read only."""

    def __init__(
        self,
        url: str | None,
        log: Log,
        store: "ProjectionStore | FoldedStore",
        clock: Clock,
        *,
        moment: Moment | None = None,
        selected: tuple[str, ...] = (),
    ) -> None:
        self.log = log
        self.clock = clock
        self.moment = moment  # None: the present
        self._url = url  # None: of a file
        self._store = store
        self._selected = selected  # the backfills that a file was confined to; none: it has all there was

    @property
    def upto(self) -> int | None:
        """The position of the newest fact that counts; None for the log's head."""
        return None if self.moment is None else self.moment.position

    @property
    def is_of_the_past(self) -> bool:
        """Whether they tell what was, at a moment or when a file was exported, and not what is."""
        return self.moment is not None or self._url is None

    def need_all_facts(self, told: str) -> None:
        """Nothing, if the facts about all backfills are there, not those of a few that were selected.

        :param told: what would be wrong without them, as in "how an asset stands".
        :raises RefusedError: they are not.
        """
        if self._selected:
            raise RefusedError(
                f"a selection does not show {told}: it has no facts of other backfills than "
                f"{', '.join(self._selected)}. Export the whole log for that."
            )

    def now(self) -> datetime:
        """The time it is, or was at the moment."""
        return self.clock.now() if self.moment is None else self.moment.at

    async def world(self) -> World:
        """The world at the log's head, or at the moment."""
        return await self._store.load_world(self.log, upto=self.upto)

    async def world_at(self, position: int) -> World:
        """The world at a position; 0 is before the first fact."""
        return await self._store.load_world(self.log, upto=position)

    async def fold_on(self, world: World) -> None:
        """Fold into the world whatever was recorded since."""
        async with aclosing(self.log.read(after=world.position)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)

    async def backfill(self, world: World, backfill_id: str) -> Backfill:
        """The backfill of that name in a world at the head, or at the moment.

        :raises RefusedError: there is none, or there was none yet.
        """
        found = find_backfill(world, backfill_id)
        if not isinstance(found, Refused):
            return found
        if self.moment is not None:
            async with aclosing(self.log.read(matching=Filter(backfill_id=backfill_id))) as batches:
                async for batch in batches:
                    raise RefusedError(
                        f"backfill {backfill_id} was asked for later, at {time_text(batch[0].at)}, position "
                        f"{batch[0].position:,}."
                    )
        raise RefusedError(sentence(found))

    async def rows(
        self, table: Literal["backfills", "runs"], *, limit: int, **where: str | None
    ) -> list[dict[str, Any]]:
        """Rows of a table that is brought up to date first, newest first; ``limit`` 0 means all.

        A condition that is None does not count. Of a moment of the past, the rows are those of then.
        """
        from projections.tables import schema  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for

        chosen = {column: value for column, value in where.items() if value is not None}
        if self.moment is not None and table == "backfills":
            return backfill_rows(await self.world(), limit=limit)
        await self._store.bring_up_to_date(self.log)
        if self.moment is not None:
            return await self._store.runs_then(await self.world(), where=chosen, limit=limit)
        tables: Mapping[str, Any] = {"backfills": schema.backfills, "runs": schema.runs}
        return await self._store.rows(tables[table], where=chosen, limit=limit)

    async def check_projections(self) -> "Checked":
        """What a new fold of the log says of the tables and the newest snapshots.

        :raises UsageError: a file has no tables.
        """
        return await self._kept().check(self.log)

    async def rebuild_projections(self) -> "Rebuilt | None":
        """What the tables hold, made anew; None if somebody else is at it.

        :raises UsageError: a file has no tables.
        """
        return await self._kept().rebuild(self.log)

    async def attempts_at(self, asset: str, keys: Sequence[str] | None, *, most: int) -> "AttemptsAt | None":
        """See `ProjectionStore.attempts_at`; its tables are brought up to date first."""
        await self._store.bring_up_to_date(self.log)
        return await self._store.attempts_at(asset, keys, most=most)

    async def durations(self) -> Durations:
        """What runs took that succeeded, whatever backfill they were of."""
        await self._store.bring_up_to_date(self.log)
        return await self._store.durations()

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

    def _kept(self) -> "ProjectionStore":
        from projections.tables.store import ProjectionStore  # noqa: PLC0415 -- as above

        if not isinstance(self._store, ProjectionStore):
            raise UsageError("projections are kept in the database; a file has none.")
        return self._store

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


def with_records(
    invocation: Invocation,
    function: Callable[[Records], Awaitable[Answer]],
    *,
    as_of: str | None = None,
) -> Answer:
    """What `function` returns, awaited with the records in an event loop of its own.

    :param as_of: the moment to look at, as typed; people are told which one that is.
    :raises UsageError: it is no moment.
    :raises RefusedError: the log has no such moment.
    :raises DatabaseError: there is no database.
    :raises LogError: the log cannot be reached or read.
    """
    from events.postgres import PostgresLog  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for
    from projections.tables.store import ProjectionStore  # noqa: PLC0415 -- as above

    typed = None if as_of is None else typed_moment(as_of, "--as-of")
    if invocation.file is not None:
        return with_records_in(invocation, invocation.file, function, typed)

    async def call(url: str) -> Answer:
        async with PostgresLog(url) as log, ProjectionStore(url) as store:
            clock = SystemClock()
            moment = None if typed is None else await told_moment(invocation, log, typed, clock)
            return await function(Records(url, log, store, clock, moment=moment))

    with invocation.database(begin=False) as url:
        return anyio.run(call, url)


def with_records_in(
    invocation: Invocation,
    file: Path,
    function: Callable[[Records], Awaitable[Answer]],
    typed: TypedMoment | None,
) -> Answer:
    """What `function` returns, awaited with the records that a file holds, at the time it was exported.

    :raises FileError: it is no export, or was to be changed.
    :raises RefusedError: the file does not begin where the log does, or has no such moment.
    """
    from projections.tables.memory import FoldedStore  # noqa: PLC0415 -- as above

    async def call(log: "FileLog") -> Answer:
        header = log.header
        if header.first > 1 and not header.is_selection:
            raise RefusedError(
                f"{file} begins at position {header.first:,}, and without what was before nothing can be "
                "told: only `log` and `verify` read such a part."
            )
        clock = ManualClock(header.exported_at)
        moment = None if typed is None else await told_moment(invocation, log, typed, clock)
        records = Records(None, log, FoldedStore(), clock, moment=moment, selected=header.backfills)
        return await function(records)

    with invocation.log_in(file) as log:
        return anyio.run(call, log)


async def told_moment(invocation: Invocation, log: Log, typed: TypedMoment, clock: Clock) -> Moment:
    """The moment that was typed; people are told which one it is.

    :raises RefusedError: the log has no such moment.
    """
    moment = await moment_of(log, typed, clock.now())
    invocation.output.note(f"As of {moment} of {await log.head():,}.", style="dim")
    return moment


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
