"""Which attempts a timeline shows: each of some, or how many there are of more.

Of many, those of a long time are counted by what the fold of the log keeps (`projections.backfill.tally`),
which costs the same however many they are; those of a short time by the table of runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from daemon.operations.errors import UsageError
from daemon.operations.moment import time_text, typed_moment
from daemon.web.pages.looking import Look
from daemon.web.pages.timeline.density import Density, Lanes, address_time, density_of, shift_for
from daemon.web.pages.timeline.lanes import LANES_MAX, Timeline, timeline_of
from projections.backfill.state import Backfill
from projections.backfill.tally import Counts, Outcome, Tally, begin_of, bucket_at
from projections.tables.counted import CountedRow, Launched

READ_MAX: Final = 20_000  # attempts that are counted in the table of runs, which takes some 20 ms
BUCKETS_MIN: Final = 24  # of the fold, for it to show what went on in a time
ENDED: Final[Mapping[str, Outcome]] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
    "lost": "lost",
}


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """The attempts that are meant."""

    backfill: str | None = None
    asset: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_of_a_time(self) -> bool:
        """Whether only those of some time are meant."""
        return self.since is not None or self.until is not None

    def where(self) -> dict[str, str | None]:
        """As conditions on the table of runs."""
        return {"backfill_id": self.backfill, "asset": self.asset, "status": self.status}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A timeline: one of the two pictures, and what it shows."""

    lanes: Timeline | None = None
    density: Density | None = None
    told: str = ""  # which attempts these are, where they are not simply all
    since: str = ""  # of what is shown, as the address has it
    until: str = ""


def time_typed(seen: Look, name: str) -> datetime | None:
    """The time that the address gives under this name.

    :raises UsageError: it is none.
    """
    text = seen.query.get(name, "").strip()
    if not text:
        return None
    at = typed_moment(text, name).time(seen.records.now())
    if at is None:
        raise UsageError(f"{name}: {text!r} is a position; give a time, such as 2024-03-01T12:00 or 2h.")
    return at


def launched_in(seen: Look, which: Which) -> Launched | None:
    """The time that is meant, and where in the log the launches in it lie; None if there are none."""
    first, last, begins, ends = 0, 0, list[datetime](), list[datetime]()
    for backfill in _backfills(seen, which):
        tally = backfill.tally
        low, high = _buckets(tally, which)
        for number, bucket in tally.buckets.items():
            if bucket.first and low <= number <= high:
                first, last = min(first or bucket.first, bucket.first), max(last, bucket.last)
                begins.append(begin_of(number, tally.shift))
                ends.append(begin_of(number + 1, tally.shift))
    if not begins:
        return None
    since, until = which.since or min(begins), which.until or max(ends)
    return Launched(since, until, first, last) if since < until else None


async def timeline_shown(seen: Look, which: Which) -> Shown | None:
    """The timeline of these attempts; None where there are none."""
    launched = launched_in(seen, which)
    if launched is None:
        return None
    shown = Shown(
        told="" if not which.is_of_a_time else _time_told("Attempts launched", launched),
        since=address_time(launched.since),
        until=address_time(launched.until),
    )
    backfills = list(_backfills(seen, which))
    most = sum(_launched_at_most(each, which) for each in backfills)
    end = which.until or _end_of(backfills, launched, seen.records.now())
    coarsest = max(each.tally.shift for each in backfills)
    is_long = bucket_at(end, coarsest) - bucket_at(launched.since, coarsest) >= BUCKETS_MIN
    if most > READ_MAX and (is_long or not which.is_of_a_time) and which.status in (None, *ENDED):
        shift = shift_for(launched.since, end, coarsest)
        picture = density_of(_folded(backfills, which, shift), shift, launched.since, end)
        told = "" if not which.is_of_a_time else _time_told("All attempts under way", launched)
        return msgspec.structs.replace(shown, density=picture, told=told)
    if most > LANES_MAX:
        shift = shift_for(launched.since, end)
        rows = await seen.records.counted(launched, shift, limit=most, **which.where())
        if sum(row.count for row in rows) > LANES_MAX:
            picture = density_of(_lanes(rows, backfills), shift, launched.since, end)
            return msgspec.structs.replace(shown, density=picture)
    each_row = await seen.records.rows(
        "runs", limit=LANES_MAX, before=None, launched=launched, **which.where()
    )
    return msgspec.structs.replace(shown, lanes=timeline_of(each_row, seen.records.now()))


