"""A dynamic set remembers what it was at every position, and each key its serial."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from backfilld.ranges import Ranges
from projections.dynamic_set import DynamicSet, keys_at

KEYS = "abcde"
CHANGES = st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from(KEYS), max_size=4)), max_size=15)


@given(CHANGES, st.data())
def test_it_has_the_keys_of_every_position(
    changes: list[tuple[bool, list[str]]], drawn: st.DataObject
) -> None:
    changed, naive, history = DynamicSet(), list[str](), [list[str]()]
    for position, (adding, keys) in enumerate(changes, 1):
        if adding:
            changed.add(keys, position)
            naive += [key for key in dict.fromkeys(keys) if key not in naive]
        else:
            changed.remove(keys, position)
            naive = [key for key in naive if key not in keys]
        history.append([*naive])
        if drawn.draw(st.booleans()):  # Whoever asks in between must not change what is answered later.
            asked = drawn.draw(st.integers(0, position))
            assert [*changed.keys_at(asked)] == history[asked]
    assert [*filter(changed.__contains__, KEYS)] == sorted(naive)
    assert len(changed) == len(naive)
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(changed), type=DynamicSet)
    assert copy == changed
    for each in (changed, copy):
        for position in drawn.draw(st.permutations(range(len(history)))):
            assert [*each.keys_at(position)] == history[position]


def test_a_key_keeps_its_serial_when_it_comes_again() -> None:
    customers = DynamicSet()
    assert customers.add(["zoe", "abe", "zoe"], 1) == Ranges()
    assert customers.keeps_order
    customers.remove(["zoe", "nobody"], 2)
    assert customers.add(["kim", "abe", "zoe"], 3) == Ranges.single(0)
    assert [*customers.keys_at(3)] == ["abe", "kim", "zoe"]
    assert customers.serials == {"zoe": 0, "abe": 1, "kim": 2}
    assert not customers.keeps_order


def test_what_changes_nothing_leaves_no_trace() -> None:
    customers = DynamicSet()
    customers.add([], 1)
    customers.add(["zoe"], 2)
    customers.add(["zoe"], 3)
    customers.remove(["abe"], 4)
    assert [change.position for change in customers.changes] == [2]


def test_positions_between_removals_share_one_list_of_keys() -> None:
    customers = DynamicSet()
    for position in range(1, 1_001):
        customers.add([f"key {position}"], position)
    partial, whole = customers.keys_at(500), customers.keys_at(1_000)
    assert (len(partial), len(whole)) == (500, 1_000)
    assert whole.first(500) is not partial
    assert whole.first(500) == partial
    assert partial._list is whole._list


def test_a_set_that_nobody_ever_added_to_is_left_out() -> None:
    customers = DynamicSet()
    customers.add(["zoe"], 3)
    assert keys_at({"customers": customers}, ["customers", "others"], 3) == {
        "customers": customers.keys_at(3)
    }
    assert [*customers.keys_at(2)] == []
