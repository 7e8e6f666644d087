"""Cron schedules as sets of wall-clock times. What a time zone makes of them stands in `ticks`."""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.zones import DAY_S, TIME_FIRST_S, TIME_STOP_S

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MONTHLY_DAY_MAX = 28  # the last day that every month has


class CronSchedule:
    """The wall-clock times that a cron expression of five fields names.

    Wall seconds are seconds since 1970-01-01T00:00 on a wall clock that no zone ever changes. As in Dagster,
    a day matches if day of month *or* day of week does where both are given, and ``*`` gives nothing.
    ``every_hour`` says that the hours are not restricted; ``pinned`` that the schedule names one time of day,
    on every day, on one day of the week or on one day of every month. Raises `InvalidDefinitionError` for
    an expression that can not be read or that names no time at all.
    """

    def __init__(self, expression: str) -> None:
        # Only a schedule needs the parser, and importing the SDK should be quick.
        from cronsim import CronSim, CronSimError  # noqa: PLC0415

        self.expression = expression
        fields = _ALIASES.get(expression.strip().lower(), expression).replace("?", "*").split()
        try:
            # The parser takes six fields too, for seconds; no fields it refuses.
            parsed = CronSim(" ".join(fields if len(fields) == 5 else ()), datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise InvalidDefinitionError(
                f"expected a cron schedule of five fields (minute, hour, day of month, month, day of week) "
                f"such as '0 0 * * *', found {expression!r}: {str(error).lower()}"
            ) from error
        self._months = frozenset(parsed.months)
        self._weekdays = frozenset(day % 7 if isinstance(day, int) else day for day in parsed.weekdays)
        self._days = frozenset(parsed.days)
        # A field of all its values restricts nothing, unless it is spelt out beside a restriction of the
        # other: then it is one of two alternatives, and every day matches.
        self._any_day = fields[2] == "*" or (len(self._days) == 31 and "*" in fields[4])
        self._any_weekday = fields[4] == "*" or (len(self._weekdays) == 7 and "*" in fields[2])
        self._times_s = tuple(
            hour * 3600 + minute * 60 for hour in sorted(parsed.hours) for minute in sorted(parsed.minutes)
        )
        self.every_hour = len(parsed.hours) == 24
        self.pinned = len(self._times_s) == 1 and len(self._months) == 12 and self._one_kind_of_day()
        self._every_day = len(self._months) == 12 and self._any_day and self._any_weekday
        if not self._ever():
            raise InvalidDefinitionError(
                f"expected a cron schedule that names a time, found {expression!r}: no month has such a day"
            )

    def _one_kind_of_day(self) -> bool:
        weekday = len(self._weekdays) == 1 and isinstance(next(iter(self._weekdays)), int)
        day = len(self._days) == 1 and 1 <= next(iter(self._days)) <= _MONTHLY_DAY_MAX
        return (self._any_day and (self._any_weekday or weekday)) or (self._any_weekday and day)

    def _ever(self) -> bool:
        # 2000 to 2027 have every length of month on every weekday.
        return any(
            self._days_of(*reversed(monthrange(year, month)))
            for year in range(2000, 2028)
            for month in self._months
        )

    def walls(self, start: int, stop: int) -> Sequence[int]:
        """The wall seconds named from ``start`` to before ``stop``, ascending; years 1 to 9999 only."""
        start, stop = max(start, TIME_FIRST_S), min(stop, TIME_STOP_S)
        step = self._even_step()
        if step:
            first = start + (self._times_s[0] - start) % step
            return range(first, max(first, stop), step)
        if start >= stop:
            return ()
        named: list[int] = []
        first_day, last_day = (date.fromordinal(at // DAY_S + _EPOCH_ORDINAL) for at in (start, stop - 1))
        for month in range(first_day.year * 12 + first_day.month - 1, last_day.year * 12 + last_day.month):
            named += self._walls_of_month(month // 12, month % 12 + 1)
        return named[bisect_left(named, start) : bisect_left(named, stop)]

    def _even_step(self) -> int:
        """The seconds from each named time to the next if they are always the same, else 0."""
        if not self._every_day:
            return 0
        steps = {
            (later - earlier) % DAY_S or DAY_S
            for earlier, later in zip(self._times_s, self._times_s[1:] + self._times_s[:1], strict=True)
        }
        return steps.pop() if len(steps) == 1 else 0

    def _walls_of_month(self, year: int, month: int) -> list[int]:
        if month not in self._months:
            return []
        weekday, length = monthrange(year, month)
        first_s = (date(year, month, 1).toordinal() - _EPOCH_ORDINAL) * DAY_S
        times_s = self._times_s
        return [first_s + day_s + time_s for day_s in self._days_of(length, weekday) for time_s in times_s]

    @lru_cache(maxsize=64)  # noqa: B019 - schedules are few, and at most 28 kinds of month each.
    def _days_of(self, length: int, first_weekday: int) -> tuple[int, ...]:
        """The starts of the matching days, in seconds from the month's first, by its length and shape."""
        return tuple(
            (day - 1) * DAY_S
            for day in range(1, length + 1)
            if self._day_matches(day, length, (first_weekday + day) % 7)  # cron's weeks begin on Sunday, 0
        )

    def _day_matches(self, day: int, length: int, weekday: int) -> bool:
        by_weekday = (
            weekday in self._weekdays
            or (weekday, (day + 6) // 7) in self._weekdays
            or (day + 7 > length and (weekday, _LAST) in self._weekdays)
        )
        by_day = (
            day in self._days
            or (day == length and _LAST in self._days)
            or (_LAST_WEEKDAY in self._days and day == _last_weekday(length, (weekday + length - day) % 7))
        )
        if self._any_day:
            return self._any_weekday or by_weekday
        return by_day if self._any_weekday else by_day or by_weekday

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CronSchedule) and self.expression == other.expression

    def __hash__(self) -> int:
        return hash(self.expression)

    def __repr__(self) -> str:
        return f"CronSchedule({self.expression!r})"


# How cronsim spells "L" and "LW" in the sets that it parses.
_LAST = -1000
_LAST_WEEKDAY = -1001


def _last_weekday(length: int, weekday_of_last: int) -> int:
    """The last Monday to Friday of a month, given its length and the cron weekday of its last day."""
    return length - {0: 2, 6: 1}.get(weekday_of_last, 0)


@lru_cache(maxsize=256)
def cron_schedule(expression: str) -> CronSchedule:
    """The schedule of an expression, parsed once."""
    return CronSchedule(expression)
