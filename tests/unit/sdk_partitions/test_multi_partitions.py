"""Two-dimensional partitions: keys, ordinals row by row, and sets of them written as boxes."""

import pickle
from datetime import UTC, datetime

import pytest

from backfilld.errors import InvalidDefinitionError, InvalidInvocationError, UnknownPartitionKeyError
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.partitions.pairs import time_windows_of
from backfilld.ranges import Ranges

NOW = datetime(2024, 1, 4, tzinfo=UTC)
LATER = datetime(2024, 1, 6, tzinfo=UTC)
DAYS = DailyPartitionsDefinition(start_date="2024-01-01")
CITIES = StaticPartitionsDefinition(["oslo", "rome", "bern", "cork"])
BY_CITY = MultiPartitionsDefinition({"date": DAYS, "city": CITIES})  # four rows of three columns
CELLS = BY_CITY.partitions(NOW)


def test_dimensions_are_ordered_by_name() -> None:
    assert BY_CITY.partition_dimension_names == ["city", "date"]
    assert MultiPartitionsDefinition({"city": CITIES, "date": DAYS}) == BY_CITY
    assert BY_CITY.get_partitions_def_for_dimension("date") == DAYS
    with pytest.raises(InvalidInvocationError, match="'city' or 'date', found 'day'"):
        BY_CITY.get_partitions_def_for_dimension("day")
    assert CELLS.key(0) == "oslo|2024-01-01"
    assert CELLS.key(11) == "cork|2024-01-03"
    with pytest.raises(IndexError):
        CELLS.key(12)


def test_user_code_gets_keys_with_their_parts() -> None:
    key = BY_CITY.get_first_partition_key(NOW)
    assert key == "oslo|2024-01-01"
    assert isinstance(key, MultiPartitionKey)
    assert key.keys_by_dimension == {"city": "oslo", "date": "2024-01-01"}
    assert key == MultiPartitionKey({"date": "2024-01-01", "city": "oslo"})
    again = pickle.loads(pickle.dumps(key))
    assert (again, again.keys_by_dimension) == (key, key.keys_by_dimension)
    assert BY_CITY.get_partition_key_from_str("x|y").keys_by_dimension == {"city": "x", "date": "y"}
    with pytest.raises(UnknownPartitionKeyError, match=r"of the form city\|date, found 'x'"):
        BY_CITY.get_partition_key_from_str("x")
    # What is recorded is text and nothing else.
    assert {type(each) for each in CELLS.keys(CELLS.all())} == {str}
    assert [*CELLS.user_keys(CELLS.all())] == [*CELLS]


@pytest.mark.parametrize(
    ("pairs", "keys"),
    [
        ([("oslo|2024-01-01", "cork|2024-01-03")], 12),
        ([("rome|2024-01-01", "bern|2024-01-03")], 6),
        ([("oslo|2024-01-02", "cork|2024-01-02")], 4),
        ([("oslo|2024-01-01", "rome|2024-01-02"), ("cork|2024-01-03", "cork|2024-01-03")], 5),
    ],
)
def test_a_pair_of_keys_is_a_box(pairs: list[tuple[str, str]], keys: int) -> None:
    chosen = CELLS.ranges_of(pairs)
    assert len(chosen) == keys
    assert CELLS.key_ranges(chosen) == tuple(pairs)


def test_the_same_pairs_name_the_same_keys_when_a_dimension_has_grown() -> None:
    grown = BY_CITY.partitions(LATER)
    assert len(grown) == 20
    whole = CELLS.key_ranges(CELLS.all())
    assert [*grown.keys(grown.ranges_of(whole))] == [*CELLS]
    same, lacking = CELLS.same_keys(CELLS.all(), grown)
    assert same == grown.ranges_of(whole)
    assert not lacking
    same, lacking = grown.same_keys(grown.all(), CELLS)
    assert same == CELLS.all()
    assert {key.split("|")[1] for key in grown.keys(lacking)} == {"2024-01-04", "2024-01-05"}
    assert CELLS.shift_to(grown) is None


def test_a_range_of_keys_is_a_box_too() -> None:
    keys = BY_CITY.get_partition_keys_in_range(PartitionKeyRange("oslo|2024-01-02", "rome|2024-01-03"), NOW)
    assert keys == ["oslo|2024-01-02", "oslo|2024-01-03", "rome|2024-01-02", "rome|2024-01-03"]
    for backwards in (("rome|2024-01-01", "oslo|2024-01-02"), ("oslo|2024-01-02", "rome|2024-01-01")):
        with pytest.raises(InvalidInvocationError, match="swap what runs backwards"):
            CELLS.ranges_of([backwards])


