"""How many attempts were under way, and what came of them: columns of time, for more than can be drawn."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, TypeAlias

import msgspec

from daemon.fact_text import counted
from daemon.time_text import duration_text
from daemon.web.pages.bars import edges_of
from daemon.web.pages.timing import ticks_of
from projections.backfill.tally import SHIFT_MAX, UNITS_PER_S, Counts, begin_of, bucket_at

COLUMNS_MAX: Final = 120
LANES_MAX: Final = 12  # what is more is one lane together
ZOOMS: Final = 12  # stretches of time that lead to a nearer look
WIDTH: Final = 1000
HEIGHT: Final = 100
NAMES_SHOWN: Final = 4
LEAST: Final = 3.0  # high, so that one attempt among thousands is seen

Lanes: TypeAlias = Mapping[tuple[str, ...], Mapping[int, Counts]]  # by assets, then by bucket
STATES: Final = ("failed", "canceled", "in-progress", "materialized")  # of a column, from its foot upwards


def address_time(at: datetime) -> str:
    """A time as an address has it, no longer than need be; it is UTC.

    >>> from datetime import UTC
    >>> address_time(datetime(2024, 3, 1, 12, 0, 1, 62_500, tzinfo=UTC))
    '2024-03-01T12:00:01.0625'
    """
    fraction = f".{at.microsecond:06}".rstrip("0") if at.microsecond else ""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{fraction}"


class Shape(msgspec.Struct, frozen=True):
    """All of one state in a lane, as one SVG path."""

    state: str
    path: str


class Lane(msgspec.Struct, frozen=True):
    """The attempts over some assets."""

    name: str
    told: str  # the counts in words
    shapes: tuple[Shape, ...]


class Zoom(msgspec.Struct, frozen=True):
    """A stretch of time that can be looked at more nearly."""

    x: float
    width: float
    since: str
    until: str
    told: str


class Density(msgspec.Struct, frozen=True):
    """The lanes, each in a box of `WIDTH` times `HEIGHT`."""

    lanes: tuple[Lane, ...]
    zooms: tuple[Zoom, ...]  # none where there is nothing nearer
    ticks: tuple[str, ...]
    column: str  # how long one is
    attempts: int


def shift_for(begin: datetime, end: datetime, least: int = 0) -> int:
    """How coarse buckets must be for a picture of that time."""
    shift = least
    while shift < SHIFT_MAX and bucket_at(end, shift) - bucket_at(begin, shift) >= COLUMNS_MAX:
        shift += 1
    return shift


def density_of(lanes: Lanes, shift: int, begin: datetime, end: datetime) -> Density:
    """The picture from one time up to another, rounded to whole buckets.

    What began earlier and has not ended counts as under way.
    """
    first, last = bucket_at(begin, shift), bucket_at(end, shift)
    last = max(last + (begin_of(last, shift) < end), first + 1)
    columns = [(assets, _columns(counts, first, last)) for assets, counts in lanes.items()]
    columns = [(assets, each) for assets, each in columns if any(map(_touched, each))]
    width_s = (1 << shift) / UNITS_PER_S
    drawn = _fewer(columns)
    return Density(
        lanes=tuple(Lane(name, _told(each, width_s), tuple(_shapes(each))) for name, each in drawn),
        zooms=tuple(_zooms([each for _, each in columns], first, shift)),
        ticks=ticks_of(begin_of(first, shift), begin_of(last, shift)),
        column=duration_text(width_s),
        attempts=sum(_began(each) for _, each in columns),
    )


class _Column(msgspec.Struct):
    before: int  # under way when it begins
    counts: Counts

    @property
    def left(self) -> int:
        """Under way when it ends."""
        return max(self.before + self.counts.launched - self.counts.ended, 0)

    def heights(self) -> tuple[int, ...]:
        """How many there are of each of the states."""
        counts = self.counts
        return (counts.failed + counts.lost, counts.canceled, self.left, counts.succeeded)


def _columns(counts: Mapping[int, Counts], first: int, last: int) -> list[_Column]:
    before = sum(each.launched - each.ended for number, each in counts.items() if number < first)
    made = []
    for number in range(first, last):
        made.append(_Column(max(before, 0), counts.get(number, Counts())))
        before += made[-1].counts.launched - made[-1].counts.ended
    return made


def _touched(column: _Column) -> int:
    return sum(column.heights())


def _began(columns: Sequence[_Column]) -> int:
    return columns[0].before + sum(each.counts.launched for each in columns)


def _fewer(
    columns: Sequence[tuple[tuple[str, ...], Sequence[_Column]]],
) -> list[tuple[str, Sequence[_Column]]]:
    """The lanes with the most attempts, by their names; the others are one lane."""
    if len(columns) <= LANES_MAX:
        return [(_name(assets), each) for assets, each in columns]
    most = sorted(columns, key=lambda lane: -_began(lane[1]))[: LANES_MAX - 1]
    kept = {assets for assets, _ in most}
    others = [each for assets, each in columns if assets not in kept]
    together = [_together(each) for each in zip(*others, strict=True)]
    told = f"{counted(len(others), 'other group')} of assets, together"
    return [*((_name(assets), each) for assets, each in columns if assets in kept), (told, together)]


def _name(assets: Sequence[str]) -> str:
    more = len(assets) - NAMES_SHOWN
    return ", ".join(assets[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _together(columns: Sequence[_Column]) -> _Column:
    counts = Counts()
    for each in columns:
        counts.add(each.counts)
    return _Column(sum(each.before for each in columns), counts)


def _told(columns: Sequence[_Column], width_s: float) -> str:
    total = Counts()
    for each in columns:
        total.add(each.counts)
    most = max(map(_touched, columns))
    parts = _ends(total, columns[-1].left)
    return (
        f"{counted(_began(columns), 'attempt')}: {', '.join(parts)}; at most {most:,} within "
        f"{duration_text(width_s)}"
    )


def _ends(counts: Counts, left: int) -> list[str]:
    told = {
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "lost": counts.lost,
        "canceled": counts.canceled,
        "in progress": left,
    }
    return [f"{count:,} {state}" for state, count in told.items() if count]


def _shapes(columns: Sequence[_Column]) -> Iterator[Shape]:
    """A path for each state; columns that look the same and lie side by side are one piece of it."""
    most = max(map(_touched, columns))
    paths: dict[str, list[str]] = {}
    merged: list[tuple[int, int, tuple[int, ...]]] = []
    for place, column in enumerate(columns):
        heights = column.heights()
        if merged and merged[-1][2] == heights:
            merged[-1] = (merged[-1][0], place + 1, heights)
        else:
            merged.append((place, place + 1, heights))
    for start, stop, heights in merged:
        x, width = WIDTH * start / len(columns), WIDTH * (stop - start) / len(columns)
        foot = float(HEIGHT)
        for state, count in zip(STATES, heights, strict=True):
            if count:
                high = min(max(HEIGHT * count / most, LEAST), foot)
                foot -= high
                path = f"M{x:.5g} {foot:.4g}h{width:.5g}v{high:.4g}h-{width:.5g}z"
                paths.setdefault(state, []).append(path)
    for state in STATES:
        if state in paths:
            yield Shape(state, "".join(paths[state]))


def _zooms(lanes: Sequence[Sequence[_Column]], first: int, shift: int) -> Iterator[Zoom]:
    count = len(lanes[0]) if lanes else 0
    if count == 1:
        return
    for start, stop in pairwise(edges_of(0, count, ZOOMS)):
        total, before, left = Counts(), 0, 0
        for lane in lanes:
            for each in lane[start:stop]:
                total.add(each.counts)
            before += lane[start].before
            left += lane[stop - 1].left
        if not total.launched:
            continue
        since, until = begin_of(first + start, shift), begin_of(first + stop, shift)
        begins, ends = ticks_of(since, until, 2)
        yield Zoom(
            x=round(WIDTH * start / count, 2),
            width=round(WIDTH * (stop - start) / count, 2),
            since=address_time(since),
            until=address_time(until),
            told=f"{begins} to {ends}: {total.launched:,} launched, {', '.join(_ends(total, left))}",
        )
