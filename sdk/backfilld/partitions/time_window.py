"""Time-window partitions: one for each window between two ticks of a cron schedule."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any, assert_never

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import Partitions, PartitionsDefinition, TimeWindow, close_keys
from backfilld.partitions.cron import cron_schedule as parsed_cron_schedule
from backfilld.partitions.key_format import KeyFormat, instant
from backfilld.partitions.windows import Windows, WindowSchedule, WindowTable, window_table
from backfilld.partitions.zones import DAY_S, local, zone_named
from backfilld.ranges import Ranges

_SIMILAR_KEYS_MAX = 1_000  # at either end, that are searched for those like a key that is no time
_VALIDATED_KEYS_MAX = 10_000  # more than a year of hours, so that a format without the year is found out


class ScheduleType(Enum):
    """The common schedules that offsets can be given for instead of a cron expression."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class TimeWindowPartitions(Partitions):
    """The windows of a `TimeWindowPartitionsDefinition` that exist at one moment.

    ``starts`` and ``ends`` are UTC epoch seconds by ordinal. Both arrays may go on behind the last partition
    with windows that do not exist yet.
    """

    def __init__(self, definition: "TimeWindowPartitionsDefinition", windows: Windows, count: int) -> None:
        self.definition = definition
        self.starts: array[int] = windows.starts
        self.ends: array[int] = windows.ends
        self._walls = windows.walls
        self._count = count
        self._format = definition.key_format
        self._by_key: dict[str, int] | None = None

    def __len__(self) -> int:
        return self._count

    def key(self, ordinal: int) -> str:
        """The key at an ordinal: its window's start in the definition's format."""
        start_s = self.starts[self._checked(ordinal)]
        return self._format.key(start_s, self._walls.get(start_s))

    def window(self, ordinal: int) -> TimeWindow:
        """The window at an ordinal, in the definition's time zone."""
        self._checked(ordinal)
        zone = self.definition.zone
        return TimeWindow(local(self.starts[ordinal], zone), local(self.ends[ordinal], zone))

    def find(self, key: str) -> int | None:
        """The ordinal of a key, or None if there is no such partition."""
        if not self._format.readable:
            if self._by_key is None:
                self._by_key = {each: ordinal for ordinal, each in enumerate(self)}
            return self._by_key.get(key)
        try:
            readings = self._format.readings(key)
        except (ValueError, OverflowError):
            return None
        for at_s in readings:
            ordinal = bisect_left(self.starts, at_s, 0, self._count)
            if ordinal < self._count and self.key(ordinal) == key:
                return ordinal
        return None

    def near(self, key: str) -> tuple[str, ...]:
        """The keys beside the place in time of ``key``, or else those that look most like it."""
        try:
            read_s = self._format.read(key)
        except (ValueError, OverflowError):
            ends = Ranges.of([(0, _SIMILAR_KEYS_MAX), (max(0, self._count - _SIMILAR_KEYS_MAX), self._count)])
            return close_keys(key, self.keys(ends & self.all()))
        at = bisect_left(self.starts, read_s, 0, self._count)
        if at < self._count and self.starts[at] == read_s:
            return (self.key(at),)
        return tuple(self.key(ordinal) for ordinal in (at - 1, at) if 0 <= ordinal < self._count)

    def keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order."""
        for start, stop in ranges.intervals:
            starts = self.starts[self._checked(start) : self._checked(stop - 1) + 1]
            yield from self._format.keys(starts, self._walls)

    def head(self, count: int) -> "TimeWindowPartitions":
        """The first so many of these partitions."""
        windows = Windows(self.starts, self.ends, self._walls)
        return TimeWindowPartitions(self.definition, windows, min(count, self._count))

    def unbroken(self, ranges: Ranges) -> Iterator[tuple[int, int]]:
        """The first and last ordinals of the stretches of windows without a hole in time, ascending.

        Where no window is excluded these are the intervals of ``ranges``.
        """
        broken = self.definition.window_schedule.excludes
        for start, stop in ranges.intervals:
            first = start
            for ordinal in range(start + 1, stop) if broken else ():
                if self.starts[ordinal] != self.ends[ordinal - 1]:
                    yield first, ordinal - 1
                    first = ordinal
            yield first, stop - 1

    def with_prefix(self, prefix: str) -> Ranges:
        """The partitions whose keys begin so; by bisection where keys begin with the date."""
        size = len(prefix)
        if size > self._format.sorted_characters:
            return super().with_prefix(prefix)
        ordinals = range(self._count)
        start = bisect_left(ordinals, prefix, key=lambda ordinal: self.key(ordinal)[:size])
        stop = bisect_right(ordinals, prefix, key=lambda ordinal: self.key(ordinal)[:size])
        return Ranges.span(start, stop)

    def shift_to(self, other: Partitions) -> int | None:
        """What to add to an ordinal here for that of the same key in ``other``, if it is one number."""
        if not isinstance(other, TimeWindowPartitions) or not self.definition.in_step_with(other.definition):
            return None
        if not self.starts or not other.starts:
            return 0
        if self.starts[0] >= other.starts[0]:
            return bisect_left(other.starts, self.starts[0])
        return -bisect_left(self.starts, other.starts[0])

    def _checked(self, ordinal: int) -> int:
        if not 0 <= ordinal < self._count:
            raise IndexError(f"expected an ordinal from 0 to {self._count - 1}, found {ordinal}")
        return ordinal

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimeWindowPartitions)
            and self._count == other._count
            and self.definition == other.definition
        )

    def __hash__(self) -> int:
        return hash((self.definition, self._count))

    def __repr__(self) -> str:
        return f"TimeWindowPartitions({self.definition!r}, {self._count} of them)"


class TimeWindowPartitionsDefinition(PartitionsDefinition):
    """Partitions that are the windows between the ticks of a cron schedule, named by their starts.

    ``start``, ``end`` and the datetimes of ``exclusions`` are wall-clock time of ``timezone`` (an IANA name)
    if naive; strings are read by ``fmt``, the `strftime` format of keys. The first window is the one at the
    first tick at or after ``start``; none ends after ``end``. A partition exists from the end of its window
    on; ``end_offset`` adds windows behind the last such one (up to ``end``), or takes some away. A window
    whose start is named by ``exclusions`` (cron schedules and datetimes) is left out; its neighbours stay as
    they are. Instead of ``cron_schedule``, ``schedule_type`` and the offsets may be given. Raises
    `InvalidDefinitionError`.
    """

    def __init__(
        self,
        start: datetime | str,
        fmt: str,
        end: datetime | str | None = None,
        *,
        schedule_type: ScheduleType | None = None,
        timezone: str | None = None,
        end_offset: int = 0,
        minute_offset: int | None = None,
        hour_offset: int | None = None,
        day_offset: int | None = None,
        cron_schedule: str | None = None,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        self.timezone = timezone or "UTC"
        self.zone = zone_named(self.timezone)
        self.fmt = fmt
        self.end_offset = end_offset
        self.cron_schedule = _one_schedule(
            cron_schedule, schedule_type, minute_offset or 0, hour_offset or 0, day_offset
        )
        self.exclusions = tuple(exclusions or ())
        self._start, self._end = start, end or None
        schedule = parsed_cron_schedule(self.cron_schedule)
        self.key_format = KeyFormat(fmt, self.zone, every_hour=schedule.every_hour)
        self._start_s = math.ceil(self._instant(start, "start"))
        self._end_s = math.floor(self._instant(end, "end")) if end else None
        self._schedule = WindowSchedule(
            schedule,
            self.zone,
            tuple(parsed_cron_schedule(each) for each in self.exclusions if isinstance(each, str)),
            frozenset(instant(each, self.zone) for each in self.exclusions if isinstance(each, datetime)),
        )
        self._latest: TimeWindowPartitions | None = None

    def _instant(self, at: datetime | str, name: str) -> float:
        if isinstance(at, datetime):
            return instant(at, self.zone)
        try:
            return self.key_format.read(at)
        except ValueError as error:
            example = self.key_format.key(0)
            raise InvalidDefinitionError(
                f"expected the {name} in the format {self.fmt!r}, such as {example!r}, found {at!r}"
            ) from error

    @property
    def start(self) -> datetime:
        """The start that was given, aware, in the definition's time zone."""
        return local(self._start_s, self.zone)

    @property
    def end(self) -> datetime | None:
        """The end that was given, aware, in the definition's time zone."""
        return None if self._end_s is None else local(self._end_s, self.zone)

    @property
    def window_schedule(self) -> WindowSchedule:
        """What the windows are cut by, without start and end."""
        return self._schedule

    def partitions(self, now: datetime) -> TimeWindowPartitions:
        """The windows that exist at ``now``; a naive one is wall-clock time of the definition's zone."""
        at = now if now.tzinfo else now.replace(tzinfo=self.zone)
        table = window_table(self._schedule, self._start_s)
        count = self._count(table, at.timestamp())
        latest = self._latest
        if latest is None or len(latest) != count:
            latest = self._latest = TimeWindowPartitions(self, table.windows, count)
        return latest

    def _count(self, table: WindowTable, now_s: float) -> int:
        end_s = self._end_s
        if end_s is not None and end_s <= self._start_s:
            return 0
        if self.end_offset == 0:
            return table.ended_by(math.floor(now_s) if end_s is None else min(math.floor(now_s), end_s))
        count = table.ended_by(math.floor(now_s)) + self.end_offset
        if self.end_offset > 0:
            first = table.reach_count(1).starts
            if first and now_s <= first[0]:
                count = self._count_before_first(first[0], now_s)
            count = min(count, len(table.reach_count(count).starts))
        return max(0, count if end_s is None else min(count, table.ended_by(end_s)))

    def _count_before_first(self, first_s: int, now_s: float) -> int:
        """How many windows ``end_offset`` > 0 brings into being before the first one has begun.

        The first one appears as soon as no more than ``end_offset`` windows would start from ``now`` until
        the one after it, were the schedule not bounded: so does Dagster, which is one window sooner than the
        rule for all others unless ``now`` is on a tick.
        """
        earlier = self._schedule.last_starting_before(first_s, self.end_offset + 1)
        to_come = len(earlier.starts) - bisect_left(earlier.starts, math.ceil(now_s))
        if to_come >= self.end_offset:
            return 0
        begun = self._schedule.last_starting_before(math.ceil(now_s), 1)
        running = bool(begun.ends) and begun.ends[0] > now_s
        return max(1, self.end_offset - to_come - running)

    def validate(self) -> None:
        """Raise `InvalidDefinitionError` if the format gives different windows the same key.

        Looks at the windows of the first year and a bit, or, where these are few, of the first forty years.
        """
        for days in (400, 14_600):
            starts, _, walls = self._schedule.between(self._start_s, self._start_s + days * DAY_S)
            if len(starts) > 366:
                break
        seen: dict[str, int] = {}
        for start_s in islice(starts, _VALIDATED_KEYS_MAX):
            if self._end_s is not None and start_s >= self._end_s:
                break
            key = self.key_format.key(start_s, walls.get(start_s))
            if key in seen:
                raise InvalidDefinitionError(
                    f"expected a format that gives each window its own key, found that {self.fmt!r} gives "
                    f"{key!r} to the windows from {local(seen[key], self.zone)} and from "
                    f"{local(start_s, self.zone)}; put more of the time into the format"
                )
            seen[key] = start_s

    def in_step_with(self, other: "TimeWindowPartitionsDefinition") -> bool:
        """Whether both cut time alike and name windows alike, so that only their ends may differ."""
        return self._schedule == other.window_schedule and self.fmt == other.fmt

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return given(
            start=self._start,
            end=self._end,
            fmt=self.fmt,
            cron_schedule=self.cron_schedule,
            timezone=self.timezone,
            end_offset=self.end_offset,
            exclusions=self.exclusions,
        )

    def _value(self) -> Hashable:
        return (self._schedule, self._start_s, self._end_s, self.fmt, self.end_offset)


