"""Attempts launched in a stretch of time: found by where the log tells of their launches, and counted."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Text, case, cast, collate, func, select

from projections.backfill.tally import UNITS_PER_S
from projections.tables.schema import runs


class Launched(msgspec.Struct, frozen=True):
    """A stretch of time, and between which positions of the log all launches in it lie."""

    since: datetime
    until: datetime  # before which
    first: int
    last: int

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether the run of a row was launched then."""
        position, at = row["position"], row["launched_at"]
        return bool(self.first <= position <= self.last and self.since <= at < self.until)


class CountedRow(msgspec.Struct, frozen=True):
    """Attempts over the same assets that began in the same bucket, and ended alike in the same one."""

    assets: tuple[str, ...]
    began: int  # the bucket's number, see `projections.backfill.tally`
    ended: int | None
    status: str
    count: int


def is_launched(launched: Launched) -> tuple[ColumnElement[bool], ...]:
    """What holds of runs launched then."""
    return (
        runs.c.position.between(launched.first, launched.last),
        runs.c.launched_at >= launched.since,
        runs.c.launched_at < launched.until,
    )


def selecting_counts(
    launched: Launched,
    shift: int,
    *,
    where: Iterable[ColumnElement[bool]],
    at: datetime | None,
    limit: int,
) -> Select[Any]:
    """How many attempts were launched then, by their buckets.

    :param where: what else holds of their rows.
    :param at: the moment that is looked at (None: now); what ended later was under way.
    """
    known_end = runs.c.ended_at if at is None else case((runs.c.ended_at <= at, runs.c.ended_at))
    each = (
        select(
            # As text in the order of its bytes, which is grouped in a quarter of the time that JSON takes.
            collate(cast(runs.c.assets, Text), "C").label("assets"),
            _bucket(runs.c.launched_at, shift).label("began"),
            _bucket(known_end, shift).label("ended"),
            runs.c.status,
        )
        .where(*is_launched(launched), *where)
        .subquery()
        .c
    )
    alike = (each.began, each.ended, each.assets, each.status)
    return select(*alike, func.count().label("count")).group_by(*alike).order_by(*alike).limit(limit)


def _bucket(at: ColumnElement[Any], shift: int) -> ColumnElement[Any]:
    units = cast(func.floor(func.extract("epoch", at) * UNITS_PER_S), BigInteger)
    return units.op(">>")(cast(shift, Integer))
