"""Dynamic partitions: a name in the code, keys that are bound to it from elsewhere."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import InvalidDefinitionError, UnknownPartitionKeyError
from backfilld.manifest import partitions_definition_from_plain, to_plain
from backfilld.partitions import DynamicPartitionsDefinition, StaticPartitionsDefinition
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)
CUSTOMERS = DynamicPartitionsDefinition(name="customers")


def test_it_has_the_keys_it_is_bound_to_in_their_order() -> None:
    assert CUSTOMERS.dynamic_names == {"customers"}
    bound = CUSTOMERS.bound({"customers": ("zoe", "abe"), "others": ("x",)})
    assert [*bound.partitions(NOW)] == ["zoe", "abe"]
    assert bound.get_num_partitions(NOW) == 2
    assert bound.bound({"customers": ["abe"]}).get_partition_keys(NOW) == ["abe"]
    assert not bound.bound({}).partitions(NOW)


def test_the_code_alone_knows_no_keys() -> None:
    assert CUSTOMERS.get_partition_keys(NOW) == []
    with pytest.raises(UnknownPartitionKeyError, match="dynamic partitions 'customers', of which there are"):
        CUSTOMERS.partitions(NOW).ordinal("zoe")
    with pytest.raises(
        UnknownPartitionKeyError, match="the 1 dynamic partitions 'customers', 'zoe' to 'zoe'"
    ):
        CUSTOMERS.bound({"customers": ["zoe"]}).partitions(NOW).ordinal("zo")


def test_equal_by_name_and_by_keys_where_bound() -> None:
    assert DynamicPartitionsDefinition("customers") == CUSTOMERS
    assert DynamicPartitionsDefinition("others") != CUSTOMERS
    one, same, other = (CUSTOMERS.bound({"customers": keys}) for keys in (["a"], ["a"], ["a", "b"]))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert CUSTOMERS.bound({}) != CUSTOMERS
    assert one.partitions(NOW) != StaticPartitionsDefinition(["a"]).partitions(NOW)


def test_a_run_is_told_the_keys_it_spans_and_no_others() -> None:
    partitions = CUSTOMERS.bound({"customers": ["zoe", "abe", "kim", "bob"]}).partitions(NOW)
    assert partitions.dynamic_keys(Ranges.from_ordinals([1, 3])) == {"customers": ("abe", "kim", "bob")}
    assert partitions.dynamic_keys(Ranges()) == {"customers": ()}
    assert not StaticPartitionsDefinition(["a"]).partitions(NOW).dynamic_keys(Ranges.single(0))


def test_the_manifest_has_its_name_and_no_keys() -> None:
    plain = {"class": "DynamicPartitionsDefinition", "kwargs": {"name": "customers"}}
    assert to_plain(CUSTOMERS.bound({"customers": ["a"]})) == plain
    assert partitions_definition_from_plain(plain) == CUSTOMERS


@pytest.mark.parametrize("name", ["", None, 3])
def test_it_must_have_a_name(name: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="to have a name"):
        DynamicPartitionsDefinition(name)
