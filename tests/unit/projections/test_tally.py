"""Attempts counted by time: nothing is lost when buckets become coarser, and they stay few."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from events.facts import RunCanceled, RunLost
from projections import snapshot
from projections.backfill.tally import (
    BUCKETS_MAX,
    BUCKETS_MIN,
    CELLS_MAX,
    Counts,
    Outcome,
    Tally,
    begin_of,
    bucket_at,
)
from tests.story import Story

T0 = datetime(2024, 6, 1, tzinfo=UTC)
OUTCOMES: tuple[Outcome, ...] = ("succeeded", "failed", "canceled", "lost")
ATTEMPTS = st.lists(
    st.tuples(
        st.integers(0, 3),  # the group
        st.integers(0, 10**8),  # milliseconds until it began
        st.integers(-10, 10**7),  # and until it ended
        st.sampled_from(OUTCOMES),
    ),
    max_size=600,
)


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-05"))
def raw() -> None: ...


def total(tally: Tally) -> dict[int, Counts]:
    found: dict[int, Counts] = {}
    for bucket in tally.buckets.values():
        for group, counts in bucket.groups.items():
            found.setdefault(group, Counts()).add(counts)
    return found


@given(ATTEMPTS)
def test_every_attempt_is_counted_once_where_it_was(
    attempts: list[tuple[int, int, int, Outcome]],
) -> None:
    tally, expected = Tally(), dict[int, Counts]()
    for position, (group, begin_ms, took_ms, outcome) in enumerate(attempts, start=1):
        began = T0 + timedelta(milliseconds=begin_ms)
        tally.launched(group, began, position)
        tally.ended(group, began, began + timedelta(milliseconds=took_ms), outcome)
        expected.setdefault(group, Counts()).launched += 1
        expected[group].count(outcome)
        assert len(tally.buckets) <= BUCKETS_MAX
    assert total(tally) == expected
    assert tally.cells == sum(len(bucket.groups) for bucket in tally.buckets.values())
    for position, (_, begin_ms, *_) in enumerate(attempts, start=1):
        number = bucket_at(T0 + timedelta(milliseconds=begin_ms), tally.shift)
        assert tally.buckets[number].first <= position <= tally.buckets[number].last
        assert begin_of(number, tally.shift) <= T0 + timedelta(milliseconds=begin_ms)
        assert T0 + timedelta(milliseconds=begin_ms) < begin_of(number + 1, tally.shift)


def test_a_pause_makes_nothing_coarser_and_many_groups_do() -> None:
    tally = Tally()
    for second in range(10):
        tally.launched(0, T0 + timedelta(seconds=second), 1)
        tally.launched(0, T0 + timedelta(days=100, seconds=second), 1)
    assert (tally.shift, len(tally.buckets)) == (0, 20)
    for second in range(BUCKETS_MAX):
        for group in range(100):
            tally.launched(group, T0 + timedelta(seconds=second), 1)
    assert tally.cells <= CELLS_MAX or len(tally.buckets) <= BUCKETS_MIN
    assert tally.shift > 0
    assert sum(counts.launched for counts in total(tally).values()) == 20 + 100 * BUCKETS_MAX


def test_whatever_a_clock_says_is_counted() -> None:
    tally = Tally()
    times = [datetime.min.replace(tzinfo=UTC), T0, datetime.max.replace(tzinfo=UTC), T0]
    for position, at in enumerate(times * BUCKETS_MAX, start=1):
        moved = at + timedelta(days=position) * (1 if at.year < 9999 else -1)
        tally.launched(0, moved, position)
        tally.ended(0, moved, T0, "lost")
    assert total(tally)[0] == Counts(launched=4 * BUCKETS_MAX, lost=4 * BUCKETS_MAX)
    assert len(tally.buckets) <= BUCKETS_MAX


def test_the_fold_counts_attempts_by_what_came_of_them_and_a_snapshot_keeps_that() -> None:
    story = Story(raw)
    story.ask("raw")
    first, second, third, fourth = story.launched()
    story.later(10)
    story.run(first)
    story.run(second, failing=[("raw", "2024-01-02")])
    story.run(third, lost=RunLost("gone"))
    story.run(fourth, lost=RunCanceled())
    tally = story.backfill().tally
    begun, over = (tally.buckets[bucket_at(T0 + timedelta(seconds=at), 0)].groups[0] for at in (0, 10))
    assert (begun, over) == (Counts(launched=4), Counts(0, 1, 1, 1, 1))
    revived = snapshot.decode(snapshot.encode(story.world))
    assert revived is not None
    again = revived.backfill("b")
    assert again is not None
    assert again.tally == tally
