"""Numbers over partitions: bounded points, round axes, the newest fact about each."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from backfilld.partitions import MultiPartitionsDefinition, StaticPartitionsDefinition
from daemon.web.pages.plots import plot_of, plots_of, points_of, sampled, ticks_of
from daemon.web.pages.reaching import about, reached
from events.facts import PartitionKeys
from tests.story import T0

KEYS = [f"k{at:02}" for at in range(20)]
PARTITIONS = StaticPartitionsDefinition(KEYS).partitions(T0)


def row(position: int, first: str, last: str, **numbers: float) -> dict[str, Any]:
    return {"position": position, "partitions": {"count": 1, "ranges": [[first, last]]}, "numbers": numbers}


@given(st.sets(st.integers(0, 2_000)), st.integers(2, 50))
def test_samples_are_bounded_and_reach_from_end_to_end(numbers: set[int], most: int) -> None:
    found = sampled(BitMap(numbers), most)
    assert found == sorted(set(found))
    assert len(found) == min(most, len(numbers))
    if numbers:
        assert (found[0], found[-1]) == (min(numbers), max(numbers))


@given(
    st.floats(-1e12, 1e12, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-9),
    st.floats(0, 1e12),
)
def test_ticks_hold_all_values_between_them(low: float, size: float) -> None:
    high = low + size
    ticks = ticks_of(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    room = abs(ticks[-1] - ticks[0]) * 1e-6
    assert ticks[0] - room <= low <= high <= ticks[-1] + room


def test_of_each_partition_the_newest_fact_counts() -> None:
    rows = [row(9, "k05", "k05", rows=5), row(7, "k00", "k09", rows=1, bytes=2), row(3, "k00", "k19", rows=0)]
    points = points_of(about(rows, range(20), PARTITIONS), range(20), PARTITIONS)
    assert [point.value for point in points["rows"]] == [1] * 5 + [5] + [1] * 4 + [0] * 10
    assert [point.key for point in points["bytes"]] == ["k00", "k01", "k02", "k03", "k04", *KEYS[6:10]]


def test_what_cannot_be_plotted_is_left_out() -> None:
    rows = [row(1, "k00", "k00", huge=10**400, endless=math.inf, fine=1)]
    assert points_of(about(rows, [0], PARTITIONS), [0], PARTITIONS).keys() == {"fine"}


def test_a_fact_about_a_box_of_pairs_reaches_those_within_it_alone() -> None:
    pairs = MultiPartitionsDefinition(
        {"a": StaticPartitionsDefinition(["x", "y", "z"]), "b": StaticPartitionsDefinition(["1", "2", "3"])}
    ).partitions(T0)
    keys = PartitionKeys((("x|2", "y|3"),), 4)
    assert [pairs.key(ordinal) for ordinal in reached(keys, range(9), pairs)] == ["x|2", "x|3", "y|2", "y|3"]


def test_a_fact_about_keys_that_are_gone_reaches_nothing() -> None:
    assert reached(PartitionKeys((("gone", "k05"),), 9), range(20), PARTITIONS) == []
    assert reached(None, range(20), PARTITIONS) == []


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_plot_lies_within_its_picture(values: list[float]) -> None:
    rows = [row(at, KEYS[at], KEYS[at], n=value) for at, value in enumerate(values)]
    points = points_of(about(rows, range(20), PARTITIONS), range(20), PARTITIONS)["n"]
    plot = plot_of("n", points, lambda ordinal: (ordinal + 0.5) / 20)
    for mark in plot.dots.split("M")[1:]:
        x, y = map(float, mark.removesuffix("h0").split())
        assert 0 <= x <= 100
        assert -0.01 <= y <= 100.01


def test_plots_are_few_and_those_of_the_first_names() -> None:
    rows = [row(1, "k00", "k19", **{f"n{at:02}": at for at in range(12)})]
    plots = plots_of(points_of(about(rows, range(20), PARTITIONS), range(20), PARTITIONS), lambda _: 0.5)
    assert [plot.name for plot in plots] == ["n00", "n01", "n02", "n03", "n04", "n05"]


@pytest.mark.parametrize("value", [0, -3, 5e-324, 1e300])
def test_one_value_has_room_above_and_below(value: float) -> None:
    low, *_, high = ticks_of(value, value)
    assert low <= value <= high
    assert low < high
