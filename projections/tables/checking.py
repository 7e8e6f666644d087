"""The listed tables and the newest snapshots compared with a new fold of the log, at one position.

The log is folded into temporary tables of the session, in one transaction with a look at the live ones that
does not move: whoever fills these meanwhile disturbs nothing, and is not held up. The database compares.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Table, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.log import Log
from projections import snapshot
from projections.differing import differing
from projections.tables.changes import VERSION
from projections.tables.checked import Checked, Difference
from projections.tables.snapshots import kept_positions, kept_state, passing
from projections.tables.writing import LIVE, apply, changes_of, checkpoint, gathered, make_like_live, named
from projections.world import World

FOLDED: Final = named("_folded")
SNAPSHOTS_CHECKED: Final = 3  # the newest
ROWS_SHOWN_MAX: Final = 1_000  # of each table that differ
PLACES_SHOWN_MAX: Final = 100  # of each snapshot that differ


async def check(engine: AsyncEngine, log: Log) -> Checked:
    """What a new fold of the log says of the tables; they are read and nothing is changed."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin() as transaction:
            # Before anything is read: a rebuild must not replace the tables that this transaction sees.
            await connection.execute(text(f"LOCK TABLE {LIVE.names} IN ACCESS SHARE MODE"))
            checked = await _checked(connection, log)
            await transaction.rollback()
    return checked


async def _checked(connection: AsyncConnection, log: Log) -> Checked:
    version, position = await checkpoint(connection, lock=False)
    head = await log.head()
    snapshots = await kept_positions(connection, limit=SNAPSHOTS_CHECKED)
    differences = _of_the_checkpoint(version, position, head)
    await make_like_live(connection, FOLDED, temporary=True)
    upto = max([position, *snapshots])
    folded, wrong = await _fold(connection, log, position, [at for at in snapshots if at <= head], upto)
    rows, rows_differing = {}, 0
    for live, other in zip(LIVE, FOLDED, strict=True):
        rows[live.name] = (await connection.execute(select(func.count()).select_from(live))).scalar_one()
        if version == VERSION or position == 0:
            found, count = await _compared(connection, live, other)
            differences += found
            rows_differing += count
    return Checked(
        position=position,
        head=head,
        facts=folded,
        rows=rows,
        snapshots=len(snapshots),
        differences=(*differences, *wrong),
        rows_differing=rows_differing,
        snapshots_differing=len({each.key for each in wrong}),
    )


def _of_the_checkpoint(version: int, position: int, head: int) -> list[Difference]:
    differences = []
    if version != VERSION and position:
        differences.append(Difference("checkpoint", "tables", "version", version, VERSION))
    if position > head:
        differences.append(Difference("checkpoint", "tables", "position", position, head))
    return differences


async def _fold(
    connection: AsyncConnection, log: Log, position: int, snapshots: list[int], upto: int
) -> tuple[int, list[Difference]]:
    """How many facts there were, now folded into the temporary tables; and what is wrong with snapshots."""
    world, facts_folded, wrong = World(), 0, list[Difference]()
    async for facts in gathered(log, after=0, upto=upto):
        listed = [each for each in facts if each.position <= position]
        await apply(connection, await changes_of(listed), FOLDED)
        if world.position < max(snapshots, default=0):
            for stop in passing(world, facts, snapshots):
                wrong += _of_a_snapshot(stop, await kept_state(connection, stop), world)
        facts_folded += len(facts)
    return facts_folded, wrong


def _of_a_snapshot(position: int, state: bytes | None, world: World) -> list[Difference]:
    if state is None or state == snapshot.encode(world):
        return []
    kept = snapshot.decode(state)
    if kept is None:
        return [Difference("snapshots", str(position), "state", "bytes that are no state", "a state")]
    found = []
    for each in differing(kept.known, world.known):
        found.append(Difference("snapshots", str(position), each.path, each.kept, each.folded))
        if len(found) == PLACES_SHOWN_MAX:
            break
    return found


async def _compared(connection: AsyncConnection, live: Table, folded: Table) -> tuple[list[Difference], int]:
    """The first differences by key, and how many rows differ."""
    await connection.execute(text(f"ANALYZE {folded.name}"))
    (key,) = (column.name for column in live.primary_key.columns)
    columns = [column.name for column in live.columns]
    differ: list[ColumnElement[bool]] = [live.c[name].is_distinct_from(folded.c[name]) for name in columns]
    either = func.coalesce(live.c[key], folded.c[key])
    statement = (
        select(either, func.count().over(), *live.columns, *folded.columns)
        .select_from(live.join(folded, live.c[key] == folded.c[key], full=True))
        .where(or_(*differ))
        .order_by(either)
        .limit(ROWS_SHOWN_MAX)
    )
    found, count = [], 0
    for at, count, *values in await connection.execute(statement):  # noqa: B007 -- it is the same in each row
        there = dict(zip(columns, values[: len(columns)], strict=True))
        logged = dict(zip(columns, values[len(columns) :], strict=True))
        found += _of_a_row(live, str(at), there, logged)
    return found, count


def _of_a_row(live: Table, key: str, there: dict[str, Any], logged: dict[str, Any]) -> list[Difference]:
    (key_column,) = (column.name for column in live.primary_key.columns)
    has = [None if row[key_column] is None else row for row in (there, logged)]
    if None in has:
        return [Difference(live.name, key, None, *has)]
    return [
        Difference(live.name, key, column, there[column], logged[column])
        for column in there
        if there[column] != logged[column]
    ]