def given(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - any constructor's.
    """The arguments that differ from the defaults of time-window definitions, in their plain spelling."""
    if arguments.get("timezone") == "UTC":
        del arguments["timezone"]
    arguments["exclusions"] = list(arguments["exclusions"])
    return {name: value for name, value in arguments.items() if value}


def _one_schedule(
    cron_schedule: str | None,
    schedule_type: ScheduleType | None,
    minute_offset: int,
    hour_offset: int,
    day_offset: int | None,
) -> str:
    """The cron expression that the arguments come to."""
    if cron_schedule is not None:
        if schedule_type is not None or minute_offset or hour_offset or day_offset:
            raise InvalidDefinitionError(
                f"expected either cron_schedule or schedule_type with offsets, found {cron_schedule!r} and "
                f"others; put the offsets into the cron schedule"
            )
        return cron_schedule
    match schedule_type:
        case ScheduleType.HOURLY:
            return f"{minute_offset} * * * *"
        case ScheduleType.DAILY:
            return f"{minute_offset} {hour_offset} * * *"
        case ScheduleType.WEEKLY:
            return f"{minute_offset} {hour_offset} * * {day_offset or 0}"
        case ScheduleType.MONTHLY:
            return f"{minute_offset} {hour_offset} {1 if day_offset is None else day_offset} * *"
        case None:
            raise InvalidDefinitionError("expected cron_schedule or schedule_type, found neither; give one")
        case _:
            assert_never(schedule_type)
