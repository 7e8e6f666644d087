"""The projections in the database: snapshots of the state, and the listed tables brought up to date."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import anyio
from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from events.crash_points import CrashPoint, reach
from events.driver import database_url, make_engine, translated
from events.envelope import Recorded
from events.log import Log
from projections import snapshot
from projections.durations import Durations
from projections.tables import changes as table_changes
from projections.tables import schema
from projections.tables.changes import Changes, Row
from projections.tables.taken import durations_of, selecting_taken
from projections.world import World, evolve

SNAPSHOTS_KEPT = 3
CLOSE_TIMEOUT_S = 5.0

_RUN_COLUMNS = ("status", "started_at", "ended_at", "error")
_BACKFILL_COLUMNS = ("status", "ended_at")


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
        """The world at a position (None: the head), from the newest snapshot and the facts since."""
        world = await self._newest_snapshot(upto) or World()
        async with aclosing(log.read(after=world.position, upto=upto)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)
        return world

    async def save_snapshot(self, world: World, taken_at: datetime) -> None:
        """Keep the world's state, so that the next start need not fold what came before."""
        row = {
            "version": snapshot.VERSION,
            "position": world.position,
            "taken_at": taken_at,
            "state": snapshot.encode(world),
        }
        kept = (
            select(schema.snapshots.c.position)
            .where(schema.snapshots.c.version == snapshot.VERSION)
            .order_by(schema.snapshots.c.position.desc())
            .limit(SNAPSHOTS_KEPT)
        )
        with translated(self._url):
            async with self._engine.begin() as connection:
                await connection.execute(upsert(schema.snapshots).values(row).on_conflict_do_nothing())
                reach(CrashPoint.DURING_SNAPSHOT)
                await connection.execute(
                    delete(schema.snapshots).where(
                        schema.snapshots.c.version == snapshot.VERSION,
                        schema.snapshots.c.position.not_in(kept),
                    )
                )

    async def bring_up_to_date(self, log: Log) -> int:
        """The position the tables stand at once they hold everything the log did when this was called.

        Any number of processes may do this at once: the checkpoint's row is locked, and moves with the rows.
        """
        head = await log.head()
        with translated(self._url):
            while True:
                async with self._engine.begin() as connection:
                    position = await self._locked_position(connection)
                    if position >= head:
                        return position
                    batch = await _next_batch(log, position, head)
                    await _apply(connection, table_changes.changes(batch))
                    await connection.execute(
                        update(schema.checkpoint)
                        .where(schema.checkpoint.c.projection == "tables")
                        .values(version=table_changes.VERSION, position=batch[-1].position)
                    )

    async def rows(self, table: Table, *, where: dict[str, str], limit: int) -> list[dict[str, Any]]:
        """Rows of a listed table, newest first; ``where`` maps columns to values, ``limit`` 0 means all."""
        statement = select(table).order_by(table.c.position.desc())
        for column, value in where.items():
            statement = statement.where(table.c[column] == value)
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement.limit(limit or None))
                return [dict(row) for row in found.mappings()]

    async def durations(self) -> Durations:
        """What runs took that succeeded, as far as the tables know."""
        with translated(self._url):
            async with self._engine.connect() as connection:
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

    async def _locked_position(self, connection: AsyncConnection) -> int:
        """Where the tables stand; tables another version filled are emptied first."""
        statement = (
            select(schema.checkpoint.c.version, schema.checkpoint.c.position)
            .where(schema.checkpoint.c.projection == "tables")
            .order_by(schema.checkpoint.c.position)
            .limit(1)
            .with_for_update()
        )
        version, position = (await connection.execute(statement)).one()
        if version == table_changes.VERSION:
            return int(position)
        for table in (schema.backfills, schema.runs, schema.materializations):
            await connection.execute(delete(table))
        return 0


async def _next_batch(log: Log, after: int, upto: int) -> Sequence[Recorded]:
    async with aclosing(log.read(after=after, upto=upto)) as batches:
        async for batch in batches:
            return batch
    return ()


async def _apply(connection: AsyncConnection, made: Changes) -> None:
    await _insert(connection, schema.backfills, made.new_backfills.values())
    await _insert(connection, schema.runs, made.new_runs.values())
    await _insert(connection, schema.materializations, made.new_materializations)
    await _update(connection, schema.runs, made.runs, _RUN_COLUMNS)
    await _update(connection, schema.backfills, made.backfills, _BACKFILL_COLUMNS)
    if made.materialized:
        await connection.execute(
            update(schema.backfills)
            .where(schema.backfills.c.id == bindparam("key"))
            .values(partitions_materialized=schema.backfills.c.partitions_materialized + bindparam("more")),
            [{"key": key, "more": more} for key, more in made.materialized.items()],
        )


async def _insert(connection: AsyncConnection, table: Table, rows: Iterable[Row]) -> None:
    complete = [{column.name: row.get(column.name) for column in table.columns} for row in rows]
    if complete:
        await connection.execute(insert(table), complete)


async def _update(
    connection: AsyncConnection, table: Table, rows: dict[str, Row], columns: Sequence[str]
) -> None:
    """Set the columns that are given and leave the others, in one statement for all rows."""
    if not rows:
        return
    values = {
        table.c[column]: func.coalesce(
            bindparam(f"new_{column}", type_=table.c[column].type), table.c[column]
        )
        for column in columns
    }
    await connection.execute(
        update(table).where(table.c.id == bindparam("key")).values(values),
        [
            {"key": key} | {f"new_{column}": row.get(column) for column in columns}
            for key, row in rows.items()
        ],
    )
