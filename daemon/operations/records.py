"""The log and what is folded from it, open for an operation. No daemon is needed for it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from daemon.clock import Clock
from daemon.commands import find_backfill
from daemon.operations.errors import RefusedError, UnknownError, UsageError
from daemon.operations.live import LiveAttendance, LiveWorld, attendance_of
from daemon.operations.moment import Moment, time_text
from daemon.refusal import Refused
from events.attendance import Attendance
from events.envelope import Event
from events.facts import BackfillCompleted, BackfillRequested, Fact
from events.ids import new_id
from events.log import Appended, Filter, Log
from projections.backfill.state import Backfill
from projections.durations import Durations
from projections.tables.then import backfill_rows, live_runs, run_rows, unfilled_then
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.attempts import AttemptsAt
    from projections.tables.checked import Checked
    from projections.tables.counted import CountedRow, Launched
    from projections.tables.memory import FoldedStore
    from projections.tables.of_partitions import OfPartitions
    from projections.tables.rebuilding import Rebuilt
    from projections.tables.store import ProjectionStore

DECISIONS_MAX = 200  # on a log that grows while each is made; a daemon at full speed turns away one in two

Decide = Callable[[World], Sequence[Fact] | Refused]


class Place(msgspec.Struct, frozen=True):
    """Where an operation is asked for, and by whom."""

    home: Path  # of the daemon, as far as is known here
    database_url: str | None  # None: a file
    actor: str  # of what is recorded
    key: str | None = None  # of a question that may be sent twice and is done once


class Records:
    """What an operation reads and writes. Of the past, or of a file, it is read only."""

    def __init__(
        self,
        place: Place,
        log: Log,
        store: "ProjectionStore | FoldedStore",
        clock: Clock,
        *,
        moment: Moment | None = None,
        live: LiveWorld | None = None,
        selected: tuple[str, ...] = (),
        attending: LiveAttendance | None = None,
    ) -> None:
        """Whoever asks again and again gives what is kept, to save folding and connecting anew."""
        self.place = place
        self.log = log
        self.clock = clock
        self.moment = moment  # None: the present
        self._store = store
        self._live = live
        self._selected = selected  # the backfills that a file was confined to; none: it has all there was
        self._attending = attending

    @property
    def is_file(self) -> bool:
        """Whether they are those of a file, which has no index."""
        return self.place.database_url is None

    @property
    def upto(self) -> int | None:
        """The position of the newest fact that counts; None for the log's head."""
        return None if self.moment is None else self.moment.position

    @property
    def is_of_the_past(self) -> bool:
        """Whether they tell what was, at a moment or when a file was exported, and not what is."""
        return self.moment is not None or self.is_file

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
        if self._live is not None:
            return await (
                self._live.at_head() if self.moment is None else self._live.at(self.moment.position)
            )
        return await self._store.load_world(self.log, upto=self.upto)

    async def world_at(self, position: int) -> World:
        """The world at a position; 0 is before the first fact."""
        return await self._store.load_world(self.log, upto=position)

    async def fold_on(self, world: World) -> None:
        """Fold into the world whatever was recorded since."""
        if self._live is not None and self._live.is_it(world):
            await self._live.at_head()
            return
        async with aclosing(self.log.read(after=world.position)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)

    async def backfill(self, world: World, backfill_id: str) -> Backfill:
        """The backfill of that name in a world at the head, or at the moment.

        :raises UnknownError: there is none, or there was none yet.
        """
        found = find_backfill(world, backfill_id)
        if not isinstance(found, Refused):
            return found
        if self.moment is not None:
            async with aclosing(self.log.read(matching=Filter(backfill_id=backfill_id))) as batches:
                async for batch in batches:
                    raise UnknownError(
                        f"backfill {backfill_id} was asked for later, at {time_text(batch[0].at)}, position "
                        f"{batch[0].position:,}."
                    )
        raise UnknownError(sentence(found))

    async def rows(
        self,
        table: Literal["backfills", "runs"],
        *,
        limit: int,
        before: int | None = None,
        launched: "Launched | None" = None,
        **where: str | Collection[str] | None,
    ) -> list[dict[str, Any]]:
        """Rows of a table that is brought up to date first, newest first; ``limit`` 0 means all.

        A column is to have a value, or one of several. A condition that is None does not count. Of a moment
        of the past, the rows are those of then.

        :param before: only what began before this position.
        :param launched: of runs only those that were launched then.
        """
        from projections.tables import schema  # noqa: PLC0415 -- SQLAlchemy, which `--help` need not wait for

        chosen = {column: value for column, value in where.items() if value is not None}
        if self.moment is not None and table == "backfills":
            return backfill_rows(await self.world(), limit=limit, before=before)
        await self._store.bring_up_to_date(self.log)
        if self.moment is not None:
            read = partial(self._store.rows, schema.runs, launched=launched)
            return await run_rows(read, await self.world(), where=chosen, limit=limit, before=before)
        tables: Mapping[str, Any] = {"backfills": schema.backfills, "runs": schema.runs}
        upto = None if before is None else before - 1
        return await self._store.rows(tables[table], where=chosen, limit=limit, upto=upto, launched=launched)

    async def counted(
        self, launched: "Launched", shift: int, *, limit: int, **where: str | Collection[str] | None
    ) -> "list[CountedRow]":
        """See `projections.tables.counted.selecting_counts`; ``where`` is as that of `rows`.

        :raises UsageError: a file has no tables.
        """
        store = self._kept()
        await store.bring_up_to_date(self.log)
        chosen = {column: value for column, value in where.items() if value is not None}
        at = None if self.moment is None else self.moment.at
        return await store.counted(launched, shift, where=chosen, at=at, limit=limit)

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

    async def materializations(self, asset: str, *, limit: int) -> list[dict[str, Any]]:
        """What filled an asset, newest first: rows of a table that is brought up to date first.

        :raises UsageError: a file has no tables.
        """
        from projections.tables import schema  # noqa: PLC0415 -- as above

        store = self._kept()
        await store.bring_up_to_date(self.log)
        return await store.rows(schema.materializations, where={"asset": asset}, limit=limit, upto=self.upto)

    async def of_partitions(self, asset: str, keys: Sequence[str], *, each: int, many: int) -> "OfPartitions":
        """See `projections.tables.of_partitions`; the tables are brought up to date first.

        :raises UsageError: a file has no tables.
        """
        store = self._kept()
        head = await store.bring_up_to_date(self.log)
        upto = head if self.upto is None else self.upto
        found = await store.of_partitions(asset, keys, upto=upto, each=each, many=many)
        if self.moment is None:
            return found
        world = await self.world()
        under_way = [run_id for run_id, run in live_runs(world).items() if asset in run.assets]
        rows = await self.rows("runs", limit=0, id=under_way)
        return msgspec.structs.replace(found, unfilled=unfilled_then(found.unfilled, rows))

    async def runs_at(self, asset: str, keys: Sequence[str], *, most: int) -> tuple[str, ...] | None:
        """See `ProjectionStore.runs_at`; its tables are brought up to date first."""
        await self._store.bring_up_to_date(self.log)
        return await self._store.runs_at(asset, keys, most=most)

    async def durations(self, wanted: Collection[tuple[str, ...]] | None = None) -> Durations:
        """What runs took that succeeded, whatever backfill they were of.

        :param wanted: see `ProjectionStore.durations`.
        """
        await self._store.bring_up_to_date(self.log)
        return await self._store.durations(wanted)

    async def is_served(self) -> bool:
        """Whether a daemon, on whichever machine, decides on this log now."""
        return (await self.attendance()).is_led

    async def attendance(self) -> Attendance:
        """Which daemons, on whichever machines, lead this log or stand by; nobody leads a file."""
        if self.place.database_url is None:
            return Attendance(is_led=False)
        if self._attending is not None:
            return await self._attending.lately()
        return await attendance_of(self.place.database_url)

    async def _caused(self, event: Event) -> Event:
        """The event, with the end of the backfill that it goes on with as its cause, if it does."""
        fact = event.fact
        parent = fact.parent_backfill_id if isinstance(fact, BackfillRequested) else None
        if parent is None:
            return event
        ends = Filter(parent, types=frozenset({BackfillCompleted.__name__}))
        async with aclosing(self.log.read(matching=ends, newest_first=True)) as batches:
            async for batch in batches:
                return msgspec.structs.replace(event, causation_id=batch[0].id)
        return event

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
            head = world.position  # A live world may have moved when this is appended.
            facts = decide(world)
            if isinstance(facts, Refused):
                raise RefusedError(sentence(facts))
            if not facts:
                return ()
            now, actor = self.clock.now(), self.place.actor
            made = [Event(new_id(now), now, actor, fact, backfill_id, run_id) for fact in facts]
            events = [await self._caused(event) for event in [in_its_story(world, each) for each in made]]
            answer = await self.log.append(events, expected_head=head)
            await self.fold_on(world)
            if isinstance(answer, Appended):
                return facts
        raise RefusedError("the log grew faster than this could be decided, and nothing was done; try again.")


def sentence(refused: Refused) -> str:
    """The reason as a sentence with its full stop."""
    reason = refused.reason
    return reason if reason.endswith((".", "?", "!")) else f"{reason}."


def in_its_story(world: World, event: Event) -> Event:
    """The event, in the story that the request of its backfill begins."""
    backfill = None if event.backfill_id is None else world.backfill(event.backfill_id)
    if backfill is not None:
        return msgspec.structs.replace(event, correlation_id=backfill.request_event_id)
    is_request = isinstance(event.fact, BackfillRequested)
    return msgspec.structs.replace(event, correlation_id=event.id) if is_request else event
