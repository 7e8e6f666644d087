"""The projections in the database: snapshots of the state, and the listed tables brought up to date."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import anyio
from sqlalchemy import ColumnElement, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from events.crash_points import CrashPoint, reach
from events.driver import database_url, make_engine, translated
from events.envelope import Recorded
from events.errors import LogReadOnlyError
from events.log import Log
from projections import snapshot
from projections.snapshots_kept import passes_mark, unneeded
from projections.tables import changes as table_changes
from projections.tables import schema, then
from projections.tables.changes import Changes, Row
from projections.world import World, evolve

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

    async def rows(
        self,
        table: Table,
        *,
        where: Mapping[str, str | Collection[str]],
        limit: int,
        upto: int | None = None,
        without: Collection[str] = (),
    ) -> list[dict[str, Any]]:
        """Rows of a listed table, newest first; ``limit`` 0 means all.

        ``where`` maps columns to a value, or to several of which it must be one; ``without`` names ids that
        are left out, and no row began past position ``upto``.
        """
        statement = select(table).order_by(table.c.position.desc())
        for column, value in where.items():
            is_one = isinstance(value, str)
            statement = statement.where(table.c[column] == value if is_one else table.c[column].in_(value))
        if upto is not None:
            statement = statement.where(table.c.position <= upto)
        if without:
            statement = statement.where(table.c.id.not_in(without))
        with translated(self._url):
            async with self._engine.connect() as connection:
                found = await connection.execute(statement.limit(limit or None))
                return [dict(row) for row in found.mappings()]

    async def runs_then(self, world: World, *, where: Mapping[str, str], limit: int) -> list[dict[str, Any]]:
        """The rows of runs as they were in that world, newest first; the tables must hold its position."""
        live = then.live_runs(world)
        status = where.get("status")
        chosen: dict[str, str | Collection[str]] = {**where}
        without: Collection[str] = ()
        if status in then.LIVE_STATUSES:
            del chosen["status"]
            chosen["id"] = [
                run_id
                for run_id, run in live.items()
                if then.status_then(run) == status and where.get("id") in {None, run_id}
            ]
        elif status is not None:
            without = live
        rows = await self.rows(schema.runs, where=chosen, limit=limit, upto=world.position, without=without)
        return [then.run_row_then(row, live.get(row["id"])) for row in rows]

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
