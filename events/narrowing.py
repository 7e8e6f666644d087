"""Where in PostgreSQL's log the facts stand that a filter can mean, found before they are read.

Times and assets have no index that holds the facts in order. But times rise with the positions, but for
stragglers that one small index finds; and the facts about an asset stand in the backfills that target it,
each of them a stretch of the log with an index of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Select, func, literal_column, select

from events.log import Filter
from events.matching import RunNumbers, numbers_of
from events.schema import log

# The planner takes times and positions to have nothing to do with each other, and would rather read half the
# log along the positions. With these, only the index by time is left to it.
ALONG_TIME: Final = (
    "SET LOCAL enable_bitmapscan = on",
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_indexscan = off",
)

# Halves the positions until two neighbours are left: the first earlier than $1, the second not.
_SEARCH: Final = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, $2::bigint + 1
    UNION ALL
    SELECT CASE WHEN middle.at < $1 THEN middle.position ELSE low END,
           CASE WHEN middle.at < $1 THEN high ELSE middle.position END
    FROM search, LATERAL (SELECT position, at FROM log WHERE position = (low + high) / 2) AS middle
    WHERE high - low > 1
)
SELECT low FROM search ORDER BY high - low LIMIT 1
"""
STRAGGLERS_SINCE: Final = """
WITH found AS MATERIALIZED (SELECT position FROM log WHERE position <= {position} AND at >= $1)
SELECT min(position) FROM found
"""
STRAGGLERS_UNTIL: Final = """
WITH found AS MATERIALIZED (SELECT position FROM log WHERE position > {position} AND at < $1)
SELECT max(position) FROM found
"""


class Scope(msgspec.Struct, frozen=True):
    """A backfill that targets an asset: where its facts stand, and which of its runs fill the asset."""

    backfill_id: str
    first: int  # position
    last: int
    numbers: RunNumbers
    is_whole: bool  # all of its runs fill the asset


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the log with the backfills that overlap there; between segments there is none."""

    first: int
    last: int
    scopes: tuple[Scope, ...]


async def within_time(driver: Any, matching: Filter, *, after: int, upto: int) -> tuple[int, int]:  # noqa: ANN401 - asyncpg has no types
    """The positions (after, upto] narrowed to those from the first fact of the filter's time to the last."""
    since, until = matching.since, matching.until
    earlier = 0 if since is None else await _search(driver, since, upto)
    inside = upto if until is None else await _search(driver, until, upto)
    async with driver.transaction(readonly=True):
        for setting in ALONG_TIME:
            await driver.execute(setting)
        if since is not None:
            straggler = await driver.fetchval(STRAGGLERS_SINCE.format(position=earlier), since)
            after = max(after, earlier if straggler is None else straggler - 1)
        if until is not None:
            straggler = await driver.fetchval(STRAGGLERS_UNTIL.format(position=inside), until)
            upto = min(upto, inside if straggler is None else straggler)
    return after, upto


async def _search(driver: Any, at: datetime, upto: int) -> int:  # noqa: ANN401 - as above
    """A position such that all before it are earlier and all behind it are not, stragglers apart."""
    found: int = await driver.fetchval(_SEARCH, at, upto)
    return found


class _Asked(msgspec.Struct, frozen=True, array_like=True):
    backfill_id: str
    first: int
    last: int
    assets: list[list[str]]  # of each group
    runs_total: list[int]


_decode_asked: Final = msgspec.json.Decoder(_Asked).decode


def selecting_asked(asset: str, backfill_id: str | None, upto: int) -> Select[Any]:
    """The statement that reads the backfills that target the asset, in the order of their requests.

    Requests are few, and all of them are looked at: no index is worth its keep.
    """
    asked, behind = log.alias("asked"), log.alias("behind")
    last = (
        select(behind.c.position)
        .where(behind.c.backfill_id == asked.c.backfill_id)
        .order_by(behind.c.position.desc())
        .limit(1)
        .scalar_subquery()
    )

    def each(path: str) -> Any:  # noqa: ANN401 - an expression of any type
        return func.jsonb_path_query_array(asked.c.data, literal_column(f"'$.groups[*].{path}'"))

    statement = select(
        func.json_build_array(asked.c.backfill_id, asked.c.position, last, each("assets"), each("runs_total"))
    ).where(
        asked.c.type == "BackfillRequested",
        asked.c.position <= upto,
        asked.c.backfill_id.is_not(None),
        func.jsonb_exists(each("assets[*]"), asset),
    )
    if backfill_id is not None:
        statement = statement.where(asked.c.backfill_id == backfill_id)
    return statement.order_by(asked.c.position)


def scopes_of(asset: str, lines: Iterable[bytes]) -> list[Scope]:
    """The backfills in the rows' JSON."""
    scopes = []
    for line in lines:
        asked = _decode_asked(line)
        numbers = numbers_of(asset, zip(asked.assets, asked.runs_total, strict=True))
        is_whole = all(asset in assets for assets in asked.assets)
        scopes.append(Scope(asked.backfill_id, asked.first, asked.last, numbers, is_whole))
    return scopes


def segments_of(scopes: Sequence[Scope]) -> list[Segment]:
    """The stretches that the scopes, in the order they begin, cover together.

    >>> [(each.first, each.last) for each in segments_of([
    ...     Scope("a", 1, 5, (), True), Scope("b", 4, 9, (), True), Scope("c", 12, 20, (), True)])]
    [(1, 9), (12, 20)]
    """
    segments: list[Segment] = []
    for scope in scopes:
        if segments and scope.first <= segments[-1].last:
            joined = segments.pop()
            segments.append(Segment(joined.first, max(joined.last, scope.last), (*joined.scopes, scope)))
        else:
            segments.append(Segment(scope.first, scope.last, (scope,)))
    return segments
