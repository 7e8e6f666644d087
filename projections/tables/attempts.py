"""Where the log tells of attempts at partitions of an asset, asked of the listed tables."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Select, or_, select

from projections.tables.of_partitions import UNFILLED, may_hold
from projections.tables.schema import materializations, runs

# All but "succeeded", named one by one: so the index over the statuses passes over the many that did.
NOT_SUCCEEDED: Final = ("launched", "running", "failed", "canceled", "lost")


class AttemptsAt(msgspec.Struct, frozen=True):
    """Where the log tells of attempts: single facts, and runs whose facts are all of interest."""

    positions: tuple[int, ...]
    run_ids: tuple[str, ...]


def selecting_filled(asset: str, keys: Sequence[str] | None, *, limit: int) -> Select[Any]:
    """Where partitions were filled, and where the run was launched that did it; by runs that succeeded."""
    made = materializations.c
    statement = (
        select(made.position, runs.c.position)
        .outerjoin_from(materializations, runs, made.run_id == runs.c.id)
        .where(made.asset == asset, or_(runs.c.id.is_(None), runs.c.status == "succeeded"))
        .order_by(made.position)
    )
    if keys is not None:
        statement = statement.where(may_hold(materializations, keys))
    return statement.limit(limit)


def selecting_others(asset: str, keys: Sequence[str] | None, *, limit: int) -> Select[Any]:
    """The ids of runs over the asset that have not succeeded."""
    statement = (
        select(runs.c.id)
        .where(runs.c.status.in_(NOT_SUCCEEDED), runs.c.assets.contains([asset]))
        .order_by(runs.c.position)
    )
    if keys is not None:
        statement = statement.where(UNFILLED, may_hold(runs, keys))
    return statement.limit(limit)


def selecting_runs(asset: str, keys: Sequence[str], *, limit: int) -> Select[Any]:
    """The ids of runs that may have been launched over these partitions, whatever came of them."""
    statement = select(runs.c.id).where(runs.c.assets.contains([asset]), may_hold(runs, keys))
    return statement.order_by(runs.c.position).limit(limit)
