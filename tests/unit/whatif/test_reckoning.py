"""How long very many runs take is reckoned, and comes near to what simulating each of them says."""

from typing import NamedTuple

import pytest

from backfilld.assets import AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from daemon.planning.planned import PlannedBackfill
from daemon.whatif.estimating import NEVER_ENDS, estimate
from events.facts import PoolConfigured
from projections.durations import Durations
from tests.story import Story
from tests.unit.whatif.courses import seconds

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2025-01-01")
DAYS_BY_NOW = 152  # on 1 June
LONGEST_S = 25  # run; where few are left, so long may slots be free
YESTERDAY = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


@asset(partitions_def=DAYS, pool="w")
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw])
def clean() -> None: ...


@asset(partitions_def=DAYS, deps=[clean], backfill_policy=BackfillPolicy.multi_run(7))
def weeks() -> None: ...


@asset(deps=[weeks])
def report() -> None: ...


@asset(partitions_def=DAYS, deps=[AssetDep("total", partition_mapping=YESTERDAY)])
def total() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition(
        {
            "city": StaticPartitionsDefinition(["oslo", "rome", "lima"]),
            "date": DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-10"),
        }
    ),
)
def pairs() -> None: ...


class Both(NamedTuple):
    """What a plan takes, in seconds."""

    simulated_s: float | None
    reckoned_s: float | None
    simulated_high_s: float | None = None
    reckoned_high_s: float | None = None


def both(story: Story, *selection: str, runs_max: int = 4, **options: object) -> Both:
    durations = Durations()
    for key, took in {"raw": (4, 6, 5, 25), "clean": (10, 12), "weeks": (30,), "report": (600,)}.items():
        for took_s in took:
            durations.add((key,), 7 if key == "weeks" else 1, seconds(took_s))
    for key in ("total", "pairs"):
        durations.add((key,), 1, seconds(10))
    planned = story.plan(*selection, **options)  # type: ignore[arg-type]  # of an ask
    assert isinstance(planned, PlannedBackfill)
    one = estimate(story.world, planned, durations, story.now, runs_max=runs_max, runs_wanted=4_000)
    other = estimate(story.world, planned, durations, story.now, runs_max=runs_max, simulated_max=0)
    assert other.times_simulated == 0
    assert other.why_not == one.why_not
    return Both(one.took_median_s, other.took_median_s, one.took_high_s, other.took_high_s)


@pytest.mark.parametrize("runs_max", [1, 4, 16])
@pytest.mark.parametrize("selection", [("raw",), ("raw", "clean"), ("*",), ("total", "raw"), ("pairs",)])
def test_it_comes_near_to_what_is_simulated(selection: tuple[str, ...], runs_max: int) -> None:
    story = Story(raw, clean, weeks, report, total, pairs)
    found = both(story, *selection, runs_max=runs_max)
    assert found.reckoned_s == pytest.approx(found.simulated_s, rel=0.08, abs=LONGEST_S)
    assert found.reckoned_high_s == pytest.approx(found.simulated_high_s, rel=0.1, abs=LONGEST_S)


def test_limits_count() -> None:
    story = Story(raw, clean)
    story.tell(PoolConfigured("w", slots=2))
    by_slots = both(story, "*", runs_max=30)
    assert by_slots.reckoned_s == pytest.approx(by_slots.simulated_s, rel=0.08)
    story.tell(PoolConfigured("w", rate_per_minute=2))
    by_rate = both(story, "*", runs_max=30)
    assert by_rate.reckoned_s == pytest.approx(by_rate.simulated_s, rel=0.08)
    assert by_rate.reckoned_s == pytest.approx(DAYS_BY_NOW / 2 * 60, rel=0.08)
    by_backfill = both(Story(raw, clean), "*", runs_max=30, max_concurrent_runs=1)
    assert by_backfill.reckoned_s == pytest.approx(by_backfill.simulated_s, rel=0.08)


def test_hours_count_and_some_never_meet() -> None:
    story = Story(raw, clean)  # At midnight.
    story.tell(PoolConfigured("w", only_between="01:00-01:05"))
    found = both(story, "*", runs_max=1)
    assert found.simulated_s is not None
    assert found.reckoned_s == pytest.approx(found.simulated_s, rel=0.08)
    assert found.simulated_s > 86_400
    never = both(story, "*", only_between="02:00-03:00")
    assert never == Both(None, None)
    planned = story.plan("raw", only_between="02:00-03:00")
    assert isinstance(planned, PlannedBackfill)
    durations = Durations()
    durations.add(("raw",), 1, seconds(1))
    alone = estimate(story.world, planned, durations, story.now, runs_max=1, simulated_max=0)
    assert alone.why_not == NEVER_ENDS
