"""Changes written to the listed tables, or to others of their shape."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread
from sqlalchemy import (
    JSON,
    Column,
    MetaData,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from events.envelope import Recorded
from events.log import Log
from projections.tables import schema
from projections.tables.changes import VERSION, Changes, Row, changes

GATHERED_MAX: Final = 5_000  # facts folded into the tables at once
MANY: Final = 250  # facts, which take some milliseconds

_RUN_COLUMNS: Final = ("status", "started_at", "ended_at", "error")
_BACKFILL_COLUMNS: Final = ("status", "ended_at")


class Lists(NamedTuple):
    """The listed tables, or others of their shape."""

    backfills: Table
    runs: Table
    materializations: Table

    @property
    def names(self) -> str:
        """As SQL lists them."""
        return ", ".join(table.name for table in self)


LIVE: Final = Lists(schema.backfills, schema.runs, schema.materializations)


def named(suffix: str) -> Lists:
    """Tables of the same shape whose names end so. They need not exist."""
    apart = MetaData()
    return Lists(*(table.to_metadata(apart, name=f"{table.name}{suffix}") for table in LIVE))


async def make_like_live(connection: AsyncConnection, lists: Lists, *, temporary: bool) -> None:
    """Make the tables, empty, with the columns and indexes that the live ones have."""
    kind, end = ("TEMPORARY TABLE", "ON COMMIT DROP") if temporary else ("TABLE", "")
    for live, table in zip(LIVE, lists, strict=True):
        statement = f"CREATE {kind} {table.name} (LIKE {live.name} INCLUDING ALL) {end}"
        await connection.execute(text(statement))


async def gathered(log: Log, *, after: int, upto: int) -> AsyncGenerator[list[Recorded], None]:
    """The facts with ``after < position <= upto``, as many together as are folded at once."""
    facts: list[Recorded] = []
    async with aclosing(log.read(after=after, upto=upto)) as batches:
        async for batch in batches:
            facts.extend(batch)
            if len(facts) >= GATHERED_MAX:
                yield facts
                facts = []
    if facts:
        yield facts


async def changes_of(facts: Sequence[Recorded]) -> Changes:
    """What the facts do to the tables. That of many is worked out on a thread: the event loop goes on."""
    return changes(facts) if len(facts) < MANY else await to_thread.run_sync(changes, facts)


async def checkpoint(connection: AsyncConnection, *, lock: bool) -> tuple[int, int]:
    """The version that filled the live tables, and the position they stand at.

    :param lock: whether nobody else may move it, or the tables' rows, before the transaction ends.
    """
    kept = schema.checkpoint.c
    statement = select(kept.version, kept.position).where(kept.projection == "tables")
    statement = statement.order_by(kept.position).limit(1)
    version, position = (await connection.execute(statement.with_for_update() if lock else statement)).one()
    return version, position


async def move_checkpoint(connection: AsyncConnection, position: int) -> None:
    """Note that the live tables stand there, filled by this version."""
    await connection.execute(
        update(schema.checkpoint)
        .where(schema.checkpoint.c.projection == "tables")
        .values(version=VERSION, position=position)
    )


async def apply(connection: AsyncConnection, made: Changes, lists: Lists = LIVE) -> None:
    """Write what facts do to the tables."""
    await _insert(connection, lists.backfills, made.new_backfills.values())
    await _insert(connection, lists.runs, made.new_runs.values())
    await _insert(connection, lists.materializations, made.new_materializations)
    await _update(connection, lists.runs, made.runs, _RUN_COLUMNS)
    await _update(connection, lists.backfills, made.backfills, _BACKFILL_COLUMNS)
    if made.materialized:
        filled = lists.backfills.c.partitions_materialized
        await connection.execute(
            update(lists.backfills)
            .where(lists.backfills.c.id == bindparam("key"))
            .values(partitions_materialized=filled + bindparam("more")),
            [{"key": key, "more": more} for key, more in made.materialized.items()],
        )


async def _insert(connection: AsyncConnection, table: Table, rows: Iterable[Row]) -> None:
    if content := _as_json(rows):
        given = _given(table)
        statement = insert(table).from_select(given.columns.keys(), select(*given.columns))
        await connection.execute(statement, {"rows": content})


async def _update(
    connection: AsyncConnection, table: Table, rows: dict[str, Row], columns: Sequence[str]
) -> None:
    """Set the columns that are given and leave the others, in one statement for all rows."""
    if content := _as_json({"id": key} | row for key, row in rows.items()):
        given = _given(table)
        values = {column: func.coalesce(given.c[column], table.c[column]) for column in columns}
        statement = update(table).where(table.c.id == given.c.id).values(values)
        await connection.execute(statement, {"rows": content})


def _as_json(rows: Iterable[Row]) -> str | None:
    """All rows as one text, or None: as many parameters would take the database five times as long."""
    listed = list(rows)
    return msgspec.json.encode(listed).decode() if listed else None


def _given(table: Table) -> TableValuedAlias:
    """What `_as_json` made, as rows of the table again."""
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    columns = [Column(column.name, column.type) for column in table.columns]
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)
