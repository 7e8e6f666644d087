"""Static partitions, and the one partition of an asset without any."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import InvalidDefinitionError, InvalidInvocationError, UnknownPartitionKeyError
from backfilld.partitions import UNPARTITIONED, PartitionKeyRange, StaticPartitionsDefinition
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)
COLOURS = StaticPartitionsDefinition(["red", "green", "blue", "Grey"])


def test_keys_keep_their_order() -> None:
    partitions = COLOURS.partitions(NOW)
    assert list(partitions) == ["red", "green", "blue", "Grey"]
    assert [partitions.ordinal(key) for key in partitions] == [0, 1, 2, 3]
    assert "green" in partitions
    assert "black" not in partitions


def test_ranges_of_keys_and_back() -> None:
    partitions = COLOURS.partitions(NOW)
    chosen = Ranges(((0, 1), (2, 4)))
    assert partitions.key_ranges(chosen) == (("red", "red"), ("blue", "Grey"))
    assert partitions.ranges_of(partitions.key_ranges(chosen)) == chosen
    assert list(partitions.keys(chosen)) == ["red", "blue", "Grey"]
    with pytest.raises(InvalidInvocationError, match="swap the two"):
        partitions.ranges_of([("blue", "red")])
    assert COLOURS.get_partition_keys_in_range(PartitionKeyRange("green", "blue")) == ["green", "blue"]


def test_an_unknown_key_comes_with_those_that_look_like_it() -> None:
    with pytest.raises(UnknownPartitionKeyError) as raised:
        COLOURS.partitions(NOW).ordinal("GREE")
    assert raised.value.near[0] == "green"
    assert raised.value.key == "GREE"


@pytest.mark.parametrize("keys", [["a", "a"], ["a...b"], [1], "abc"])
def test_keys_that_can_not_be_meant_are_refused(keys: list[str]) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected"):
        StaticPartitionsDefinition(keys)


def test_definitions_are_values() -> None:
    same = StaticPartitionsDefinition(("red", "green", "blue", "Grey"))
    assert same == COLOURS
    assert hash(same) == hash(COLOURS)
    assert same.partitions(NOW) == COLOURS.partitions(NOW)
    assert StaticPartitionsDefinition(["green", "red"]) != StaticPartitionsDefinition(["red", "green"])


def test_without_partitions_there_is_one_with_the_empty_key() -> None:
    assert len(UNPARTITIONED) == 1
    assert UNPARTITIONED.key(0) == ""
    assert UNPARTITIONED.ordinal("") == 0
    assert list(UNPARTITIONED) == [""]
    with pytest.raises(UnknownPartitionKeyError, match="without partitions"):
        UNPARTITIONED.ordinal("2024-01-01")


@pytest.mark.parametrize("ordinal", [-1, 4])
def test_ordinals_outside_are_refused(ordinal: int) -> None:
    with pytest.raises(IndexError):
        COLOURS.partitions(NOW).key(ordinal)
