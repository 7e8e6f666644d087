"""Time-window mappings around excluded windows, and their cost."""

from datetime import UTC, datetime

import pytest

from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import DailyPartitionsDefinition, HourlyPartitionsDefinition, TimeWindowPartitions
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)
WEEKENDS = ["0 0 * * 6,0"]
EVERY_DAY = DailyPartitionsDefinition(start_date="2024-05-01").partitions(NOW)
WORKING_DAYS = DailyPartitionsDefinition(start_date="2024-05-01", exclusions=WEEKENDS).partitions(NOW)
WORKING_NINES = DailyPartitionsDefinition(
    start_date="2024-05-01", hour_offset=9, exclusions=["0 9 * * 6,0"]
).partitions(NOW)


def upstream_keys(
    mapping: TimeWindowPartitionMapping,
    keys: list[str],
    downstream: TimeWindowPartitions,
    upstream: TimeWindowPartitions,
) -> list[str]:
    some = downstream.ranges_of([(key, key) for key in keys])
    found = mapping.upstream_of(some, downstream_partitions=downstream, upstream_partitions=upstream)
    return list(upstream.keys(found.existing))


def test_a_window_in_a_hole_of_the_same_schedule_needs_nothing() -> None:
    mapping = TimeWindowPartitionMapping()
    assert upstream_keys(mapping, ["2024-05-05"], EVERY_DAY, WORKING_DAYS) == []
    assert upstream_keys(mapping, ["2024-05-05", "2024-05-06"], EVERY_DAY, WORKING_DAYS) == ["2024-05-06"]


def test_a_window_in_a_hole_waits_for_nothing_not_even_for_both_its_neighbours() -> None:
    mapping, some = TimeWindowPartitionMapping(), WORKING_DAYS.ranges_of([("2024-05-03", "2024-05-06")])
    waiting = mapping.waiting_for(some, upstream_partitions=WORKING_DAYS, downstream_partitions=EVERY_DAY)
    assert list(EVERY_DAY.keys(waiting)) == ["2024-05-03", "2024-05-06"]


def test_a_window_in_a_hole_of_another_schedule_needs_the_window_before() -> None:
    hours = HourlyPartitionsDefinition(start_date="2024-05-01-00:00").partitions(NOW)
    mapping = TimeWindowPartitionMapping()
    assert upstream_keys(mapping, ["2024-05-05-12:00"], hours, WORKING_DAYS) == ["2024-05-03"]


def test_neighbours_among_existing_windows_span_the_hole_between_them() -> None:
    mapping = TimeWindowPartitionMapping()
    assert upstream_keys(mapping, ["2024-05-03", "2024-05-06"], WORKING_DAYS, EVERY_DAY) == [
        "2024-05-03",
        "2024-05-04",
        "2024-05-05",
        "2024-05-06",
    ]
    assert upstream_keys(mapping, ["2024-05-06"], WORKING_DAYS, EVERY_DAY) == ["2024-05-06"]


@pytest.mark.parametrize("windows", [WORKING_DAYS, WORKING_NINES], ids=["midnight", "nine"])
def test_offsets_count_the_windows_that_are_not_excluded(windows: TimeWindowPartitions) -> None:
    mapping = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    assert upstream_keys(mapping, ["2024-05-06"], windows, windows) == ["2024-05-03"]
    assert upstream_keys(mapping, ["2024-05-07"], windows, windows) == ["2024-05-06"]


def test_of_what_ends_before_all_upstream_the_windows_that_start_within_it_are_told() -> None:
    hours = HourlyPartitionsDefinition(start_date="2024-04-30-00:00").partitions(NOW)
    mapping = TimeWindowPartitionMapping()
    early, midnight = (
        mapping.upstream_of(
            hours.ranges_of([(key, key)]), downstream_partitions=hours, upstream_partitions=EVERY_DAY
        )
        for key in ("2024-04-30-09:00", "2024-04-30-00:00")
    )
    assert (early.existing, early.nonexistent) == (Ranges.of(()), ())  # as Dagster has it
    assert midnight.nonexistent == ("2024-04-30",)


def test_what_overhangs_on_one_side_is_told_and_no_more() -> None:
    upstream = DailyPartitionsDefinition(start_date="2024-05-10", end_date="2024-05-20").partitions(NOW)
    mapping = TimeWindowPartitionMapping()
    before, after, both = (
        mapping.upstream_of(
            EVERY_DAY.ranges_of([pair]), downstream_partitions=EVERY_DAY, upstream_partitions=upstream
        ).nonexistent
        for pair in (("2024-05-08", "2024-05-11"), ("2024-05-19", "2024-05-21"), ("2024-05-09", "2024-05-20"))
    )
    assert before == ("2024-05-08", "2024-05-09")
    assert after == ("2024-05-20", "2024-05-21")
    assert len(both) == 12  # on both sides: the whole, as Dagster tells it
    lenient = TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    found = lenient.upstream_of(
        EVERY_DAY.all(), downstream_partitions=EVERY_DAY, upstream_partitions=upstream
    )
    assert not found.nonexistent
    assert found.existing == upstream.all()


def test_a_million_windows_are_mapped_as_one_interval() -> None:
    late = datetime(2014, 2, 1, tzinfo=UTC)
    hours = HourlyPartitionsDefinition(start_date="1900-01-01-00:00", timezone="Europe/Berlin").partitions(
        late
    )
    days = DailyPartitionsDefinition(start_date="1900-01-01", timezone="Europe/Berlin").partitions(late)
    mapping = TimeWindowPartitionMapping(start_offset=-1)
    needed = mapping.upstream_of(days.all(), downstream_partitions=days, upstream_partitions=hours)
    assert len(needed.existing) > 990_000
    assert len(needed.existing.intervals) == 1
    back = mapping.downstream_of(Ranges.single(100), upstream_partitions=hours, downstream_partitions=days)
    assert list(days.keys(back)) == ["1900-01-05", "1900-01-06"]


def test_where_every_window_is_excluded_none_is_looked_for_until_the_end_of_time() -> None:
    never = DailyPartitionsDefinition(start_date="2024-05-01", exclusions=["0 */6 * * *"]).partitions(NOW)
    hours = HourlyPartitionsDefinition(start_date="2024-05-01-00:00").partitions(NOW)
    assert never.definition.window_schedule.is_void
    assert not WORKING_DAYS.definition.window_schedule.is_void
    for mapping in (TimeWindowPartitionMapping(), TimeWindowPartitionMapping(start_offset=-1)):
        for each in hours.all():
            needed = mapping.upstream_of(
                Ranges.single(each), downstream_partitions=hours, upstream_partitions=never
            )
            assert (list(needed.existing), needed.nonexistent) == ([], ())
