"""How long a plan will take, by what runs took before."""

from datetime import timedelta

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, StaticPartitionsDefinition
from daemon.planning.planned import PlannedBackfill
from daemon.whatif.estimating import RUNS_MAX, TIMES_MAX, Estimate, RunsEstimate, estimate
from events.facts import PoolConfigured
from projections.durations import Durations
from tests.story import Story
from tests.unit.whatif.courses import seconds

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")  # 10


@asset(partitions_def=DAYS, pool="w")
def raw() -> None: ...


@asset(deps=[raw])
def report() -> None: ...


def estimated(story: Story, durations: Durations, *selection: str, runs_max: int = 5) -> Estimate:
    planned = story.plan(*selection)
    assert isinstance(planned, PlannedBackfill)
    return estimate(story.world, planned, durations, story.now, runs_max=runs_max)


def known(*taken: tuple[str, float]) -> Durations:
    durations = Durations()
    for key, took_s in taken:
        durations.add((key,), 1, seconds(took_s))
    return durations


def test_equal_runs_take_as_many_turns_as_there_is_room_for() -> None:
    story = Story(raw, report)
    found = estimated(story, known(("raw", 10.0), ("report", 3.0)), "*")
    assert (found.took_median_s, found.took_high_s, found.why_not) == (23.0, 23.0, None)
    assert (found.times_simulated, found.runs_max, found.pools) == (TIMES_MAX, 5, {})
    assert found.runs == (
        RunsEstimate(("raw",), 10, 1, 1, (("raw",),), (), 10.0, 10.0),
        RunsEstimate(("report",), 1, 1, 1, (("report",),), (), 3.0, 3.0),
    )
    story.tell(PoolConfigured("w", slots=2))
    narrower = estimated(story, known(("raw", 10.0), ("report", 3.0)), "*")
    assert (narrower.took_median_s, narrower.pools) == (53.0, {"w": 2})


def test_the_daemon_takes_its_time_between_two_runs() -> None:
    durations = known(("raw", 10.0))
    durations.lag = timedelta(milliseconds=20)
    assert estimated(Story(raw), durations, "raw", runs_max=1).took_median_s == pytest.approx(100.2)


def test_what_is_not_known_is_left_out_and_that_is_told() -> None:
    found = estimated(Story(raw, report), known(("raw", 10.0)), "*")
    assert found.took_median_s == 20.0
    assert found.runs[1] == RunsEstimate(("report",), 1, 1, 0, unknown=("report",))


def test_durations_are_drawn_from_all_that_were_seen() -> None:
    durations = known(*[("raw", 1.0)] * 9, ("raw", 91.0))
    found = estimated(Story(raw), durations, "raw", runs_max=1)
    assert found.took_median_s is not None
    assert found.took_high_s is not None
    # Ten at their median would take 10 seconds; but one in ten takes 91, and so one of them does.
    assert found.took_median_s == 100.0
    assert found.took_high_s >= 190.0
    assert found == estimated(Story(raw), durations, "raw", runs_max=1)


def test_why_there_are_no_figures() -> None:
    found = estimated(Story(raw), Durations(), "raw")
    assert (found.took_median_s, found.times_simulated) == (None, 0)
    assert found.why_not is not None
    assert found.why_not.startswith("no run of these assets has ever succeeded")


def test_of_a_great_many_runs_it_is_reckoned() -> None:
    many = StaticPartitionsDefinition([str(number) for number in range(RUNS_MAX + 1)])
    story = Story(asset(name="raw", partitions_def=many)(lambda: None))
    found = estimated(story, known(("raw", 10.0)), "raw")
    assert found.took_median_s == pytest.approx(10 * (RUNS_MAX + 1) / 5)
    assert (found.took_high_s, found.times_simulated, found.why_not) == (found.took_median_s, 0, None)


def test_hours_that_never_meet_have_no_end() -> None:
    shared = asset(name="b", partitions_def=DAYS, pool="v", deps=[raw])(lambda: None)
    story = Story(raw, shared)
    story.tell(PoolConfigured("w", only_between="01:00-02:00"))
    assert estimated(story, known(("raw", 10.0)), "raw").took_median_s == 3600.0 + 20.0
    story.tell(PoolConfigured("v", only_between="02:00-03:00"))
    both = estimated(story, known(("raw", 10.0)), "*")
    (shared_runs,) = both.runs
    assert shared_runs.unknown == ("b",)
    assert both.took_median_s is None
    assert both.why_not == "it would never end: there is no hour at which all its limits let it launch"


@pytest.mark.parametrize("runs_max", [1, 2, 3, 4, 7, 10])
def test_more_at_the_same_time_take_no_longer(runs_max: int) -> None:
    found = estimated(Story(raw), known(("raw", 6.0)), "raw", runs_max=runs_max)
    assert found.took_median_s == 6.0 * -(-10 // runs_max)
