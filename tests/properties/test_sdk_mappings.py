"""Mappings agree with themselves: what is upstream of a partition has that partition downstream."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.mappings import (
    AllPartitionMapping,
    IdentityPartitionMapping,
    PartitionMapping,
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
