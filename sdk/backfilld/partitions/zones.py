"""Time zones as stretches of time with one UTC offset, which is how ticks are laid out on them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backfilld.errors import InvalidDefinitionError

# Datetimes reach from the year 1 to the year 9999; these are the ends of that in UTC epoch seconds.
TIME_FIRST_S = -62_135_596_800
TIME_STOP_S = 253_402_300_800

DAY_S = 86_400
_DECADE_S = 3652 * DAY_S
# No zone of the time zone database has two changes of offset within less than this of each other (the
# closest, around Ramadan, are four weeks apart), so none is missed between two looks at it.
_PROBE_S = 8 * DAY_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stretch(NamedTuple):
    """The time from ``start_s`` to before ``stop_s`` (UTC epoch seconds), all at one UTC offset."""

    start_s: int
    stop_s: int
    offset_s: int


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises `InvalidDefinitionError` for a name that is none."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidDefinitionError(
            f'expected an IANA time zone such as "UTC" or "America/New_York", found {name!r}'
        ) from error


def local(at_s: int, zone: tzinfo) -> datetime:
    """The aware datetime in ``zone`` of UTC epoch seconds."""
    return (_EPOCH + timedelta(seconds=at_s)).astimezone(zone)


def stretches(zone: tzinfo, start_s: int, stop_s: int) -> Iterator[Stretch]:
    """The given time, cut at the zone's changes of offset; neighbours have different offsets."""
    begin, offset = start_s, _offset_at(zone, start_s)
    if zone is not UTC:
        for decade in range(start_s // _DECADE_S, stop_s // _DECADE_S + 1):
            for at, after in _changes(zone, decade):
                if begin < at < stop_s:
                    yield Stretch(begin, at, offset)
                    begin, offset = at, after
    if begin < stop_s:
        yield Stretch(begin, stop_s, offset)


@lru_cache(maxsize=4096)
def _changes(zone: tzinfo, decade: int) -> tuple[tuple[int, int], ...]:
    """The changes of offset in one stretch of ten years, as pairs (when, offset from then on)."""
    found = []
    low, before = decade * _DECADE_S, _offset_at(zone, decade * _DECADE_S)
    end = low + _DECADE_S
    while low < end:
        high = min(low + _PROBE_S, end)
        after = _offset_at(zone, high)
        if after != before:
            found.append((_change_between(zone, low, high), after))
        low, before = high, after
    return tuple(found)


def _change_between(zone: tzinfo, low: int, high: int) -> int:
    """The first second of the new offset, which differs between ``low`` and ``high``."""
    before = _offset_at(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset_at(zone: tzinfo, at_s: int) -> int:
    # Within a day of the ends of time a local datetime may not exist; nothing changes there.
    inside = min(max(at_s, TIME_FIRST_S + DAY_S), TIME_STOP_S - DAY_S)
    offset = local(inside, zone).utcoffset()
    assert offset is not None
    return offset // timedelta(seconds=1)
