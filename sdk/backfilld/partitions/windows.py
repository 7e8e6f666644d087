"""The windows between the ticks of a schedule, without the excluded ones, kept as arrays of UTC seconds."""

from array import array
from bisect import bisect_right
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from backfilld.partitions.cron import CronSchedule
from backfilld.partitions.ticks import ticks_between
from backfilld.partitions.zones import DAY_S, TIME_FIRST_S, TIME_STOP_S

_LOOK_S = 32 * DAY_S  # how far ahead the first look for a tick goes; each further one is twice as far

# Dates fall on the same days of the week again after so long: what a schedule ever does it does within.
_CYCLE_S = 146_097 * DAY_S


class Windows(NamedTuple):
    """Half-open windows, ascending and disjoint: ``starts[i]`` to before ``ends[i]``, UTC epoch seconds.

    ``walls`` has the wall seconds that name those starts which a gap in local time has moved.
    """

    starts: "array[int]"
    ends: "array[int]"
    walls: dict[int, int]


class WindowSchedule(NamedTuple):
    """What windows are cut by: a schedule in a zone, and the starts (cron or UTC seconds) left out."""

    schedule: CronSchedule
    zone: tzinfo
    excluded_schedules: tuple[CronSchedule, ...] = ()
    excluded_s: frozenset[float] = frozenset()

    @property
    def excludes(self) -> bool:
        """Whether anything is excluded."""
        return bool(self.excluded_schedules or self.excluded_s)

    @property
    def is_void(self) -> bool:
        """Whether the exclusions leave no window, ever."""
        return self.excludes and _is_void(self)

    def between(self, start_s: int, stop_s: int) -> Windows:
        """The windows that start from ``start_s`` to before ``stop_s``."""
        at, walls = ticks_between(self.schedule, self.zone, start_s, stop_s)
        end = self.tick_from(max(stop_s, start_s)) if at else None
        ends = at[1:]
        if end is not None:
            ends.append(end)
        elif at:
            at = at[:-1]  # Time ends before the last window does.
        windows = Windows(at, ends, walls)
        return self._without_excluded(windows) if self.excludes else windows

    def tick_from(self, at_s: int) -> int | None:
        """The first tick at or after ``at_s``, excluded or not; None at the end of time."""
        look_s = _LOOK_S
        while at_s < TIME_STOP_S:
            ticks = ticks_between(self.schedule, self.zone, at_s, at_s + look_s).at
            if ticks:
                return ticks[0]
            at_s, look_s = at_s + look_s, look_s * 2
        return None

    def tick_before(self, at_s: int) -> int | None:
        """The last tick before ``at_s``, excluded or not; None at the beginning of time."""
        look_s = _LOOK_S
        while at_s > TIME_FIRST_S:
            ticks = ticks_between(self.schedule, self.zone, at_s - look_s, at_s).at
            if ticks:
                return ticks[-1]
            at_s, look_s = at_s - look_s, look_s * 2
        return None

    def last_starting_before(self, at_s: int, count: int) -> Windows:
        """The last windows that start before ``at_s``, up to ``count`` of them, ascending."""
        if self.is_void:
            return _NO_WINDOWS
        look_s = _LOOK_S
        while True:
            found = self.between(at_s - look_s, at_s)
            if len(found.starts) >= count or at_s - look_s <= TIME_FIRST_S:
                return Windows(found.starts[-count:], found.ends[-count:], found.walls)
            look_s *= 2

    def first_starting_from(self, at_s: int, count: int) -> Windows:
        """The first windows that start at or after ``at_s``, up to ``count`` of them, ascending."""
        if self.is_void:
            return _NO_WINDOWS
        look_s = _LOOK_S
        while True:
            found = self.between(at_s, at_s + look_s)
            if len(found.starts) >= count or at_s + look_s >= TIME_STOP_S:
                return Windows(found.starts[:count], found.ends[:count], found.walls)
            look_s *= 2

    def _without_excluded(self, windows: Windows) -> Windows:
        """The windows whose start is no exclusion's tick; the others are not stretched over the holes."""
        starts, ends, walls = windows
        excluded: set[float] = set(self.excluded_s)
        for schedule in self.excluded_schedules:
            excluded.update(
                ticks_between(schedule, self.zone, starts[0], starts[-1] + 1).at if starts else ()
            )
        kept = [i for i, start_s in enumerate(starts) if start_s not in excluded]
        return Windows(array("q", [starts[i] for i in kept]), array("q", [ends[i] for i in kept]), walls)


_NO_WINDOWS = Windows(array("q"), array("q"), {})


@lru_cache(maxsize=64)
def _is_void(schedule: WindowSchedule) -> bool:
    if schedule.schedule in schedule.excluded_schedules:
        return True
    stretches = range(0, _CYCLE_S, _LOOK_S)
    return not any(schedule.between(start_s, start_s + _LOOK_S).starts for start_s in stretches)


class WindowTable:
    """The windows from a start on, laid out as far as they have been asked for.

    `reach` and `reach_count` put longer arrays into place and never change those handed out, so that threads
    which do so at the same time do the same work twice and no harm.
    """

    def __init__(self, schedule: WindowSchedule, start_s: int) -> None:
        self.schedule = schedule
        self.start_s = start_s
        # The windows, and the time before which every start is among them.
        self._laid_out = Windows(array("q"), array("q"), {}), start_s

    @property
    def windows(self) -> Windows:
        """The windows laid out so far."""
        return self._laid_out[0]

    def reach(self, until_s: int) -> Windows:
        """The windows, including at least all that start up to ``until_s``."""
        windows, reached_s = self._laid_out
        if until_s < reached_s or reached_s >= TIME_STOP_S:
            return windows
        # A little more than asked for, in proportion, so that a growing clock seldom comes back.
        spare_s = max(_LOOK_S, (until_s - self.start_s) // 64)
        stop_s = min(until_s + spare_s, TIME_STOP_S)
        more = self.schedule.between(reached_s, stop_s)
        longer = Windows(windows.starts + more.starts, windows.ends + more.ends, windows.walls | more.walls)
        if stop_s > self._laid_out[1]:
            self._laid_out = longer, stop_s
        return longer

    def reach_count(self, count: int) -> Windows:
        """The windows, including at least the first ``count`` if time holds so many."""
        look_s = _LOOK_S
        windows, reached_s = self._laid_out
        while len(windows.starts) < count and reached_s < TIME_STOP_S:
            self.reach(reached_s + look_s)
            windows, reached_s = self._laid_out
            look_s *= 2
        return windows

    def ended_by(self, at_s: int) -> int:
        """How many windows have ended at ``at_s``; those that end right then have."""
        if at_s < self.start_s:
            return 0
        return bisect_right(self.reach(at_s).ends, at_s)


@lru_cache(maxsize=128)
def window_table(schedule: WindowSchedule, start_s: int) -> WindowTable:
    """The table of some windows, shared by all definitions with this schedule and start."""
    return WindowTable(schedule, start_s)
