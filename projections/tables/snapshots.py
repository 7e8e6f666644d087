"""The snapshots of this version, looked at while the log is folded past them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from events.envelope import Recorded
from projections import snapshot
from projections.tables import schema
from projections.world import World, evolve

_ours = schema.snapshots.c.version == snapshot.VERSION


async def kept_positions(connection: AsyncConnection, *, limit: int | None = None) -> list[int]:
    """Where snapshots were taken, the newest first."""
    position = schema.snapshots.c.position
    found = await connection.execute(select(position).where(_ours).order_by(position.desc()).limit(limit))
    return list(found.scalars())


async def kept_state(connection: AsyncConnection, position: int) -> bytes | None:
    """The snapshot that was taken there, if it still is there."""
    kept = schema.snapshots.c
    found = await connection.execute(
        select(kept.state).where(_ours, kept.position == position).order_by(kept.position).limit(1)
    )
    return found.scalar_one_or_none()


async def replace_state(connection: AsyncConnection, position: int, state: bytes) -> None:
    """Have the snapshot that was taken there say something else."""
    kept = schema.snapshots
    await connection.execute(update(kept).where(_ours, kept.c.position == position).values(state=state))


def passing(world: World, facts: Sequence[Recorded], positions: Sequence[int]) -> Iterator[int]:
    """Folds the facts into the world, and stops at each of the positions while the world stands there."""
    stops = frozenset(positions)
    for recorded in facts:
        evolve(world, recorded)
        if recorded.position in stops:
            yield recorded.position
