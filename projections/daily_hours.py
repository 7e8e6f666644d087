"""Hours of the day in which something may be launched: ``22:00-06:00 Europe/Berlin``."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

_FORM = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?")


class DailyHours(msgspec.Struct, frozen=True):
    """From one time of day to before another, by the clocks of a zone; over midnight if it ends earlier."""

    begin: time
    end: time
    timezone: str

    def hold(self, at: datetime) -> bool:
        """Whether a time, aware, lies within."""
        clock = at.astimezone(ZoneInfo(self.timezone)).time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def begin_after(self, at: datetime) -> datetime:
        """The first time after ``at``, in UTC, at which the hours begin."""
        zone = ZoneInfo(self.timezone)
        day = at.astimezone(zone).date()
        while True:
            # A beginning that the clocks skip is where they go on.
            begins = datetime.combine(day, self.begin, zone).astimezone(UTC)
            if begins > at:
                return begins
            day += timedelta(days=1)


def hours_of(text: str | None) -> DailyHours | None:
    """The hours that a fact's text spells; None, for at any time, also where it spells none."""
    try:
        return None if text is None else daily_hours(text)
    except ValueError:
        return None


def daily_hours(text: str) -> DailyHours:
    """The hours that a text spells: ``HH:MM-HH:MM``, and a zone's IANA name if it is not UTC.

    :raises ValueError: it spells none; the message says what is wrong and what would do.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} are no hours of the day; write them as 22:00-06:00 Europe/Berlin")
    *numbers, zone = match.groups()
    begin_h, begin_min, end_h, end_min = map(int, numbers)
    if not (begin_h < 24 and end_h <= 24 and begin_min < 60 and end_min < 60) or (end_h == 24 and end_min):
        raise ValueError(f"{text!r} has a time that no day has; write them as 22:00-06:00 Europe/Berlin")
    begin, end = time(begin_h, begin_min), time(end_h % 24, end_min)
    if begin == end:
        raise ValueError(f"{text!r} begin and end at the same time; leave them out to launch at any time")
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{zone!r} is no time zone; write its IANA name, such as Europe/Berlin") from None
    return DailyHours(begin, end, zone or "UTC")
