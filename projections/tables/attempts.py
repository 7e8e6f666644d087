"""Where the log tells of attempts at partitions of an asset, asked of the listed tables."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Select, or_, select, union_all

from projections.tables.of_partitions import UNFILLED, of_many, of_one
from projections.tables.schema import materializations, runs

# All but "succeeded", named one by one: so the index over the statuses passes over the many that did.
NOT_SUCCEEDED: Final = ("launched", "running", "failed", "canceled", "lost")


class Place(msgspec.Struct, frozen=True):
    """Where the log tells of an attempt: a fact that fills partitions, of a run or none, or a run."""

    first: int  # position: of the launch of the run, or of the fact where there is none
    run_id: str | None
    filled: int | None  # position of the fact; None: all facts of the run are of interest


def selecting_filled(asset: str, keys: Sequence[str] | None, *, limit: int) -> Select[Any]:
    """Where partitions were filled, which run did it, and where that was launched; by runs that succeeded."""
    made = materializations.c
    statement = (
        select(made.position, runs.c.position.label("launched"), runs.c.id.label("run_id"))
        .outerjoin_from(materializations, runs, made.run_id == runs.c.id)
        .where(made.asset == asset, or_(runs.c.id.is_(None), runs.c.status == "succeeded"))
    )
    if keys is None:
        return statement.order_by(made.position).limit(limit)
    return _first_of(
        statement.where(of_one(materializations, keys)).order_by(made.position).limit(limit),
        statement.where(of_many(materializations)).order_by(made.position).limit(limit),
        limit=limit,
    )


def selecting_others(asset: str, keys: Sequence[str] | None, *, limit: int) -> Select[Any]:
    """The ids of runs over the asset that have not succeeded."""
    position = runs.c.position
    statement = select(runs.c.id, position).where(runs.c.assets.contains([asset]))
    if keys is None:
        return statement.where(runs.c.status.in_(NOT_SUCCEEDED)).order_by(position).limit(limit)
    return _first_of(
        statement.where(UNFILLED, of_one(runs, keys)).order_by(position).limit(limit),
        statement.where(UNFILLED, of_many(runs)).order_by(position).limit(limit),
        limit=limit,
    )


def selecting_runs(asset: str, keys: Sequence[str], *, limit: int) -> Select[Any]:
    """The ids of runs that may have been launched over these partitions, whatever came of them."""
    may_hold = or_(of_one(runs, keys), of_many(runs))
    statement = select(runs.c.id).where(runs.c.assets.contains([asset]), may_hold)
    return statement.order_by(runs.c.position).limit(limit)


def _first_of(one: Select[Any], many: Select[Any], *, limit: int) -> Select[Any]:
    """Rows about one key and rows about many: asked for together, neither would be found by its index."""
    both = union_all(one.subquery().select(), many.subquery().select()).subquery()
    return select(both).order_by(both.c.position).limit(limit)