def test_a_million_cells_are_a_box_or_a_few() -> None:
    rows = StaticPartitionsDefinition([f"r{at}" for at in range(1_000)])
    columns = StaticPartitionsDefinition([f"c{at}" for at in range(1_000)])
    cells = MultiPartitionsDefinition({"a": rows, "b": columns}).partitions(NOW)
    assert cells.key_ranges(cells.all()) == (("r0|c0", "r999|c999"),)
    every_other = cells.product(Ranges.span(10, 900), Ranges.from_ordinals(range(0, 100, 2)))
    pairs = cells.key_ranges(every_other)
    assert len(pairs) == 50
    assert cells.ranges_of(pairs) == every_other
    assert cells.projected(every_other, 0) == Ranges.span(10, 900)
    assert cells.projected(every_other, 1) == Ranges.from_ordinals(range(0, 100, 2))


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("oslo|2024-01-09", "oslo|2024-01-03"),
        ("osol|2024-01-02", "oslo|2024-01-02"),
        ("rom", "rome|2024-01-01"),
    ],
)
def test_an_unknown_key_comes_with_near_ones(key: str, near: str) -> None:
    with pytest.raises(UnknownPartitionKeyError) as raised:
        CELLS.ordinal(key)
    assert near in raised.value.near
    assert all(each in CELLS for each in raised.value.near)


def test_keys_that_begin_alike() -> None:
    assert len(CELLS.with_prefix("")) == 12
    assert [*CELLS.keys(CELLS.with_prefix("r"))] == [f"rome|2024-01-0{day}" for day in (1, 2, 3)]
    assert [*CELLS.keys(CELLS.with_prefix("bern|2024-01-02"))] == ["bern|2024-01-02"]
    assert not CELLS.with_prefix("paris|")


def test_time_windows_of_one_dimension() -> None:
    windows, ordinals = time_windows_of(CELLS, CELLS.ranges_of([("rome|2024-01-02", "cork|2024-01-03")]))
    assert (windows, ordinals) == (DAYS.partitions(NOW), Ranges.span(1, 3))
    both = MultiPartitionsDefinition({"a": DAYS, "b": DAYS}).partitions(NOW)
    with pytest.raises(InvalidInvocationError, match="found two dimensions of them, 'a' and 'b'"):
        time_windows_of(both, both.all())
    with pytest.raises(InvalidInvocationError, match="found none"):
        time_windows_of(CITIES.partitions(NOW), Ranges.single(0))


@pytest.mark.parametrize(
    ("dimensions", "reason"),
    [
        ({"a": CITIES}, "exactly two dimensions, found 1: 'a'"),
        ({"a": CITIES, "b": DAYS, "c": DAYS}, "exactly two dimensions, found 3"),
        ({"a": CITIES, "b": BY_CITY}, "dimension 'b' to have static, time-window or dynamic"),
        ({"a": CITIES, "b": StaticPartitionsDefinition(["x", "y|z"])}, "dimension 'b' .* found 'y|z'"),
        ({"a": CITIES, 3: DAYS}, "found 3; quote it"),
    ],
)
def test_what_can_not_be_two_dimensions_is_refused(
    dimensions: dict[str, PartitionsDefinition], reason: str
) -> None:
    with pytest.raises(InvalidDefinitionError, match=reason):
        MultiPartitionsDefinition(dimensions)


def test_a_dimension_that_is_wrong_is_found_when_definitions_load() -> None:
    vague = DailyPartitionsDefinition(start_date="2024-01", fmt="%Y-%m")
    with pytest.raises(InvalidDefinitionError, match="put more of the time"):
        MultiPartitionsDefinition({"a": vague, "b": CITIES}).validate()


def test_dynamic_keys_that_can_stand_in_no_pair_are_left_out() -> None:
    customers = DynamicPartitionsDefinition(name="customers")
    definition = MultiPartitionsDefinition({"a": customers, "b": StaticPartitionsDefinition(["x"])})
    assert definition.dynamic_names == {"customers"}
    assert not definition.partitions(NOW)
    bound = definition.bound({"customers": ["one", "t|wo", "three"], "others": ["four"]})
    assert [*bound.partitions(NOW)] == ["one|x", "three|x"]
    assert bound != definition
    assert BY_CITY.bound({"customers": ["one"]}) is BY_CITY
