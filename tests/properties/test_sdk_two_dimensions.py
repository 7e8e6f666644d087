"""Two dimensions: ordinals and sets come back from keys, and mappings do what they do key by key."""

from datetime import UTC, datetime
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    LastPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitions,
    DynamicPartitionsDefinition,
    MultiPartitions,
    MultiPartitionsDefinition,
    Partitions,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.partitions.grid import Box, boxes_of, cells_of
from backfilld.ranges import Ranges
from tests.properties.both_ways import agree
from tests.properties.sdk_strategies import grids, some_of

NOW = datetime(2024, 3, 1, tzinfo=UTC)
COLOURS = StaticPartitionsDefinition(["red", "blue", "grey"])
FEWER = StaticPartitionsDefinition(["grey", "red"])
DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-24")
LATER_DAYS = DailyPartitionsDefinition(start_date="2024-01-10", end_date="2024-02-02")
WORK_DAYS = DailyPartitionsDefinition(
    start_date="2024-01-05", end_date="2024-01-30", exclusions=["0 0 * * 6,0"]
)
WEEKS = WeeklyPartitionsDefinition(start_date="2023-12-31", end_date="2024-02-04")

STATIC_TABLES = st.dictionaries(
    st.sampled_from(COLOURS.partition_keys), st.sets(st.sampled_from(FEWER.partition_keys)), max_size=3
)


