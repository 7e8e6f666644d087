"""`Ranges` is a set of ints: every operation agrees with Python's own sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.ranges import Ranges

ORDINALS = st.frozensets(st.integers(0, 60), max_size=40)
INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def normal(ranges: Ranges) -> Ranges:
    """The same, after the constructor has checked that it is in normal form."""
    return Ranges(ranges.intervals)


@given(ORDINALS, ORDINALS)
def test_algebra(first: frozenset[int], second: frozenset[int]) -> None:
    one, two = Ranges.from_ordinals(first), Ranges.from_ordinals(second)
    assert set(normal(one | two)) == first | second
    assert set(normal(one & two)) == first & second
    assert set(normal(one - two)) == first - second
    assert one.isdisjoint(two) == first.isdisjoint(second)
    assert one.issubset(two) == (first <= second)
    assert (one == two) == (first == second)


@given(ORDINALS)
def test_a_set_of_ordinals(ordinals: frozenset[int]) -> None:
    ranges = normal(Ranges.from_ordinals(ordinals))
    assert list(ranges) == sorted(ordinals)
    assert len(ranges) == len(ordinals)
    assert bool(ranges) == bool(ordinals)
    assert [at for at in range(-1, 62) if at in ranges] == sorted(ordinals)
    assert hash(ranges) == hash(Ranges.from_ordinals(sorted(ordinals, reverse=True)))
    if ordinals:
        assert (ranges.first, ranges.last) == (min(ordinals), max(ordinals))


@given(INTERVALS)
def test_any_intervals_make_the_set_of_their_ordinals(intervals: list[tuple[int, int]]) -> None:
    expected = {ordinal for start, stop in intervals for ordinal in range(start, stop)}
    assert set(normal(Ranges.of(intervals))) == expected


def test_a_set_of_a_billion_costs_nothing() -> None:
    half = Ranges.span(0, 10**9)
    assert len(half | Ranges.span(10**9, 2 * 10**9)) == 2 * 10**9
    assert half - Ranges.single(5) == Ranges(((0, 5), (6, 10**9)))
    assert 10**9 - 1 in half
    assert "5" not in half
    assert repr(Ranges.single(5)) == "Ranges(((5, 6),))"


@pytest.mark.parametrize("intervals", [((-1, 2),), ((3, 3),), ((0, 2), (2, 4)), ((4, 6), (0, 2)), ((5, 3),)])
def test_other_forms_are_refused(intervals: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"Ranges\.of"):
        Ranges(intervals)


def test_negative_ordinals_are_refused() -> None:
    with pytest.raises(ValueError, match="ordinals >= 0"):
        Ranges.of([(-2, 3)])
