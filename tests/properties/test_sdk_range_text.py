"""Range text goes from sets to text and back, whatever the keys look like."""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.errors import RangeTextError
from backfilld.partitions import (
    DynamicPartitionsDefinition,
    MultiPartitions,
    Partitions,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from backfilld.range_text import format_ranges, parse_range_text
from backfilld.ranges import Ranges
from tests.properties.sdk_strategies import grids, windows_definitions

NOW = datetime(2025, 1, 1, tzinfo=UTC)
KEYS = st.lists(
    st.text(st.sampled_from("ab1 ,[]*\"'\\.-日\n") | st.characters(), max_size=6).filter(
        lambda key: "..." not in key
    ),
    unique=True,
    min_size=1,
    max_size=12,
)


def comes_back(partitions: Partitions, draw: st.DataObject) -> None:
    """A non-empty set is the same after writing and reading, and so is its text."""
    ordinals = st.sets(st.integers(0, len(partitions) - 1), min_size=1, max_size=8)
    chosen = Ranges.from_ordinals(draw.draw(ordinals))
    text = format_ranges(chosen, partitions)
    again = parse_range_text(text, partitions)
    assert again == chosen
    assert format_ranges(again, partitions) == text


@given(KEYS, st.data())
def test_any_keys(keys: list[str], draw: st.DataObject) -> None:
    comes_back(StaticPartitionsDefinition(keys).partitions(NOW), draw)


@given(KEYS, st.data())
def test_dynamic_keys(keys: list[str], draw: st.DataObject) -> None:
    comes_back(DynamicPartitionsDefinition("n").bound({"n": keys}).partitions(NOW), draw)


@given(windows_definitions(), st.data())
def test_time_windows(definition: TimeWindowPartitionsDefinition, draw: st.DataObject) -> None:
    partitions = definition.partitions(NOW)
    if len(partitions):
        comes_back(partitions, draw)


@given(grids(), st.data())
def test_two_dimensions(cells: MultiPartitions, draw: st.DataObject) -> None:
    if len(cells):
        comes_back(cells, draw)


def matching(pattern: str, keys: list[str]) -> set[str]:
    """The keys that a pattern names."""
    partitions = StaticPartitionsDefinition(keys).partitions(NOW)
    try:
        return {partitions.key(at) for at in parse_range_text(pattern, partitions)}
    except RangeTextError:
        return set()


@given(
    st.text("ab*", min_size=1, max_size=7).filter(lambda text: "*" in text),
    st.lists(st.text("ab", min_size=1, max_size=7), unique=True, min_size=1, max_size=12),
)
def test_a_star_stands_for_any_characters_wherever_it_is(pattern: str, keys: list[str]) -> None:
    assert matching(pattern, keys) == {key for key in keys if fnmatchcase(key, pattern)}


@pytest.mark.parametrize("pattern", ["*" * 40 + "z", "*a" * 40 + "*z"])
def test_many_stars_are_read_without_trying_every_way(pattern: str) -> None:
    assert matching(pattern, ["a" * 200, "a" * 200 + "z"]) == {"a" * 200 + "z"}


def quoted(partitions: Partitions, ordinal: int) -> str:
    """A key as a person may write any; of a pair, each side."""
    keys = [partitions.key(ordinal)]
    if isinstance(partitions, MultiPartitions):
        sides = zip(partitions.dimensions, divmod(ordinal, partitions.width), strict=True)
        keys = [side.key(at) for side, at in sides]
    return "|".join('"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)


def between(partitions: Partitions, first: int, last: int) -> set[int]:
    """All from one to another; of pairs, in each dimension."""
    if not isinstance(partitions, MultiPartitions):
        return set(range(first, last + 1))
    (top, left), (bottom, right) = divmod(first, partitions.width), divmod(last, partitions.width)
    return {
        row * partitions.width + column for row in range(top, bottom + 1) for column in range(left, right + 1)
    }


@given(
    st.one_of(
        KEYS.map(lambda keys: StaticPartitionsDefinition(keys).partitions(NOW)),
        windows_definitions().map(lambda definition: definition.partitions(NOW)),
        grids(),
    ),
    st.data(),
)
def test_what_a_person_writes_means_a_set_whose_text_means_the_same(
    partitions: Partitions, draw: st.DataObject
) -> None:
    if not len(partitions):
        return
    terms, expected = [], set()
    for first in draw.draw(st.lists(st.integers(0, len(partitions) - 1), min_size=1, max_size=4)):
        last = draw.draw(st.integers(first, min(first + 20, len(partitions) - 1)))
        prefix = partitions.key(first)[: draw.draw(st.integers(1, 4))]
        is_pair = isinstance(partitions, MultiPartitions)
        match draw.draw(st.sampled_from(["key", "range", "prefix"])):
            case "prefix" if not is_pair and re.fullmatch(r"[a-z0-9-]+", prefix, re.ASCII | re.IGNORECASE):
                terms.append(f"{prefix}*")
                expected |= {at for at, key in enumerate(partitions) if key.startswith(prefix)}
            case "range" if between(partitions, first, last):
                terms.append(f"[{quoted(partitions, first)} ... {quoted(partitions, last)}]")
                expected |= between(partitions, first, last)
            case _:
                terms.append(quoted(partitions, first))
                expected.add(first)
    found = parse_range_text(" , ".join(terms), partitions)
    assert set(found) == expected
    text = format_ranges(found, partitions)
    assert parse_range_text(text, partitions) == found
    assert format_ranges(parse_range_text(text, partitions), partitions) == text