@given(grids(), st.data())
def test_keys_and_sets_come_back(cells: MultiPartitions, draw: st.DataObject) -> None:
    keys = [*cells]
    assert len(keys) == len(cells) == len(set(keys))
    assert keys == ["|".join(parts) for parts in product(*cells.dimensions)]
    assert [cells.find(key) for key in keys] == [*range(len(cells))]
    assert [cells.key(ordinal) for ordinal in range(len(cells))] == keys
    some = some_of(draw, cells)
    assert [*cells.keys(some)] == [keys[ordinal] for ordinal in some]
    assert cells.ranges_of(cells.key_ranges(some)) == some
    for prefix in {"", *keys, *(key[: len(key) // 2] for key in keys)}:
        assert [*cells.with_prefix(prefix)] == [at for at, key in enumerate(keys) if key.startswith(prefix)]


@given(grids(), st.booleans(), st.data())
def test_a_set_is_the_same_where_only_its_dynamic_keys_are_bound(
    cells: MultiPartitions, twice: bool, draw: st.DataObject
) -> None:
    dimensions = (cells.dimensions[0],) * 2 if twice else cells.dimensions
    partitions = MultiPartitions(cells.names, dimensions)
    some = some_of(draw, partitions)
    keys = partitions.dynamic_keys(some)
    first, second = (
        DynamicPartitionsDefinition(dimension.name).bound(keys).partitions(NOW)
        if isinstance(dimension, DynamicPartitions)
        else dimension
        for dimension in dimensions
    )
    there = MultiPartitions(cells.names, (first, second))
    again = there.ranges_of(partitions.key_ranges(some))
    assert [*there.keys(again)] == [*partitions.keys(some)]
    assert there.key_ranges(again) == partitions.key_ranges(some)


@given(st.integers(1, 7), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6))
def test_boxes_cover_a_set_once(width: int, intervals: list[tuple[int, int]]) -> None:
    cells = Ranges.of(intervals)
    boxes = boxes_of(cells, width)
    covered = [row * width + column for rows, columns in boxes for row in rows for column in columns]
    assert sorted(covered) == [*cells]
    assert cells_of(boxes, width) == cells
    assert len({box.columns for box in boxes}) == len(boxes)


@given(st.integers(1, 5), st.lists(st.tuples(*(st.sets(st.integers(0, 4)) for _ in range(2))), max_size=5))
def test_boxes_may_overlap(width: int, sides: list[tuple[set[int], set[int]]]) -> None:
    boxes = [
        Box(Ranges.from_ordinals(rows), Ranges.from_ordinals(column for column in columns if column < width))
        for rows, columns in sides
    ]
    cells = {row * width + column for rows, columns in boxes for row in rows for column in columns}
    assert set(cells_of(boxes, width)) == cells


@given(grids(), grids(), st.data())
def test_same_keys_are_those_of_both(
    one: MultiPartitions, other: MultiPartitions, draw: st.DataObject
) -> None:
    some = some_of(draw, one)
    same, lacking = one.same_keys(some, other)
    keys = set(one.keys(some))
    assert set(other.keys(same)) == keys & set(other)
    assert set(one.keys(lacking)) == keys - set(other)


@st.composite
def between_dimensions(
    draw: st.DrawFn,
) -> tuple[PartitionMapping, PartitionsDefinition, PartitionsDefinition]:
    """A mapping that fits between two single dimensions, and these, upstream first."""
    offsets = draw(st.integers(-2, 2)), draw(st.integers(-2, 2))
    windows = TimeWindowPartitionMapping(*offsets, allow_nonexistent_upstream_partitions=draw(st.booleans()))
    kinds: list[tuple[PartitionMapping, PartitionsDefinition, PartitionsDefinition]] = [
        (IdentityPartitionMapping(), COLOURS, FEWER),
        (IdentityPartitionMapping(), DAYS, LATER_DAYS),
        (AllPartitionMapping(), DAYS, COLOURS),
        (LastPartitionMapping(), COLOURS, DAYS),
        (SpecificPartitionsPartitionMapping(["red", "pink"]), COLOURS, FEWER),
        (StaticPartitionMapping(draw(STATIC_TABLES)), COLOURS, FEWER),
        (windows, DAYS, LATER_DAYS),
        (windows, WORK_DAYS, DAYS),
        (windows, DAYS, WORK_DAYS),
        (windows, DAYS, WEEKS),
        (windows, WEEKS, DAYS),
    ]
    return draw(st.sampled_from(kinds))


def needed_one_by_one(
    mapping: PartitionMapping, downstream: Ranges, upstream_of: Partitions, downstream_of: Partitions
) -> tuple[set[int], set[str]]:
    """What the partitions need, each asked for alone."""
    existing: set[int] = set()
    lacking: set[str] = set()
    for ordinal in downstream:
        found = mapping.upstream_of(
            Ranges.single(ordinal), downstream_partitions=downstream_of, upstream_partitions=upstream_of
        )
        existing |= set(found.existing)
        lacking |= set(found.nonexistent)
    return existing, lacking


@given(between_dimensions(), between_dimensions(), st.booleans(), st.booleans(), st.data())
def test_a_mapping_by_dimension_maps_a_set_as_it_maps_each_key(
    one: tuple[PartitionMapping, PartitionsDefinition, PartitionsDefinition],
    other: tuple[PartitionMapping, PartitionsDefinition, PartitionsDefinition],
    both: bool,
    crossed: bool,
    draw: st.DataObject,
) -> None:
    first, second = ("z", "y") if crossed else ("y", "z")
    upstream_def = MultiPartitionsDefinition({"a": one[1], "b": other[1]})
    downstream_def = MultiPartitionsDefinition({first: one[2], second: other[2]})
    by_dimension = {"a": DimensionPartitionMapping(first, one[0])}
    if both:
        by_dimension["b"] = DimensionPartitionMapping(second, other[0])
    mapping = MultiPartitionMapping(by_dimension)
    mapping.validate(upstream_def, downstream_def)
    upstream, downstream = upstream_def.partitions(NOW), downstream_def.partitions(NOW)
    some = some_of(draw, downstream)
    needed = mapping.upstream_of(some, downstream_partitions=downstream, upstream_partitions=upstream)
    sample = Ranges.from_ordinals([*some][:40])
    existing, lacking = needed_one_by_one(mapping, sample, upstream, downstream)
    assert existing <= set(needed.existing)
    assert lacking <= set(needed.nonexistent)
    if sample == some:
        assert (existing, lacking) == (set(needed.existing), set(needed.nonexistent))
    # A pair needs what its parts need: that is what the mapping of a pair means.
    for ordinal in [*sample][:5]:
        parts = dict(zip(downstream.names, divmod(ordinal, downstream.width), strict=True))
        rows = alone(one[0], parts[first], upstream.dimensions[0], downstream, first)
        columns = upstream.dimensions[1].all()
        if both:
            columns = alone(other[0], parts[second], upstream.dimensions[1], downstream, second)
        found = mapping.upstream_of(
            Ranges.single(ordinal), downstream_partitions=downstream, upstream_partitions=upstream
        )
        assert found.existing == upstream.product(rows, columns)


def alone(
    mapping: PartitionMapping, ordinal: int, upstream: Partitions, downstream: MultiPartitions, name: str
) -> Ranges:
    """What one part of a pair needs along its dimension."""
    dimension = downstream.dimensions[downstream.names.index(name)]
    return mapping.upstream_of(
        Ranges.single(ordinal), downstream_partitions=dimension, upstream_partitions=upstream
    ).existing


SAME_BOTH_WAYS = st.sampled_from(
    [
        MultiPartitionMapping({"colour": DimensionPartitionMapping("colour", IdentityPartitionMapping())}),
        MultiPartitionMapping({"date": DimensionPartitionMapping("date", TimeWindowPartitionMapping())}),
        MultiPartitionMapping(
            {
                "colour": DimensionPartitionMapping(
                    "colour", StaticPartitionMapping({"red": ["grey", "red"]})
                ),
                "date": DimensionPartitionMapping("date", IdentityPartitionMapping()),
            }
        ),
        IdentityPartitionMapping(),
        LastPartitionMapping(),
        SpecificPartitionsPartitionMapping(["red|2024-01-12", "grey|2024-01-10"]),
    ]
)


@given(SAME_BOTH_WAYS, st.integers(1, 6), st.integers(1, 6))
def test_both_directions_agree_between_pairs(mapping: PartitionMapping, above: int, below: int) -> None:
    upstream, downstream = (
        MultiPartitionsDefinition(
            {
                "colour": colours,
                "date": DailyPartitionsDefinition(
                    start_date=f"2024-01-{10 + first:02}", end_date="2024-01-20"
                ),
            }
        ).partitions(NOW)
        for colours, first in ((COLOURS, above), (FEWER, below))
    )
    agree(mapping, upstream, downstream)


@given(st.sampled_from([DAYS, LATER_DAYS, WEEKS, WORK_DAYS, COLOURS, FEWER]), st.booleans())
def test_both_directions_agree_between_a_pair_and_a_single(single: PartitionsDefinition, up: bool) -> None:
    grid = MultiPartitionsDefinition({"date": DAYS, "colour": COLOURS})
    sides = (single, grid) if up else (grid, single)
    mapping = MultiToSingleDimensionPartitionMapping()
    try:
        mapping.validate(*sides)
    except InvalidDefinitionError:
        assert single == FEWER
        return
    agree(mapping, *(side.partitions(NOW) for side in sides))
