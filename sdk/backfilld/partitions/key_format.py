"""How the start of a time window is written as a partition key, and read back."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from backfilld.partitions.zones import DAY_S, local, offset_periods

_DIRECTIVE = re.compile(r"%(.)")
_DATE_THEN_TIME = re.compile(r"((?:[^%]|%[Ymd])*?)((?:[^%]|%[HMS])*)")
_FIELDS = {
    "Y": "year:04d",
    "m": "month:02d",
    "d": "day:02d",
    "H": "hour:02d",
    "M": "minute:02d",
    "S": "second:02d",
}
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall seconds count from here in every zone.
# With only these, `strptime` gives back the last window start that `strftime` can have meant.
_READABLE = frozenset("YymdbBHIpMSfzjaAcxXDTFhe%")
_SORTED_STARTS = (("%Y-%m-%d", 10), ("%Y/%m/%d", 10), ("%Y%m%d", 8), ("%Y-%m", 7), ("%Y", 4))


class KeyFormat:
    """A `strftime` format for window starts in a zone.

    ``every_hour`` says that the schedule fires at times that come twice when clocks are set back; the second
    of them is then written with its UTC offset behind, unless the format has one anyway.
    """

    def __init__(self, fmt: str, zone: tzinfo, *, every_hour: bool) -> None:
        self.fmt = fmt
        self.zone = zone
        directives = set(_DIRECTIVE.findall(fmt))
        self.readable = directives <= _READABLE
        self._digits = _digits(fmt)
        # As many first characters of keys are in the order of time, whatever comes behind them.
        self.sorted_characters = max(
            (size for start, size in _SORTED_STARTS if fmt.startswith(start)), default=0
        )
        self._marks_second = every_hour and "%z" not in fmt

    def key(self, at_s: int, wall_s: int | None = None) -> str:
        """The key of a window that starts at ``at_s``, by the wall clock or by ``wall_s`` on it."""
        at = local(at_s, self.zone)
        if wall_s is not None:
            at = (_WALL_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=self.zone)
        fmt = self.fmt
        if at.fold and self._marks_second and at.utcoffset() != at.replace(fold=0).utcoffset():
            fmt += "%z"
        if at.year < 1000:  # strftime does not fill up years, and strptime does not read them unfilled.
            fmt = _DIRECTIVE.sub(lambda found: f"{at.year:04d}" if found[1] == "Y" else found[0], fmt)
        return at.strftime(fmt)

    def keys(self, starts: "array[int]", walls: dict[int, int]) -> Iterator[str]:
        """The keys of ascending window starts; ``walls`` has the wall seconds of those moved by a gap.

        Several times as fast as `key` for each, where the format is a date and then a time in digits.
        """
        if self._digits is None or not starts:
            for at_s in starts:
                yield self.key(at_s, walls.get(at_s))
            return
        write_day, write_second = self._digits
        for period in offset_periods(self.zone, starts[0], starts[-1] + 1):
            begin, end = bisect_left(starts, period.start_s), bisect_left(starts, period.stop_s)
            # Times that were moved or come a second time are found only right behind a change of offset.
            plain = bisect_left(starts, period.start_s + DAY_S, begin, end)
            for at_s in starts[begin:plain]:
                yield self.key(at_s, walls.get(at_s))
            for at_s in starts[plain:end]:
                day, second = divmod(at_s + period.offset_s, DAY_S)
                yield write_day(day) + write_second(second)

    def read(self, text: str) -> float:
        """The UTC epoch seconds of a key. Raises `ValueError` if it does not match the format.

        The offset behind a time that came twice may be there or not; a bare time means the first.
        """
        return instant(self._parsed(text), self.zone)

    def readings(self, text: str) -> tuple[float, ...]:
        """What a key may mean, likeliest first: a bare time that came twice may be the second, too."""
        at = self._parsed(text)
        first, second = instant(at, self.zone), instant(at.replace(fold=1), self.zone)
        return (first,) if first == second else (first, second)

    def _parsed(self, text: str) -> datetime:
        try:
            return datetime.strptime(text, self.fmt)  # noqa: DTZ007 - naive means the zone's clock.
        except ValueError:
            if "%z" in self.fmt:
                raise
            return datetime.strptime(text, f"{self.fmt}%z")


def _template(fmt: str) -> str:
    """A `strftime` format as one for `str.format` of a date or a time."""
    braced = fmt.replace("{", "{{").replace("}", "}}")
    return _DIRECTIVE.sub(lambda found: f"{{0.{_FIELDS[found[1]]}}}", braced)


def _digits(fmt: str) -> tuple[Callable[[int], str], Callable[[int], str]] | None:
    """What writes days since 1970 and seconds of the day, if the format is digits of these in order."""
    parts = _DATE_THEN_TIME.fullmatch(fmt)
    if parts is None:
        return None
    day_text, second_text = (_template(part) for part in parts.groups())

    iso = parts[1] == "%Y-%m-%d"  # by far the most common, and several times as fast

    @lru_cache(maxsize=4)
    def write_day(day: int) -> str:
        on = date.fromordinal(_EPOCH_ORDINAL + day)
        return on.isoformat() if iso else day_text.format(on)

    @lru_cache(maxsize=DAY_S)
    def write_second(second: int) -> str:
        return second_text.format(time(second // 3600, second // 60 % 60, second % 60))

    return write_day, write_second


def instant(at: datetime, zone: tzinfo) -> float:
    """The UTC epoch seconds of a datetime; a naive one is wall-clock time of ``zone``, the first if twice."""
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()
