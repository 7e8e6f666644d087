"""Hourly, daily, weekly and monthly partitions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backfilld.partitions.time_window import ScheduleType, TimeWindowPartitionsDefinition, given

_DATE_FORMAT = "%Y-%m-%d"
_HOUR_FORMAT = "%Y-%m-%d-%H:%M"


class HourlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition an hour, from ``minute_offset`` past to ``minute_offset`` past.

    Keys look like ``2024-01-31-17:00``. For the other arguments see `TimeWindowPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        *,
        minute_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            start=start_date,
            fmt=fmt or _HOUR_FORMAT,
            end=end_date,
            schedule_type=ScheduleType.HOURLY,
            timezone=timezone,
            end_offset=end_offset,
            minute_offset=minute_offset,
            exclusions=exclusions,
        )
        self._offsets = {"minute_offset": minute_offset}

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return _kwargs(self, self._offsets, fmt=_HOUR_FORMAT)


class DailyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition a day, from ``hour_offset``:``minute_offset`` to the same time of the next day.

    Keys look like ``2024-01-31``. For the other arguments see `TimeWindowPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        *,
        minute_offset: int = 0,
        hour_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            start=start_date,
            fmt=fmt or _DATE_FORMAT,
            end=end_date,
            schedule_type=ScheduleType.DAILY,
            timezone=timezone,
            end_offset=end_offset,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            exclusions=exclusions,
        )
        self._offsets = {"minute_offset": minute_offset, "hour_offset": hour_offset}

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return _kwargs(self, self._offsets, fmt=_DATE_FORMAT)


class WeeklyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition a week, from ``hour_offset``:``minute_offset`` on the weekday ``day_offset`` (0: Sunday).

    Keys look like ``2024-01-28``, the day the week begins on. For the other arguments see
    `TimeWindowPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        *,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            start=start_date,
            fmt=fmt or _DATE_FORMAT,
            end=end_date,
            schedule_type=ScheduleType.WEEKLY,
            timezone=timezone,
            end_offset=end_offset,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            day_offset=day_offset,
            exclusions=exclusions,
        )
        self._offsets = {"minute_offset": minute_offset, "hour_offset": hour_offset, "day_offset": day_offset}

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return _kwargs(self, self._offsets, fmt=_DATE_FORMAT)


class MonthlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition a month, from ``hour_offset``:``minute_offset`` on the day ``day_offset`` (from 1).

    Keys look like ``2024-01-01``, the day the month begins on; a month without such a day begins none. For
    the other arguments see `TimeWindowPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        *,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 1,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            start=start_date,
            fmt=fmt or _DATE_FORMAT,
            end=end_date,
            schedule_type=ScheduleType.MONTHLY,
            timezone=timezone,
            end_offset=end_offset,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            day_offset=day_offset,
            exclusions=exclusions,
        )
        # Unlike the others this offset has a default that is not 0, so it is left out by hand.
        self._offsets = {"minute_offset": minute_offset, "hour_offset": hour_offset}
        if day_offset != 1:
            self._offsets["day_offset"] = day_offset

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return _kwargs(self, self._offsets, fmt=_DATE_FORMAT)


def _kwargs(
    definition: TimeWindowPartitionsDefinition, offsets: dict[str, int], *, fmt: str
) -> dict[str, Any]:
    """The arguments of one of these classes, whose default format is ``fmt``."""
    arguments = TimeWindowPartitionsDefinition.kwargs(definition)
    renamed = {"start_date": arguments.pop("start"), "end_date": arguments.pop("end", None)}
    del arguments["cron_schedule"]
    if arguments["fmt"] == fmt:
        del arguments["fmt"]
    return given(**renamed, **offsets, **{"exclusions": (), **arguments})
