"""What runs took, read from the table of runs: a statement that gives the newest of each kind."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Row, Select, Text, cast, collate, func, select

from projections.durations import SAMPLES_MAX, Durations, Took, lag_of
from projections.tables.schema import runs


def selecting_taken() -> Select[Any]:
    """The newest runs that succeeded, some of the same assets and as many partitions; the oldest first.

    It goes over all runs once, whose number it costs by; what it gives is bounded by their kinds.
    """
    count = func.coalesce(cast(runs.c.partitions["count"].astext, BigInteger), 1)
    # As text in the order of its bytes: sorting them as JSON takes four times as long.
    assets = collate(cast(runs.c.assets, Text), "C")
    nth = func.row_number().over(partition_by=(assets, count), order_by=runs.c.position.desc())
    newest = (
        select(
            runs.c.assets,
            count.label("covered"),
            runs.c.backfill_id,
            runs.c.launched_at,
            runs.c.started_at,
            runs.c.ended_at,
            runs.c.position,
            nth.label("nth"),
        )
        .where(runs.c.status == "succeeded", runs.c.started_at.is_not(None))
        .subquery()
    )
    return select(newest).where(newest.c.nth <= SAMPLES_MAX).order_by(newest.c.position)


def durations_of(rows: Iterable[Row[Any]]) -> Durations:
    """What those runs took."""
    durations, taken = Durations(), list(rows)
    durations.lag = lag_of((row.backfill_id, row.launched_at, row.ended_at) for row in taken)
    for row in taken:
        took = Took(row.started_at - row.launched_at, row.ended_at - row.started_at)
        durations.add(tuple(row.assets), row.covered, took)
    return durations
