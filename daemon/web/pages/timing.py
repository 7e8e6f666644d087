"""Times along an axis."""

from datetime import UTC, datetime

TICKS = 5


def ticks_of(begin: datetime, end: datetime, count: int = TICKS) -> tuple[str, ...]:
    """Times evenly apart, the first and the last included, as short as they can be told apart.

    >>> from datetime import datetime
    >>> ticks_of(datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2024, 3, 1, 12, 2, tzinfo=UTC), 3)
    ('12:00:00', '12:01:00', '12:02:00')
    >>> ticks_of(datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 21, tzinfo=UTC), 3)
    ('2024-03-01', '2024-03-11', '2024-03-21')
    """
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    span_s = (end - begin).total_seconds()
    step = (end - begin) / (count - 1)
    times = [begin + step * place for place in range(count)]
    if span_s < 2 * count:
        return tuple(f"{time:%H:%M:%S.%f}"[:-5] for time in times)
    form = "%Y-%m-%d" if span_s > 10 * 86_400 else "%m-%d %H:%M" if begin.date() != end.date() else "%H:%M:%S"
    return tuple(f"{time:{form}}" for time in times)
