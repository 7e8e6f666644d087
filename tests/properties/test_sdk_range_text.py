"""Range text goes from sets to text and back, whatever the keys look like."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from backfilld.partitions import (
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


@given(windows_definitions(), st.data())
def test_time_windows(definition: TimeWindowPartitionsDefinition, draw: st.DataObject) -> None:
    partitions = definition.partitions(NOW)
    if len(partitions):
        comes_back(partitions, draw)


@given(grids(), st.data())
def test_two_dimensions(cells: MultiPartitions, draw: st.DataObject) -> None:
    if len(cells):
        comes_back(cells, draw)
