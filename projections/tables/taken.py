"""What runs took, read from the table of runs: a statement that gives the newest of each kind."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, Row, Select, Text, cast, collate, func, select

from projections.durations import SAMPLES_MAX, Durations, Took, lag_of
from projections.tables.schema import runs

LATELY: Final = 10_000  # runs that the newest are looked for among


def selecting_taken(runs_max: int | None = None) -> Select[Any]:
    """The newest runs that succeeded, some of the same assets and as many partitions; the oldest first.

    It goes over all runs once, or over so many newest ones, whose number it costs by; what it gives is
    bounded by their kinds.
    """
    newest_runs = select(runs).order_by(runs.c.position.desc()).limit(runs_max).subquery()
    looked_at = runs.c if runs_max is None else newest_runs.c
    count = func.coalesce(cast(looked_at.partitions["count"].astext, BigInteger), 1)
    # As text in the order of its bytes: sorting them as JSON takes four times as long.
    assets = collate(cast(looked_at.assets, Text), "C")
    nth = func.row_number().over(partition_by=(assets, count), order_by=looked_at.position.desc())
    newest = (
        select(
            looked_at.assets,
            count.label("covered"),
            looked_at.backfill_id,
            looked_at.launched_at,
            looked_at.started_at,
            looked_at.ended_at,
            looked_at.position,
            nth.label("nth"),
        )
        .where(looked_at.status == "succeeded", looked_at.started_at.is_not(None))
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
