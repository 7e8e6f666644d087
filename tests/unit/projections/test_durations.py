"""What runs took: kept within bounds, and told of runs like those that are asked for."""

from datetime import datetime, timedelta

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from events.facts import RunLost
from projections.durations import COUNTS_MAX, LAG_MAX, SAMPLES_MAX, Durations, Took, evolve, lag_of
from tests.story import T0, Story


def took(seconds: float, *, to_start: float = 0.0) -> Took:
    return Took(timedelta(seconds=to_start), timedelta(seconds=seconds))


def of_a(*taken: tuple[int, float]) -> Durations:
    durations = Durations()
    for count, seconds in taken:
        durations.add(("a",), count, took(seconds))
    return durations


def median_s(durations: Durations, count: int, *assets: str) -> float:
    seen = durations.seen(assets or ("a",), count)
    assert seen is not None
    return seen.at(0.5).to_end.total_seconds()


def test_runs_that_succeeded_are_kept_and_others_are_not() -> None:
    days = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-04")
    story = Story(asset(name="a", partitions_def=days)(lambda: None))
    story.ask("a")
    first, second, third = story.launched()
    story.later(2)
    story.run(first)
    story.run(second, failing=[("a", "")])
    story.run(third, lost=RunLost("gone"))
    durations = Durations()
    for recorded in story.told:
        evolve(durations, recorded)
    seen = durations.seen(("a",), 1)
    assert seen is not None
    assert list(seen.samples) == [took(0.0, to_start=2.0)]
    assert not durations.begun


def test_the_median_and_the_quantiles_lie_between_what_was_seen() -> None:
    seen = of_a(*((1, float(seconds)) for seconds in (4, 1, 3, 2))).seen(("a",), 1)
    assert seen is not None
    assert [seen.at(part).to_end.total_seconds() for part in (0.0, 0.5, 0.9, 1.0)] == [1.0, 2.5, 3.7, 4.0]
    assert seen.at(0.5).to_start == timedelta()


@pytest.mark.parametrize(
    ("count", "seconds"), [(10, 30.0), (20, 40.0), (12, 32.0), (19, 39.0), (5, 15.0), (30, 60.0)]
)
def test_other_numbers_of_partitions_are_thought_of_by_those_seen(count: int, seconds: float) -> None:
    assert median_s(of_a((10, 30.0), (20, 40.0)), count) == pytest.approx(seconds)


def test_the_start_takes_no_longer_for_more_partitions() -> None:
    durations = Durations()
    durations.add(("a",), 1, took(10.0, to_start=3.0))
    seen = durations.seen(("a",), 4)
    assert seen is not None
    assert seen.at(0.5) == took(40.0, to_start=3.0)


def test_assets_that_were_no_run_by_themselves() -> None:
    durations = Durations()
    durations.add(("a", "b", "c"), 1, took(30.0))
    durations.add(("a", "b"), 1, took(10.0))
    durations.add(("d",), 1, took(1.0))
    assert median_s(durations, 1, "a") == 5.0
    assert median_s(durations, 1, "c") == 10.0
    durations.add(("e",), 2, took(4.0))
    assert median_s(durations, 1, "d", "e") == 3.0
    assert durations.seen(("x",), 1) is None
    assert median_s(durations, 1, "d", "x") == 1.0


def test_it_stays_within_bounds_and_keeps_the_newest() -> None:
    durations = of_a(*((1, float(number)) for number in range(10 * SAMPLES_MAX)))
    seen = durations.seen(("a",), 1)
    assert seen is not None
    assert len(seen.samples) == SAMPLES_MAX
    assert seen.samples[-1] == took(10 * SAMPLES_MAX - 1)
    for count in range(2, 2 + COUNTS_MAX):
        durations.add(("a",), count, took(1.0))
    forgotten = durations.seen(("a",), 1)
    assert forgotten is not None
    assert len(forgotten.samples) == 1


def test_a_draw_is_the_same_for_the_same_lot_and_gives_each_its_turn() -> None:
    seen = of_a(*((1, float(seconds)) for seconds in range(5))).seen(("a",), 1)
    assert seen is not None
    drawn = [seen.drawn(f"lot {number}") for number in range(100)]
    assert drawn == [seen.drawn(f"lot {number}") for number in range(100)]
    assert set(drawn) == set(seen.samples)


def test_the_lag_is_from_an_end_to_the_next_launch_of_its_backfill_and_never_long() -> None:
    def run(backfill_id: str, launched_ms: int, ended_ms: int) -> tuple[str, datetime, datetime]:
        return backfill_id, T0 + timedelta(milliseconds=launched_ms), T0 + timedelta(milliseconds=ended_ms)

    assert lag_of([]) == lag_of([run("b", 0, 100), run("c", 110, 200)]) == timedelta()
    runs = [run("b", 0, 100), run("c", 0, 104), run("b", 110, 200), run("b", 206, 300), run("b", 308, 400)]
    assert lag_of(runs) == timedelta(milliseconds=8)
    assert lag_of([run("b", 0, 100), run("b", 60_000, 60_100)]) == LAG_MAX
