"""Mappings agree with themselves: what is upstream of a partition has that partition downstream."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.mappings import (
    AllPartitionMapping,
    IdentityPartitionMapping,
    LastPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    UNPARTITIONED,
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    Partitions,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.ranges import Ranges
from tests.properties.both_ways import agree, pairs_downward, pairs_upward
from tests.properties.sdk_strategies import some_of

NOW = datetime(2024, 5, 1, tzinfo=UTC)
ZONE = "America/New_York"

TIME_WINDOWS = (
    HourlyPartitionsDefinition(start_date="2024-03-08-00:00", end_date="2024-03-13-00:00", timezone=ZONE),
    DailyPartitionsDefinition(start_date="2024-02-20", end_date="2024-04-01", timezone=ZONE),
    DailyPartitionsDefinition(start_date="2024-03-01", timezone=ZONE, hour_offset=6),
    WeeklyPartitionsDefinition(start_date="2024-02-01", timezone=ZONE),
    MonthlyPartitionsDefinition(start_date="2024-01-01", timezone=ZONE),
    TimeWindowPartitionsDefinition(
        start="2024-03-05-00:00", fmt="%Y-%m-%d-%H:%M", cron_schedule="0 */6 * * *", timezone=ZONE
    ),
)
PLAIN = st.sampled_from([definition.partitions(NOW) for definition in TIME_WINDOWS])


@given(PLAIN, PLAIN, st.data())
def test_overlap_looks_the_same_from_both_sides(
    upstream: Partitions, downstream: Partitions, draw: st.DataObject
) -> None:
    mapping = TimeWindowPartitionMapping()
    some = some_of(draw, downstream)
    needed = mapping.upstream_of(some, downstream_partitions=downstream, upstream_partitions=upstream)
    for ordinal in needed.existing:
        back = mapping.downstream_of(
            Ranges.single(ordinal), upstream_partitions=upstream, downstream_partitions=downstream
        )
        assert not back.isdisjoint(some)
    for ordinal in upstream.all() - needed.existing:
        back = mapping.downstream_of(
            Ranges.single(ordinal), upstream_partitions=upstream, downstream_partitions=downstream
        )
        assert back.isdisjoint(some)


@given(PLAIN, st.integers(-3, 3), st.integers(0, 3), st.data())
def test_offsets_on_one_schedule_are_steps_within_the_bounds(
    partitions: Partitions, start_offset: int, longer: int, draw: st.DataObject
) -> None:
    mapping = TimeWindowPartitionMapping(start_offset=start_offset, end_offset=start_offset + longer)
    ordinal = draw.draw(st.integers(0, len(partitions) - 1))
    single = Ranges.single(ordinal)
    steps = range(start_offset, start_offset + longer + 1)
    upstream = mapping.upstream_of(single, downstream_partitions=partitions, upstream_partitions=partitions)
    assert set(upstream.existing) == {ordinal + step for step in steps} & set(partitions.all())
    downstream = mapping.downstream_of(
        single, upstream_partitions=partitions, downstream_partitions=partitions
    )
    assert set(downstream) == {ordinal - step for step in steps} & set(partitions.all())


@pytest.mark.parametrize("mapping", [IdentityPartitionMapping(), TimeWindowPartitionMapping()], ids=repr)
@given(st.data())
def test_the_same_schedule_maps_key_to_key(mapping: PartitionMapping, draw: st.DataObject) -> None:
    days = st.dates(date(2024, 3, 1), date(2024, 4, 20)).map(str)
    upstream, downstream = (
        DailyPartitionsDefinition(start_date=start, end_date=end, timezone=ZONE).partitions(NOW)
        for start, end in (sorted((draw.draw(days), draw.draw(days))) for _ in range(2))
    )
    some = some_of(draw, downstream)
    keys = set(downstream.keys(some))
    needed = mapping.upstream_of(some, downstream_partitions=downstream, upstream_partitions=upstream)
    assert set(upstream.keys(needed.existing)) == keys & set(upstream)
    assert set(needed.nonexistent) >= keys - set(upstream)
    needing = mapping.downstream_of(
        needed.existing, upstream_partitions=upstream, downstream_partitions=downstream
    )
    assert set(downstream.keys(needing)) == keys & set(upstream)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_identity_of_written_down_keys(above: list[str], below: list[str]) -> None:
    mapping = IdentityPartitionMapping()
    upstream, downstream = (StaticPartitionsDefinition(keys).partitions(NOW) for keys in (above, below))
    needed = mapping.upstream_of(
        downstream.all(), downstream_partitions=downstream, upstream_partitions=upstream
    )
    assert set(upstream.keys(needed.existing)) == set(above) & set(below)
    assert set(needed.nonexistent) == set(below) - set(above)


@given(PLAIN, st.booleans())
def test_all_means_all(upstream: Partitions, some: bool) -> None:
    mapping = AllPartitionMapping()
    asked = UNPARTITIONED.all() if some else Ranges()
    needed = mapping.upstream_of(asked, downstream_partitions=UNPARTITIONED, upstream_partitions=upstream)
    assert needed.existing == (upstream.all() if some else Ranges())
    assert not needed.nonexistent
    back = mapping.downstream_of(
        needed.existing, upstream_partitions=upstream, downstream_partitions=UNPARTITIONED
    )
    assert back == asked


@st.composite
def time_windows(draw: st.DrawFn, timezone: str) -> TimeWindowPartitionsDefinition:
    """A few windows around the changes of offset in March 2024, some of them with holes."""
    start = datetime.fromisoformat("2024-03-01") + timedelta(hours=draw(st.integers(0, 700)))
    return TimeWindowPartitionsDefinition(
        start=start,
        end=start + timedelta(hours=draw(st.integers(0, 150))),
        fmt="%Y-%m-%d-%H:%M%z",
        cron_schedule=draw(st.sampled_from(["0 0 * * *", "30 1 * * *", "0 */6 * * *", "0 9 * * 1-5"])),
        timezone=timezone,
        exclusions=draw(st.sampled_from([(), (), ("0 0 * * 3", "30 1 * * 3"), ("* * * * 6,0",)])),
    )


@given(st.data(), st.integers(-2, 2), st.integers(0, 2), st.booleans())
def test_both_directions_agree_but_for_holes(
    draw: st.DataObject, start_offset: int, longer: int, same: bool
) -> None:
    timezone = draw.draw(st.sampled_from(["UTC", ZONE, "Europe/Berlin", "Australia/Lord_Howe"]))
    above = draw.draw(time_windows(timezone))
    below = above if same else draw.draw(time_windows(timezone))
    upstream, downstream = above.partitions(NOW), below.partitions(NOW)
    mapping = TimeWindowPartitionMapping(start_offset, start_offset + longer)
    upward, downward = (
        pairs_upward(mapping, upstream, downstream),
        pairs_downward(mapping, upstream, downstream),
    )
    assert downward <= upward
    # Where the two do not have the same holes, time in one counts to the window before it, and upward only.
    if above.in_step_with(below) or not (above.exclusions or below.exclusions):
        assert downward == upward


@given(st.data(), st.integers(-2, 2), st.integers(-2, 2))
def test_whoever_needs_something_waits_for_it_and_nobody_else(
    draw: st.DataObject, start_offset: int, end_offset: int
) -> None:
    timezone = draw.draw(st.sampled_from(["UTC", ZONE, "Europe/Berlin", "Australia/Lord_Howe"]))
    upstream, downstream = (draw.draw(time_windows(timezone)).partitions(NOW) for _ in range(2))
    mapping = TimeWindowPartitionMapping(start_offset, end_offset)
    some = some_of(draw, upstream)
    waiting = mapping.waiting_for(some, upstream_partitions=upstream, downstream_partitions=downstream)
    pairs = pairs_upward(mapping, upstream, downstream)
    assert set(waiting) == {below for above, below in pairs if above in set(some)}


LETTERS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(LETTERS, LETTERS, st.data())
def test_both_directions_agree_between_written_down_keys(
    above: list[str], below: list[str], draw: st.DataObject
) -> None:
    upstream, downstream = StaticPartitionsDefinition(above), StaticPartitionsDefinition(below)
    table = draw.draw(
        st.dictionaries(st.sampled_from(above), st.sets(st.sampled_from(below)))
        if above and below
        else st.just({})
    )
    mapping = draw.draw(
        st.sampled_from(
            [
                IdentityPartitionMapping(),
                AllPartitionMapping(),
                LastPartitionMapping(),
                SpecificPartitionsPartitionMapping(["a", "e"]),
                StaticPartitionMapping(table),
            ]
        )
    )
    mapping.validate(upstream, downstream)
    agree(mapping, upstream.partitions(NOW), downstream.partitions(NOW))
