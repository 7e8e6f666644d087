"""The listed tables made anew beside the live ones, which are then replaced in one short transaction.

Until that moment nobody sees the new ones: whoever keeps the live tables up to date goes on doing so. What is
left of a rebuild that was killed is dropped by the next one.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import anyio
import asyncpg
from sqlalchemy import Table, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.crash_points import CrashPoint, reach
from events.envelope import Recorded
from events.errors import LogBusyError
from events.log import Log
from projections import snapshot
from projections.differing import differing
from projections.tables.snapshots import kept_positions, kept_state, passing, replace_state
from projections.tables.writing import (
    LIVE,
    apply,
    changes_of,
    checkpoint,
    gathered,
    make_like_live,
    move_checkpoint,
    named,
)
from projections.world import World

REBUILT: Final = named("_rebuilt")
NEAR_FACTS: Final = 1_000  # behind the live tables: so few are folded while these are locked
SWAP_LOCK_S: Final = 1.0  # that readers who come later wait behind us for one who is there
SWAPS_MAX: Final = 60
SWAP_RETRY_S: Final = 0.5

_REBUILD_LOCK: Final = 0x6261636B_7265626C  # "backrebl"


class Rebuilt(NamedTuple):
    """What the new tables hold."""

    position: int
    rows: dict[str, int]  # by table
    snapshots_mended: int


async def rebuild(engine: AsyncEngine, log: Log, *, with_snapshots: bool) -> Rebuilt | None:
    """Replace the live tables by new ones made from the whole log; None while somebody else is doing that.

    :param engine: one that does not pool its connections: the session's end releases its lock, however it
        comes.
    :param with_snapshots: whether snapshots that do not say what the log says are replaced too.
    :raises LogBusyError: somebody read the tables for so long that they could not be replaced.
    """
    async with engine.connect() as connection:
        is_ours = (await connection.execute(select(func.pg_try_advisory_lock(_REBUILD_LOCK)))).scalar_one()
        await connection.commit()
        if not is_ours:
            return None
        snapshots = _Snapshots(await kept_positions(connection) if with_snapshots else ())
        await connection.execute(text(f"DROP TABLE IF EXISTS {REBUILT.names}"))
        await make_like_live(connection, REBUILT, temporary=False)
        await connection.commit()
        position = 0
        while (head := await log.head()) - position > NEAR_FACTS:
            position = await _fill(connection, log, position, head, snapshots)
        position = await _fill(connection, log, position, head, snapshots)
        position = await _swap(connection, log, position)
        counts = [select(func.count()).select_from(table).scalar_subquery() for table in LIVE]
        row = (await connection.execute(select(*counts))).one()
        return Rebuilt(
            position, {table.name: count for table, count in zip(LIVE, row, strict=True)}, snapshots.mended
        )


async def _fill(
    connection: AsyncConnection, log: Log, position: int, upto: int, snapshots: "_Snapshots"
) -> int:
    async for facts in gathered(log, after=position, upto=upto):
        await apply(connection, await changes_of(facts), REBUILT)
        await snapshots.fold(connection, facts)
        await connection.commit()
        reach(CrashPoint.DURING_REBUILD)
        position = facts[-1].position
    return position


async def _swap(connection: AsyncConnection, log: Log, position: int) -> int:
    """The position the tables stand at, once the new ones are the live ones.

    Whoever is reading the live ones is waited for, but never so long that later readers are held up.
    """
    for _ in range(SWAPS_MAX):
        try:
            async with connection.begin():
                return await _swapped(connection, log, position)
        except DBAPIError as error:
            if not isinstance(getattr(error.orig, "__cause__", None), asyncpg.LockNotAvailableError):
                raise
        await anyio.sleep(SWAP_RETRY_S)
    raise LogBusyError(
        "somebody has been reading the tables all the while, a backup say, so that they could not be "
        "replaced; they are as they were. Try again later"
    )


async def _swapped(connection: AsyncConnection, log: Log, position: int) -> int:
    await connection.execute(text(f"SET LOCAL lock_timeout = '{SWAP_LOCK_S:g}s'"))
    # Nobody writes to the tables without this lock, so that none of what they say is lost.
    _, live_at = await checkpoint(connection, lock=True)
    async for facts in gathered(log, after=position, upto=live_at):
        await apply(connection, await changes_of(facts), REBUILT)
        position = facts[-1].position
    await connection.execute(text(f"LOCK TABLE {LIVE.names} IN ACCESS EXCLUSIVE MODE"))
    renamings = [
        each for pair in zip(LIVE, REBUILT, strict=True) for each in await _indexes(connection, *pair)
    ]
    await connection.execute(text(f"DROP TABLE {LIVE.names}"))
    for live, rebuilt in zip(LIVE, REBUILT, strict=True):
        await connection.execute(text(f"ALTER TABLE {rebuilt.name} RENAME TO {live.name}"))
    for old, new in renamings:
        await connection.execute(text(f'ALTER INDEX "{old}" RENAME TO "{new}"'))
    await move_checkpoint(connection, position)
    reach(CrashPoint.DURING_REBUILD)
    return position


async def _indexes(connection: AsyncConnection, live: Table, rebuilt: Table) -> list[tuple[str, str]]:
    """The name of each index of the new table, and the name that its like has: migrations know them by it."""
    found = await connection.execute(text(_SAME_INDEXES), {"live": live.name, "rebuilt": rebuilt.name})
    return [(made, kept) for made, kept in found]


_SAME_INDEXES: Final = """
SELECT made.indexrelid::regclass::text, kept.indexrelid::regclass::text
FROM pg_index AS made JOIN pg_index AS kept
  ON made.indisprimary = kept.indisprimary AND made.indisunique = kept.indisunique
 AND substring(pg_get_indexdef(made.indexrelid) FROM ' USING .*')
   = substring(pg_get_indexdef(kept.indexrelid) FROM ' USING .*')
WHERE made.indrelid = CAST(:rebuilt AS text)::regclass AND kept.indrelid = CAST(:live AS text)::regclass
ORDER BY 1
"""


class _Snapshots:
    """The state folded along, and put in the place of every snapshot that says something else."""

    def __init__(self, positions: Sequence[int]) -> None:
        self.mended = 0
        self._positions = positions
        self._world = World()

    async def fold(self, connection: AsyncConnection, facts: Sequence[Recorded]) -> None:
        """Go on over these facts."""
        if not self._positions:
            return
        for position in passing(self._world, facts, self._positions):
            state = await kept_state(connection, position)
            kept = None if state is None else snapshot.decode(state)
            if state is not None and (kept is None or any(differing(kept.known, self._world.known))):
                await replace_state(connection, position, snapshot.encode(self._world))
                self.mended += 1
