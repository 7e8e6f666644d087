"""Ticks: the UTC seconds at which a cron schedule fires in a time zone, laid out one UTC offset at a time.

The rules at changes of UTC offset are Dagster's. A schedule of every hour fires at each matching wall-clock
time that exists, twice where it comes twice. Any other fires once a match: a time that is skipped fires at
the end of the gap if it lies between 01:00 and 04:00, where such gaps commonly are, and otherwise as long
after the gap as it lies within it; of a time that comes twice the second counts, but for a schedule of one
time of day outside of those hours, where it is the first. Of a day that a zone skips whole, only such times
fire as the next day does not have.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from itertools import pairwise
from typing import NamedTuple

from backfilld.partitions.cron import CronSchedule
from backfilld.partitions.zones import DAY_S, TIME_FIRST_S, TIME_STOP_S, OffsetPeriod, offset_periods


class Ticks(NamedTuple):
    """``at`` are UTC epoch seconds, ascending; ``walls`` the wall seconds that named those moved by a gap."""

    at: "array[int]"
    walls: dict[int, int]


def ticks_between(schedule: CronSchedule, zone: tzinfo, start_s: int, stop_s: int) -> Ticks:
    """The ticks from ``start_s`` to before ``stop_s`` (UTC epoch seconds); linear in their number."""
    start_s, stop_s = max(start_s, TIME_FIRST_S), min(stop_s, TIME_STOP_S)
    if start_s >= stop_s:
        return Ticks(array("q"), {})
    # A tick may be moved out of a gap that ended before the start, but never as far as a day.
    cut = list(offset_periods(zone, max(start_s - DAY_S, TIME_FIRST_S), stop_s))
    at = array("q")
    walls: dict[int, int] = {}
    before: OffsetPeriod | None = None
    for period, after in pairwise([*cut, None]):
        assert period is not None
        for part in _period_ticks(schedule, period, before, after, walls):
            at.extend(part)
        before = period
    low, high = bisect_left(at, start_s), bisect_left(at, stop_s)
    return Ticks(at if (low, high) == (0, len(at)) else at[low:high], walls)


def _period_ticks(
    schedule: CronSchedule,
    period: OffsetPeriod,
    before: OffsetPeriod | None,
    after: OffsetPeriod | None,
    walls: dict[int, int],
) -> Iterable[Iterable[int]]:
    """The ticks of one period, in ascending parts; moved ones are noted in ``walls``."""
    offset_s = period.offset_s
    named = schedule.walls(period.start_s + offset_s, period.stop_s + offset_s)
    if schedule.every_hour:
        return (_less(named, offset_s),)
    head: Iterable[int] = ()
    if before is not None and before.offset_s < offset_s:
        moved = _moved(schedule, period.start_s, before.offset_s, offset_s)
        among = bisect_left(named, max(moved, default=period.start_s) + offset_s + 1)
        there = set(_less(named[:among], offset_s))
        if offset_s - before.offset_s >= DAY_S:
            moved = {tick: wall for tick, wall in moved.items() if tick not in there}
        walls.update((tick, wall) for tick, wall in moved.items() if wall - offset_s != tick)
        head, named = sorted({*moved, *there}), named[among:]
    elif before is not None:
        twice = bisect_left(named, period.start_s + before.offset_s)
        head = [wall - offset_s for wall in named[:twice] if not _first_counts(schedule, wall)]
        named = named[twice:]
    tail: Iterable[int] = ()
    if after is not None and after.offset_s < offset_s:
        once = bisect_left(named, period.stop_s + after.offset_s)
        tail = [wall - offset_s for wall in named[once:] if _first_counts(schedule, wall)]
        named = named[:once]
    return head, _less(named, offset_s), tail


def _moved(schedule: CronSchedule, gap_s: int, before_s: int, after_s: int) -> dict[int, int]:
    """The ticks of the wall-clock times skipped at ``gap_s``, with the wall seconds each is named by."""
    moved: dict[int, int] = {}
    for wall in schedule.walls(gap_s + before_s, gap_s + after_s):
        if _in_small_hours(wall) and after_s - before_s < DAY_S:
            moved[gap_s] = gap_s + after_s
        else:
            moved[wall - before_s] = wall
    return moved


def _first_counts(schedule: CronSchedule, wall: int) -> bool:
    """Whether of a wall-clock time that comes twice the first one fires."""
    return schedule.pinned and not _in_small_hours(wall)


def _in_small_hours(wall: int) -> bool:
    return 1 <= wall % DAY_S // 3600 <= 3


def _less(walls: Sequence[int], offset_s: int) -> Iterable[int]:
    if isinstance(walls, range):
        return range(walls.start - offset_s, walls.stop - offset_s, walls.step)
    return [wall - offset_s for wall in walls]
