"""Keys in one text are the same as keys in a tuple."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.manifest import partitions_definition_from_plain, to_plain
from backfilld.partitions import StaticPartitionsDefinition
from backfilld.partitions.packed_keys import PackedKeys

KEYS = st.lists(st.text(alphabet="ab,;|\x01\x02é.", max_size=4), unique=True, max_size=20)


@given(KEYS)
def test_all_is_as_in_a_tuple(keys: list[str]) -> None:
    packed = PackedKeys(PackedKeys.of(keys).text)
    assert len(packed) == len(keys)
    for place, key in enumerate(keys):
        assert packed.find(key) == place
        assert (packed[place], packed[place - len(keys)]) == (key, key)
    assert (tuple(packed), packed[1:-1], packed[::2]) == (tuple(keys), tuple(keys[1:-1]), tuple(keys[::2]))
    assert packed == PackedKeys.of(tuple(keys))
    assert hash(packed) == hash(PackedKeys.of(keys))


@given(KEYS, st.text(alphabet="ab,\x01", max_size=3))
def test_what_is_no_key_is_not_found(keys: list[str], other: str) -> None:
    packed = PackedKeys(PackedKeys.of(keys).text)
    for _ in range(20):  # At first the text is searched, later a dictionary.
        assert packed.find(other) == (keys.index(other) if other in keys else None)
    with pytest.raises(IndexError):
        packed[len(keys)]


def test_keys_end_in_a_character_that_is_in_none_and_that_a_database_takes() -> None:
    assert PackedKeys.of(["a", "b"]).text == "a,b,"
    assert PackedKeys.of(["a,", "b;|\x01"]).text == "a,\x02b;|\x01\x02"
    assert (PackedKeys.of([]).text, PackedKeys.of([""]).text) == ("", ",")


@pytest.mark.parametrize("keys", [[], ["a", "b"], ["", "x"], ["a, b", "c"]])
def test_a_manifest_has_them_packed_and_one_of_before_is_read_as_well(keys: list[str]) -> None:
    definition = StaticPartitionsDefinition(keys)
    plain = to_plain(definition)
    assert plain["kwargs"]["partition_keys"] == {"packed": PackedKeys.of(keys).text}
    listed = {"class": "StaticPartitionsDefinition", "kwargs": {"partition_keys": keys}}
    for form in (plain, listed):
        for is_of_manifest in (False, True):
            read = partitions_definition_from_plain(form, is_of_manifest=is_of_manifest)
            assert (read, hash(read)) == (definition, hash(definition))


@given(st.lists(st.text("ab,é", max_size=4), unique=True), st.text("ab,é", max_size=3))
def test_keys_with_a_prefix_are_found_in_order(keys: list[str], prefix: str) -> None:
    expected = [place for place, key in enumerate(keys) if key.startswith(prefix)]
    assert list(PackedKeys.of(keys).beginning(prefix)) == expected


def test_many_keys_with_a_prefix_are_found_too() -> None:
    keys = PackedKeys.of(tuple(f"k{at}" for at in range(60_000)))
    assert list(keys.beginning("k")) == list(range(60_000))


@given(KEYS, st.lists(st.integers(0, 19), max_size=40))
def test_keys_are_found_in_whatever_order(keys: list[str], order: list[int]) -> None:
    packed = PackedKeys(PackedKeys.of(keys).text)
    for at in order:
        if at < len(keys):
            assert packed.find(keys[at]) == at
        else:
            assert packed.find("no such key") is None


def test_any_number_of_keys_in_their_order_or_against_it_needs_no_dictionary() -> None:
    packed = PackedKeys(PackedKeys.of([f"k{at:05}" for at in range(50_000)]).text)
    assert [packed.find(f"k{at:05}") for at in range(0, 50_000, 500)] == [*range(0, 50_000, 500)]
    assert packed._ordinals is None
    for at in range(0, 50_000, 500):
        assert packed.find(f"k{49_999 - at:05}") == 49_999 - at
    assert packed._ordinals is None
    for at in range(0, 25_000, 500):  # Hither and thither one is made.
        assert (packed.find(f"k{at:05}"), packed.find(f"k{49_998 - at:05}")) == (at, 49_998 - at)
    assert packed._ordinals is not None
