"""Definitions of time windows drawn at random, around changes of UTC offset more often than not."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitions,
    MultiPartitionsDefinition,
    Partitions,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from backfilld.ranges import Ranges

ZONES = (
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)

# Changes of offset in the zones above, by their own clocks.
CHANGES = tuple(
    map(
        datetime.fromisoformat,
        (
            "2024-03-10T02:00",
            "2024-11-03T01:00",
            "2017-10-15T00:00",
            "2018-02-17T23:00",
            "2023-11-05T00:00",
            "2024-03-31T02:00",
            "2024-10-27T02:00",
            "2024-04-07T01:30",
            "2024-10-06T02:00",
            "2011-12-29T12:00",
        ),
    )
)

SCHEDULES = (
    "* * * * *",
    "*/15 * * * *",
    "0 * * * *",
    "45 * * * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 1 * * *",
    "15 2 * * *",
    "0 3 * * *",
    "30 23 * * *",
    "0 */6 * * *",
    "*/20 1-4 * * *",
    "15 1,13 * * *",
    "0 9 * * 1-5",
    "0 0 * * 0",
    "30 2 1 * *",
    "0 0 29 * *",
    "0 0 1 */3 *",
    "0 0 1,15 * 1",
)

FORMATS = ("%Y-%m-%d-%H:%M", "%d.%m.%Y %H:%M", "%Y%m%dT%H%M%z", "%b %d %Y, %H:%M")


EVERY_ZONE = tuple(sorted(available_timezones()))


@cache
def changes_of(timezone: str) -> tuple[datetime, ...]:
    """The local days since 2000 before which a zone's offset changes; any day if it does not."""
    zone, first = ZoneInfo(timezone), datetime.fromisoformat("2000-01-01")
    days = [first + timedelta(days=day) for day in range(26 * 366)]
    offsets = [day.replace(tzinfo=zone).utcoffset() for day in days]
    return tuple(
        day for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False) if before != after
    ) or (first,)


@st.composite
def windows_definitions(draw: st.DrawFn) -> TimeWindowPartitionsDefinition:
    """A definition in any zone that starts near a change of offset and lasts for up to some weeks."""
    schedule = draw(st.sampled_from(SCHEDULES))
    fine = schedule.split()[1] == "*"
    timezone = draw(st.sampled_from(ZONES) | st.sampled_from(EVERY_ZONE))
    changes = CHANGES if timezone in ZONES else changes_of(timezone)
    start = draw(st.sampled_from(changes)) - timedelta(
        minutes=draw(st.integers(0, 2_000 if fine else 60_000))
    )
    return TimeWindowPartitionsDefinition(
        start=start,
        end=start + timedelta(minutes=draw(st.integers(0, 4_000 if fine else 120_000))),
        fmt=draw(st.sampled_from(FORMATS)),
        cron_schedule=schedule,
        timezone=timezone,
        exclusions=draw(st.sampled_from(((), ("0 0-5 * * *",), ("* * * * 6,0", start + timedelta(days=1))))),
    )


KEY_TEXT = st.text(
    st.sampled_from("ab1 ;=*\"'\\.-日\n") | st.characters(exclude_characters="|,[]"), max_size=5
).filter(lambda key: "..." not in key)
KEY_LISTS = st.lists(KEY_TEXT, unique=True, max_size=6)


@st.composite
def dimensions(draw: st.DrawFn, name: str) -> PartitionsDefinition:
    """Static keys, dynamic ones, or some days: any of them may be none at all."""
    kind = draw(st.sampled_from(("static", "dynamic", "daily")))
    match kind:
        case "static":
            return StaticPartitionsDefinition(draw(KEY_LISTS))
        case "dynamic":
            return DynamicPartitionsDefinition(name).bound({name: draw(KEY_LISTS)})
        case _:
            first, days = draw(st.integers(1, 20)), draw(st.integers(0, 8))
            return DailyPartitionsDefinition(
                start_date=f"2024-01-{first:02}", end_date=f"2024-01-{first + days:02}"
            )


@st.composite
def grids(draw: st.DrawFn) -> MultiPartitions:
    """Partitions in two dimensions."""
    names = draw(st.sampled_from((("a", "b"), ("date", "city"), ("a b", "=;"))))
    definition = MultiPartitionsDefinition({name: draw(dimensions(name)) for name in names})
    return definition.partitions(datetime(2025, 1, 1, tzinfo=UTC))


def some_of(draw: st.DataObject, partitions: Partitions) -> Ranges:
    """A set of the partitions; it may be empty."""
    ordinal = st.integers(0, len(partitions))
    return Ranges.of(draw.draw(st.lists(st.tuples(ordinal, ordinal), max_size=4)))
