"""The projections in the database: snapshots of the state, and the listed tables brought up to date."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import anyio
import msgspec
from sqlalchemy import URL, ColumnElement, Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.crash_points import CrashPoint, reach
from events.driver import database_url, make_engine, translated
from events.errors import LogReadOnlyError
from events.log import Log
from projections import snapshot
from projections.durations import Durations
from projections.snapshots_kept import passes_mark, unneeded
from projections.tables import changes as table_changes
from projections.tables import schema
from projections.tables.attempts import Place, selecting_filled, selecting_others, selecting_runs
from projections.tables.checked import Checked
from projections.tables.checking import check
from projections.tables.counted import CountedRow, Launched, is_launched, selecting_counts
from projections.tables.of_partitions import OfPartitions, of_partitions
from projections.tables.rebuilding import Rebuilt, rebuild
from projections.tables.taken import LATELY, durations_of, selecting_taken
from projections.tables.writing import apply, changes_of, checkpoint, gathered, move_checkpoint
from projections.world import World, evolve

CLOSE_TIMEOUT_S = 5.0
OTHERS_REBUILD_S = 0.2  # between looks at whether somebody else's rebuild is done


class ProjectionStore:
    """Reads and writes the projections of the database at ``url``. An async context manager."""

    def __init__(self, url: str) -> None:
        self._url = database_url(url)
        self._engine = make_engine(self._url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await self._engine.dispose()

    async def load_world(self, log: Log, *, upto: int | None = None) -> World:
        """The world at a position (None: the head), from the newest snapshot and the facts since.

        A long way to it is gone only once: snapshots are left at the marks that are passed, so that the next
        look at any moment up to there has less to fold. A database that may only be read gets none.
        """
        world = await self._newest_snapshot(upto) or World()
        head = await log.head()
        left_at: int | None = world.position
        async with aclosing(log.read(after=world.position, upto=upto)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)
                if left_at is not None and passes_mark(left_at, world.position, head):
                    left_at = world.position if await self._leave_snapshot(world) else None
        return world

    async def _leave_snapshot(self, world: World) -> bool:
        """Whether a snapshot could be left in passing."""
        try:
            with translated(self._url):
                async with self._engine.begin() as connection:
                    await _keep(connection, world, func.now())
        except LogReadOnlyError:
            return False
        return True

    async def save_snapshot(self, world: World, taken_at: datetime) -> None:
        """Keep the world's state, so that neither the next start nor a look back need fold what came before.

        Those that are not worth their room any more go (`projections.snapshots_kept`), and so do those that
        older versions left.
        """
        with translated(self._url):
            async with self._engine.begin() as connection:
                await _keep(connection, world, taken_at)
                reach(CrashPoint.DURING_SNAPSHOT)
                await connection.execute(
                    delete(schema.snapshots).where(schema.snapshots.c.version < snapshot.VERSION)
                )

    async def bring_up_to_date(self, log: Log) -> int:
        """The position the tables stand at once they hold everything the log did when this was called.

        Any number of processes may do this at once: the checkpoint's row is locked, and moves with the rows.
        """
        head = await log.head()
        with translated(self._url):
            while True:
                async with self._engine.begin() as connection:
                    version, position = await checkpoint(connection, lock=True)
                    is_ours = version == table_changes.VERSION or position == 0
                    if is_ours and position >= head:
                        return position
                    if is_ours:
                        await _go_on(connection, log, position, head)
                if not is_ours and await self._rebuild(log, with_snapshots=False) is None:
                    await anyio.sleep(OTHERS_REBUILD_S)

    async def rebuild(self, log: Log) -> Rebuilt | None:
        """Replace the tables, and snapshots that are wrong, by what the log says; None: another one does.

        Whoever reads or fills the tables goes on with the old ones until the new ones are there.
        """
        with translated(self._url):
            return await self._rebuild(log, with_snapshots=True)

    async def check(self, log: Log) -> Checked:
        """The tables and the newest snapshots compared with a new fold of the log; nothing is changed."""
        with translated(self._url):
            async with _unpooled(self._url) as engine:
                return await check(engine, log)

    async def rows(
        self,
        table: Table,
        *,
        where: Mapping[str, str | Collection[str]],
        limit: int,
        upto: int | None = None,
        without: Collection[str] = (),
        launched: Launched | None = None,
    ) -> list[dict[str, Any]]:
        """Rows of a listed table, newest first; ``limit`` 0 means all.

        ``where`` maps columns to a value, or to several of which it must be one, and "asset" of runs to one
        that they fill; ``without`` names ids that are left out, and no row began past position ``upto``. If
        ``launched`` is given, there are only runs that were launched then.
        """
        statement = select(table).where(*_conditions(table, where)).order_by(table.c.position.desc())
        if launched is not None:
            statement = statement.where(*is_launched(launched))
        if upto is not None:
            statement = statement.where(table.c.position <= upto)
        if without:
            statement = statement.where(table.c.id.not_in(without))
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement.limit(limit or None))
                # SQLAlchemy's names are a kind of text that structs do not take for one.
                return [{str(name): value for name, value in row.items()} for row in found.mappings()]

    async def counted(
        self,
        launched: Launched,
        shift: int,
        *,
        where: Mapping[str, str | Collection[str]],
        at: datetime | None,
        limit: int,
    ) -> list[CountedRow]:
        """See `projections.tables.counted.selecting_counts`; ``where`` is as that of `rows`."""
        conditions = _conditions(schema.runs, where)
        statement = selecting_counts(launched, shift, where=conditions, at=at, limit=limit)
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement)
                return [
                    CountedRow(
                        tuple(msgspec.json.decode(row.assets)), row.began, row.ended, row.status, row.count
                    )
                    for row in found
                ]

    async def ended_before(self, time: datetime, run_ids: Sequence[str]) -> set[str]:
        """Which of these runs had ended by then, as far as the tables know."""
        runs = schema.runs.c
        statement = select(runs.id).where(runs.id.in_(run_ids), runs.ended_at < time)
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement.order_by(runs.id).limit(len(run_ids)))
                return set(found.scalars())

    async def _rebuild(self, log: Log, *, with_snapshots: bool) -> Rebuilt | None:
        async with _unpooled(self._url) as engine:
            return await rebuild(engine, log, with_snapshots=with_snapshots)

    async def attempts_at(
        self, asset: str, keys: Sequence[str] | None, *, most: int
    ) -> tuple[Place, ...] | None:
        """Where the log tells of attempts at these partitions of an asset (None: at all), in order.

        None for too many. Facts about ranges of keys are among them whatever the range: only their definition
        says what lies in it. The tables must be up to date; the cost is that of looking through the asset's
        rows in them.
        """
        with translated(self._url):
            async with self._engine.connect() as connection:
                filled = (await connection.execute(selecting_filled(asset, keys, limit=most + 1))).all()
                others = (await connection.execute(selecting_others(asset, keys, limit=most + 1))).all()
        if len(filled) + len(others) > most:
            return None
        places = [
            Place(position if launched is None else launched, run_id, position)
            for position, launched, run_id in filled
        ]
        places += [Place(launched, run_id, None) for run_id, launched in others]
        return tuple(sorted(places, key=lambda place: place.first))

    async def of_partitions(
        self, asset: str, keys: Sequence[str], *, upto: int, each: int, many: int
    ) -> OfPartitions:
        """See `projections.tables.of_partitions`; the tables must be up to date."""
        with translated(self._url):
            async with self._engine.connect() as connection:
                return await of_partitions(connection, asset, keys, upto=upto, each=each, many=many)

    async def runs_at(self, asset: str, keys: Sequence[str], *, most: int) -> tuple[str, ...] | None:
        """The runs that may have been launched over these partitions of an asset; None for too many.

        As `attempts_at`, of runs whatever came of them; the cost is that of looking through all runs.
        """
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(selecting_runs(asset, keys, limit=most + 1))
                ids = found.scalars().all()
        return None if len(ids) > most else tuple(ids)

    async def durations(self, wanted: Collection[tuple[str, ...]] | None = None) -> Durations:
        """What runs took that succeeded, as far as the tables know.

        :param wanted: the assets of runs of interest. Where runs of each of them are among the newest,
            older ones are not looked through, which takes seconds for a million.
        """
        with translated(self._url):
            async with self._engine.connect() as connection:
                if wanted is not None:
                    lately = durations_of(await connection.execute(selecting_taken(runs_max=LATELY)))
                    if all(lately.has(assets) for assets in wanted):
                        return lately
                return durations_of(await connection.execute(selecting_taken()))

    async def _newest_snapshot(self, upto: int | None) -> World | None:
        kept = schema.snapshots.c
        statement = select(kept.state).where(kept.version == snapshot.VERSION)
        if upto is not None:
            statement = statement.where(kept.position <= upto)
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement.order_by(kept.position.desc()).limit(1))
                state = found.scalar_one_or_none()
        return None if state is None else snapshot.decode(state)


@asynccontextmanager
async def _unpooled(url: URL) -> AsyncIterator[AsyncEngine]:
    """An engine whose sessions end with their use, and with them all that they held."""
    engine = make_engine(url, pooled=False)
    try:
        yield engine
    finally:
        await engine.dispose()


def _conditions(table: Table, where: Mapping[str, str | Collection[str]]) -> Iterator[ColumnElement[bool]]:
    for column, value in where.items():
        if column == "asset" and table is schema.runs:
            yield table.c.assets.contains([value])
        elif isinstance(value, str):
            yield table.c[column] == value
        else:
            yield table.c[column].in_(value)


async def _go_on(connection: AsyncConnection, log: Log, position: int, upto: int) -> None:
    async with aclosing(gathered(log, after=position, upto=upto)) as batches:
        async for facts in batches:
            await apply(connection, await changes_of(facts))
            await move_checkpoint(connection, facts[-1].position)
            return


async def _keep(
    connection: AsyncConnection, world: World, taken_at: datetime | ColumnElement[datetime]
) -> None:
    """Write a snapshot, and remove those that it makes needless."""
    kept = schema.snapshots.c
    row = {
        kept.version: snapshot.VERSION,
        kept.position: world.position,
        kept.taken_at: taken_at,
        kept.state: snapshot.encode(world),
    }
    await connection.execute(upsert(schema.snapshots).values(row).on_conflict_do_nothing())
    positions = select(kept.position).where(kept.version == snapshot.VERSION).order_by(kept.position)
    needless = unneeded((await connection.execute(positions)).scalars())
    await connection.execute(
        delete(schema.snapshots).where(kept.version == snapshot.VERSION, kept.position.in_(needless))
    )
