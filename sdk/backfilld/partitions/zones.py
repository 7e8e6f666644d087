"""Time zones as periods of one UTC offset, which is how ticks are laid out on them."""

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
# The calendar repeats itself, weekdays included, every 400 years; a fortieth of that is looked at in one go.
_CYCLE_S = 146_097 * DAY_S
_CHUNK_S = _CYCLE_S // 40
# The time zone database knows of no change before 1800, and after 2500 only of rules by the calendar.
_CHUNK_FIRST = -5_364_662_400 // _CHUNK_S
_CHUNK_LAST = 16_725_225_600 // _CHUNK_S
# No zone has two changes of offset within less than this of each other (the closest, those of Freetown in
# September 1939, are not quite four days apart), so none is missed between two looks.
_PROBE_S = 3 * DAY_S


class OffsetPeriod(NamedTuple):
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
    return datetime.fromtimestamp(at_s, zone)


def offset_periods(zone: tzinfo, start_s: int, stop_s: int) -> Iterator[OffsetPeriod]:
    """The given time, cut at the zone's changes of offset; neighbours have different offsets."""
    begin, offset = start_s, _offset_at(zone, start_s)
    if zone is not UTC:
        for chunk in range(max(start_s // _CHUNK_S, _CHUNK_FIRST), stop_s // _CHUNK_S + 1):
            for at, after in _changes(zone, chunk):
                if begin < at < stop_s:
                    yield OffsetPeriod(begin, at, offset)
                    begin, offset = at, after
    if begin < stop_s:
        yield OffsetPeriod(begin, stop_s, offset)


@lru_cache(maxsize=8192)
def _changes(zone: tzinfo, chunk: int) -> tuple[tuple[int, int], ...]:
    """The changes of offset in one chunk of time, as pairs (when, offset from then on)."""
    if chunk > _CHUNK_LAST:
        return tuple((at + _CYCLE_S, after) for at, after in _changes(zone, chunk - 40))
    found = []
    low, before = chunk * _CHUNK_S, _offset_at(zone, chunk * _CHUNK_S)
    end = low + _CHUNK_S
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
