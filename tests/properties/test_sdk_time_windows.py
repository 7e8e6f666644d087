"""Time windows in many zones: keys go there and back, and time is neither lost nor counted twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backfilld.partitions import TimeWindow, TimeWindowPartitionsDefinition
from backfilld.partitions.cron import CronSchedule
from backfilld.partitions.ticks import ticks_between
from backfilld.partitions.zones import zone_named
from tests.properties.sdk_strategies import CHANGES, SCHEDULES, ZONES, windows_definitions

NOW = datetime(2025, 1, 1, tzinfo=UTC)


@given(windows_definitions())
def test_keys_and_windows_go_there_and_back(definition: TimeWindowPartitionsDefinition) -> None:
    partitions = definition.partitions(NOW)
    keys = list(partitions)
    assert len(set(keys)) == len(keys) == len(partitions)
    assert [partitions.find(key) for key in keys] == list(range(len(keys)))
    assert [partitions.key(ordinal) for ordinal in range(len(keys))] == keys
    zone = ZoneInfo(definition.timezone)
    for ordinal, key in enumerate(keys):
        start = partitions.window(ordinal).start
        assert start.utcoffset() == start.astimezone(zone).utcoffset()
        # Of two windows that would have one key, the second tells its offset too.
        told = {start.strftime(definition.fmt), start.strftime(f"{definition.fmt}%z")}
        assert key in told or is_skipped(key, definition.fmt, zone)


def is_skipped(key: str, fmt: str, zone: ZoneInfo) -> bool:
    """Whether clocks skip the time that a key names, when they are set forward."""
    named = datetime.strptime(key, fmt).replace(tzinfo=zone)
    shown = named.astimezone(UTC).astimezone(zone)
    return shown.replace(tzinfo=None) > named.replace(tzinfo=None)


@given(windows_definitions())
def test_windows_neither_overlap_nor_leave_holes_but_the_excluded(
    definition: TimeWindowPartitionsDefinition,
) -> None:
    partitions = definition.partitions(NOW)
    windows = [partitions.window(ordinal) for ordinal in range(len(partitions))]
    assert all(start.timestamp() < end.timestamp() for start, end in windows)
    edges = [at.timestamp() for window in windows for at in window]
    assert edges == sorted(edges)
    if not definition.exclusions:
        assert all(one.end.timestamp() == two.start.timestamp() for one, two in pairwise(windows))
    assert definition.end is not None
    assert all(window.end.timestamp() <= definition.end.timestamp() for window in windows[-1:])
    assert all(window.start.timestamp() >= definition.start.timestamp() for window in windows[:1])


@given(windows_definitions(), st.lists(st.integers(0, 200), max_size=3))
def test_only_the_excluded_windows_are_left_out_and_the_others_stay_as_they_are(
    definition: TimeWindowPartitionsDefinition, ordinals: list[int]
) -> None:
    kwargs = {name: value for name, value in definition.kwargs().items() if name != "exclusions"}
    bare = TimeWindowPartitionsDefinition(**kwargs)
    listed = bare.partitions(NOW)
    times = [listed.window(each).start.replace(tzinfo=None) for each in ordinals if each < len(listed)]
    definition = TimeWindowPartitionsDefinition(**kwargs, exclusions=[*definition.exclusions, *times])
    before, after = (
        [partitions.window(ordinal) for ordinal in range(len(partitions))]
        for partitions in (bare.partitions(NOW), definition.partitions(NOW))
    )
    left_out = [window for window in before if window not in after]
    assert [window for window in before if window not in left_out] == after
    assert all(map(partial(is_excluded, definition), left_out))
    assert not any(map(partial(is_excluded, definition), after))


def is_excluded(definition: TimeWindowPartitionsDefinition, window: TimeWindow) -> bool:
    """Whether a window starts at an excluded time, or when the wall clock shows one that is excluded."""
    wall = int(window.start.replace(tzinfo=UTC).timestamp())
    zone = ZoneInfo(definition.timezone)
    return any(
        list(CronSchedule(each).walls(wall, wall + 60)) == [wall]
        if isinstance(each, str)
        else each.replace(tzinfo=zone).timestamp() == window.start.timestamp()
        for each in definition.exclusions
    )


@given(windows_definitions(), st.lists(st.integers(0, 200_000), max_size=4).map(sorted))
def test_ordinals_do_not_depend_on_now(
    definition: TimeWindowPartitionsDefinition, minutes: list[int]
) -> None:
    keys = list(definition.partitions(NOW))
    for minute in minutes:
        now = min(definition.start + timedelta(minutes=minute), NOW)
        earlier = definition.partitions(now)
        assert list(earlier) == keys[: len(earlier)]
        ends = [earlier.ends[ordinal] for ordinal in range(len(earlier))]
        assert all(end <= now.timestamp() for end in ends)
        assert len(earlier) == len(keys) or earlier.ends[len(earlier)] > now.timestamp()


def minute_by_minute(schedule: str, zone: tzinfo, start: datetime, minutes: int) -> Iterator[int]:
    """The ticks of a schedule of every hour, found by looking at the wall clock each minute."""
    cron = CronSchedule(schedule)
    for minute in range(minutes):
        at = start + timedelta(minutes=minute)
        wall = int(at.astimezone(zone).replace(tzinfo=UTC).timestamp())
        if list(cron.walls(wall, wall + 60)) == [wall]:
            yield int(at.timestamp())


@given(
    st.sampled_from([schedule for schedule in SCHEDULES if schedule.split()[1] == "*"]),
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
)
def test_schedules_of_every_hour_tick_whenever_the_wall_clock_matches(
    schedule: str, timezone: str, change: datetime
) -> None:
    zone, minutes = zone_named(timezone), 2_000
    start = change.replace(tzinfo=UTC) - timedelta(minutes=minutes // 2)
    begin = int(start.timestamp())
    found = ticks_between(CronSchedule(schedule), zone, begin, begin + minutes * 60).at
    assert list(found) == list(minute_by_minute(schedule, zone, start, minutes))


@given(
    st.sampled_from(SCHEDULES), st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-3_000, 3_000)
)
def test_ticks_do_not_depend_on_where_one_begins_to_look(
    schedule: str, timezone: str, change: datetime, minute: int
) -> None:
    cron, zone, day = CronSchedule(schedule), zone_named(timezone), 86_400
    middle = int(change.replace(tzinfo=UTC).timestamp()) + minute * 60
    whole = ticks_between(cron, zone, middle - 40 * day, middle + 40 * day).at
    early = ticks_between(cron, zone, middle - 40 * day, middle).at
    late = ticks_between(cron, zone, middle, middle + 40 * day).at
    assert early + late == whole


@given(windows_definitions(), st.integers(0, 20))
def test_prefixes_pick_the_keys_that_begin_so(definition: TimeWindowPartitionsDefinition, size: int) -> None:
    partitions = definition.partitions(NOW)
    keys = list(partitions)
    for key in keys[:: max(1, len(keys) // 5)]:
        expected = [ordinal for ordinal, other in enumerate(keys) if other.startswith(key[:size])]
        assert list(partitions.with_prefix(key[:size])) == expected
