"""Snapshots over the history: near every moment, and never too many."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.snapshots_kept import (
    KEPT_MAX,
    NEWEST_KEPT,
    SPACING_MIN,
    passes_mark,
    spacing,
    unneeded,
    worth_keeping,
)

STEP = 20_000  # facts between two snapshots that the daemon takes


def grown(head: int) -> list[int]:
    """What is kept of the snapshots of a log that has grown step by step."""
    kept: set[int] = set()
    for position in range(STEP, head + 1, STEP):
        kept = worth_keeping({*kept, position})
    return sorted(kept)


def test_a_long_log_has_one_near_every_moment() -> None:
    kept = [0, *grown(1_000_000)]
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert max(gaps) <= SPACING_MIN + STEP
    assert kept[-NEWEST_KEPT:] == [960_000, 980_000, 1_000_000]
    assert len(kept) < 50


def test_the_longest_log_has_no_more_than_so_many() -> None:
    for head in (4_000_000, 12_000_000, 60_000_000):
        kept = grown(head)
        assert len(kept) <= KEPT_MAX + 1 + NEWEST_KEPT
        gaps = [later - earlier for earlier, later in pairwise(kept)]
        assert max(gaps) <= spacing(head) + STEP


@given(st.sets(st.integers(1, 20_000_000), max_size=300))
def test_what_is_kept_stays_so_and_the_newest_is_among_it(positions: set[int]) -> None:
    kept = worth_keeping(positions)
    assert worth_keeping(kept) == kept
    assert kept <= positions
    assert sorted(positions)[-NEWEST_KEPT:] == sorted(kept)[-NEWEST_KEPT:]
    assert set(unneeded(positions)) == positions - kept
    assert len(kept) <= KEPT_MAX + 1 + NEWEST_KEPT


def test_a_mark_is_passed_once() -> None:
    assert not passes_mark(0, SPACING_MIN - 1, 1_000_000)
    assert passes_mark(SPACING_MIN - 1, SPACING_MIN, 1_000_000)
    assert not passes_mark(SPACING_MIN, SPACING_MIN + 1, 1_000_000)
    assert not passes_mark(SPACING_MIN - 1, SPACING_MIN, 10_000_000)
