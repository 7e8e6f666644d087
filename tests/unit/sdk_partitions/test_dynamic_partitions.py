"""Dynamic partitions: a name in the code, keys that are bound to it from elsewhere."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import InvalidDefinitionError, UnknownPartitionKeyError
from backfilld.manifest import partitions_definition_from_plain, to_plain
from backfilld.partitions import (
    DynamicKeys,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
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


def test_it_knows_how_it_was_declared() -> None:
    pairs = MultiPartitionsDefinition({"a": CUSTOMERS, "b": StaticPartitionsDefinition(["x"])})
    for definition in (CUSTOMERS, pairs):
        bound = definition.bound({"customers": ["zoe"]})
        assert len(bound.partitions(NOW)) == 1
        assert bound.declared is definition
        assert bound.bound({"customers": ["abe"]}).declared is definition
        assert definition.declared is definition


def test_keys_to_which_more_are_added_stay_what_they_are() -> None:
    two = DynamicKeys(["zoe", "abe"])
    three = two.with_more(["kim"])
    other = two.with_more(["bob", "ian"])
    assert ([*two], [*three], [*other]) == (
        ["zoe", "abe"],
        ["zoe", "abe", "kim"],
        ["zoe", "abe", "bob", "ian"],
    )
    assert (two.find("kim"), three.find("kim"), other.find("kim"), other.find("ian")) == (None, 2, None, 3)
    assert three.first(2) == two == DynamicKeys(["zoe", "abe"]) != other.first(3)
    assert hash(three.first(2)) == hash(DynamicKeys(["zoe", "abe"]))
    assert (three[-1], three[1:], two[5:]) == ("kim", ("abe", "kim"), ())
    with pytest.raises(IndexError):
        two[2]


def test_keys_without_a_text_are_told_at_every_moment() -> None:
    plain = DynamicKeys(["zoe", "abe"])
    odd = plain.with_more(["a|b", "kim"])
    more = odd.with_more(["c|d", "bob"])
    assert plain.without("|") is plain
    assert [*odd.without("|")] == ["zoe", "abe", "kim"]
    assert [*more.without("|")] == ["zoe", "abe", "kim", "bob"]
    assert plain.without("|") is plain
    assert [*more.without("b")] == ["zoe", "kim", "c|d"]


def test_partitions_are_bound_to_growing_keys_without_a_copy() -> None:
    keys = DynamicKeys(["zoe"])
    before = CUSTOMERS.bound({"customers": keys}).partitions(NOW)
    after = CUSTOMERS.bound({"customers": keys.with_more(["abe"])}).partitions(NOW)
    assert before.find("abe") is None
    assert after.find("abe") == 1
    assert before != after
    assert (len(before), before.near("zo"), [*after.keys(after.all())]) == (1, ("zoe",), ["zoe", "abe"])