def _end_of(backfills: Sequence[Backfill], launched: Launched, now: datetime) -> datetime:
    """When the last of what began from some time on ended; now, if any goes on."""
    if any(each.live for each in backfills):
        return max(launched.until, now)
    ends = (
        begin_of(max(each.tally.buckets) + 1, each.tally.shift) for each in backfills if each.tally.buckets
    )
    return max(launched.until, *ends)


def _time_told(what: str, launched: Launched) -> str:
    return f"{what} from {time_text(launched.since)} to {time_text(launched.until)}."


def _backfills(seen: Look, which: Which) -> Iterator[Backfill]:
    known = seen.world.known
    for backfill in (*known.active.values(), *known.ended.values()):
        if (which.backfill is None or backfill.id == which.backfill) and (
            which.asset is None or which.asset in backfill.assets
        ):
            yield backfill


def _buckets(tally: Tally, which: Which) -> tuple[float, float]:
    """The first bucket and the last one that a time of the address touches."""
    low = -float("inf") if which.since is None else bucket_at(which.since, tally.shift)
    high = float("inf") if which.until is None else bucket_at(which.until, tally.shift)
    return low, high


def _is_meant(backfill: Backfill, group: int, which: Which) -> bool:
    return which.asset is None or which.asset in backfill.request.groups[group].assets


def _launched_at_most(backfill: Backfill, which: Which) -> int:
    if which.status is not None and which.status not in ENDED:
        return len(backfill.live)
    low, high = _buckets(backfill.tally, which)
    if which.status is not None:
        high = float("inf")  # They may have ended long after the time in which they were launched.
    return sum(
        counts.launched if which.status is None else getattr(counts, which.status)
        for number, bucket in backfill.tally.buckets.items()
        if low <= number <= high
        for group, counts in bucket.groups.items()
        if _is_meant(backfill, group, which)
    )


def _folded(backfills: list[Backfill], which: Which, shift: int) -> Lanes:
    """What the fold has counted; of one status alone, only those that ended so."""
    lanes: dict[tuple[str, ...], dict[int, Counts]] = {}
    for backfill in backfills:
        for number, bucket in backfill.tally.coarser(shift):
            for group, counts in bucket.groups.items():
                if not _is_meant(backfill, group, which):
                    continue
                lane = lanes.setdefault(backfill.request.groups[group].assets, {})
                meant = counts if which.status is None else _ended_so(counts, which.status)
                lane.setdefault(number, Counts()).add(meant)
    return lanes


def _ended_so(counts: Counts, status: str) -> Counts:
    """Those that ended with a status, as if they had begun just then."""
    count: int = getattr(counts, status)
    made = Counts(launched=count)
    made.count(ENDED[status], count)
    return made


def _lanes(rows: list[CountedRow], backfills: list[Backfill]) -> Lanes:
    """What the table of runs has counted. Attempts at a part of a run are among those at the whole."""
    groups = [group.assets for each in backfills for group in each.request.groups]
    whole_of: dict[tuple[str, ...], tuple[str, ...]] = {assets: assets for assets in groups}
    lanes: dict[tuple[str, ...], dict[int, Counts]] = {}
    for row in rows:
        whole = whole_of.get(row.assets)
        if whole is None:
            whole = next((each for each in groups if {*row.assets} <= {*each}), row.assets)
            whole_of[row.assets] = whole
        lane = lanes.setdefault(whole, {})
        lane.setdefault(row.began, Counts()).launched += row.count
        outcome = ENDED.get(row.status)
        if row.ended is not None and outcome is not None:
            lane.setdefault(max(row.ended, row.began), Counts()).count(outcome, row.count)
    return lanes
