"""Mappings of two dimensions: what is inferred, what is refused, and that a million pairs are few boxes."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import FrameType

import pytest

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
    infer_mapping,
)
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DAYS = DailyPartitionsDefinition(start_date="2024-01-01")
TOKYO = DailyPartitionsDefinition(start_date="2024-01-01", timezone="Asia/Tokyo")
MONTHS = MonthlyPartitionsDefinition(start_date="2024-01-01")
CITIES = StaticPartitionsDefinition(["oslo", "rome"])
CUSTOMERS = DynamicPartitionsDefinition("customers")
GRID = MultiPartitionsDefinition({"city": CITIES, "date": DAYS})
MONTHLY_GRID = MultiPartitionsDefinition({"customer": CUSTOMERS, "month": MONTHS})
TWO_TIMES = MultiPartitionsDefinition({"at": DAYS, "for": DailyPartitionsDefinition(start_date="2024-02-01")})


def to(dimension: str, mapping: PartitionMapping | None = None) -> DimensionPartitionMapping:
    return DimensionPartitionMapping(dimension, mapping or IdentityPartitionMapping())


@pytest.mark.parametrize(
    ("upstream", "downstream", "inferred"),
    [
        (GRID, None, AllPartitionMapping()),
        (None, GRID, AllPartitionMapping()),
        (GRID, DAYS, MultiToSingleDimensionPartitionMapping()),
        (CITIES, GRID, MultiToSingleDimensionPartitionMapping()),
        (MONTHS, GRID, MultiToSingleDimensionPartitionMapping()),
        (MONTHLY_GRID, CUSTOMERS, MultiToSingleDimensionPartitionMapping()),
        (TWO_TIMES, DAYS, MultiToSingleDimensionPartitionMapping()),
        (TWO_TIMES, MONTHS, IdentityPartitionMapping()),
        (GRID, CUSTOMERS, IdentityPartitionMapping()),
        (GRID, GRID, IdentityPartitionMapping()),
        (GRID, MONTHLY_GRID, IdentityPartitionMapping()),
    ],
)
def test_the_default_goes_by_dimension_where_it_can(
    upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None, inferred: PartitionMapping
) -> None:
    assert infer_mapping(upstream, downstream) == inferred


@pytest.mark.parametrize(
    ("name", "upstream", "downstream", "reason"),
    [
        (None, GRID, None, "partitions on both sides"),
        (None, DAYS, MONTHS, "found DailyPartitionsDefinition upstream and MonthlyPartitionsDefinition"),
        (None, GRID, GRID, "in two dimensions on one side and in one on the other"),
        (None, GRID, CUSTOMERS, "found neither; give the dependency another partition_mapping"),
        (None, MultiPartitionsDefinition({"a": CITIES, "b": CITIES}), CITIES, "found that both have"),
        ("date", GRID, CITIES, "to be 'city', the dimension that goes with the other side, found 'date'"),
        ("day", DAYS, GRID, "to be 'date', .* found 'day'; leave it out or correct it"),
        (None, GRID, TOKYO, "in one time zone, found UTC upstream and Asia/Tokyo"),
    ],
)
def test_a_pair_and_a_single_that_do_not_go_together_are_refused(
    name: str | None,
    upstream: PartitionsDefinition | None,
    downstream: PartitionsDefinition | None,
    reason: str,
) -> None:
    with pytest.raises(InvalidDefinitionError, match=reason):
        MultiToSingleDimensionPartitionMapping(name).validate(upstream, downstream)


def test_the_dimension_may_be_named() -> None:
    MultiToSingleDimensionPartitionMapping("date").validate(GRID, MONTHS)
    MultiToSingleDimensionPartitionMapping("city").validate(CITIES, GRID)


@pytest.mark.parametrize(
    ("by_dimension", "downstream", "reason"),
    [
        ({"city": to("city")}, DAYS, "two-dimensional downstream partitions .* found DailyPartitionsDef"),
        ({"town": to("city")}, GRID, "each upstream dimension of .*'city', 'date'.* found 'town'"),
        ({"city": to("town")}, GRID, "each downstream dimension of .*'city', 'date'.* found 'town'"),
        ({"city": to("city"), "date": to("city")}, GRID, "at most once .* found 'city'"),
        ({"city": to("date")}, GRID, "partitions of one kind for an identity mapping"),
        (
            {"city": to("city", StaticPartitionMapping({"paris": "oslo"}))},
            GRID,
            "upstream partition keys there are, found 'paris'",
        ),
    ],
)
def test_dimensions_that_do_not_go_together_are_refused(
    by_dimension: Mapping[str, DimensionPartitionMapping], downstream: PartitionsDefinition, reason: str
) -> None:
    with pytest.raises(InvalidDefinitionError, match=reason):
        MultiPartitionMapping(by_dimension).validate(GRID, downstream)


def test_what_is_no_mapping_of_a_dimension_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="expected a DimensionPartitionMapping for upstream"):
        MultiPartitionMapping({"city": IdentityPartitionMapping()})  # type: ignore[dict-item]  # on purpose


def test_dynamic_dimensions_map_by_the_keys_they_are_bound_to() -> None:
    keys = {"customers": ["abe", "zoe"]}
    grid, single = MONTHLY_GRID.bound(keys), CUSTOMERS.bound(keys)
    mapping = infer_mapping(grid, single)
    cells, customers = grid.partitions(NOW), single.partitions(NOW)
    found = mapping.upstream_of(
        Ranges.single(customers.ordinal("zoe")), downstream_partitions=customers, upstream_partitions=cells
    )
    assert cells.key_ranges(found.existing) == (("zoe|2024-01-01", "zoe|2024-05-01"),)


ROWS = StaticPartitionsDefinition([f"c{at:03}" for at in range(1_000)])
A_THOUSAND_DAYS = DailyPartitionsDefinition(start_date="2021-01-01", end_date="2023-09-28")
OTHER_DAYS = DailyPartitionsDefinition(start_date="2021-02-01", end_date="2023-09-28")
CALLS_MAX = 500_000  # half the keys: key by key there would be one for each, at least
MILLION = MultiPartitionsDefinition({"city": ROWS, "date": A_THOUSAND_DAYS})
SHORTER = MultiPartitionsDefinition({"city": ROWS, "date": OTHER_DAYS})
DAY_BEFORE = MultiPartitionMapping(
    {"city": to("city"), "date": to("date", TimeWindowPartitionMapping(-1, -1))}
)


@pytest.mark.parametrize(
    ("mapping", "upstream", "needed"),
    [
        (IdentityPartitionMapping(), MILLION, 1_000_000),
        (IdentityPartitionMapping(), SHORTER, 969_000),
        (MultiToSingleDimensionPartitionMapping(), A_THOUSAND_DAYS, 1_000),
        (MultiToSingleDimensionPartitionMapping(), MonthlyPartitionsDefinition(start_date="2021-01-01"), 33),
        (DAY_BEFORE, MILLION, 999_000),
    ],
)
def test_a_million_pairs_are_mapped_as_boxes(
    mapping: PartitionMapping, upstream: PartitionsDefinition, needed: int
) -> None:
    below, above = MILLION.partitions(NOW), upstream.partitions(NOW)
    assert len(below) == 1_000_000
    found: list[Ranges] = []

    def both_ways() -> None:
        upward = mapping.upstream_of(below.all(), downstream_partitions=below, upstream_partitions=above)
        back = mapping.downstream_of(upward.existing, upstream_partitions=above, downstream_partitions=below)
        found.extend((upward.existing, back))

    calls = calls_of(both_ways)
    there, back = found
    assert len(there) == needed
    assert back.issubset(below.all())
    assert back
    assert calls < CALLS_MAX


def calls_of(function: Callable[[], None]) -> int:
    """How many functions are called meanwhile, Python's own among them."""
    calls: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        calls[event] += 1

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls["call"] + calls["c_call"]
