"""Backfills that want the same partitions: no two runs fill one at once, whoever began and ended first."""

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy
from events.facts import (
    BackfillCompleted,
    Fact,
    Failure,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunFailed,
    RunLost,
    RunSucceeded,
)
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-02")
BOOM = Failure("ValueError", "boom")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.single_run())
def clean() -> None: ...


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (PartitionMaterialized("raw", keys("2024-01-01")), RunSucceeded(1.0)),
        (PartitionMaterialized("raw", keys("2024-01-01")), RunLost("gone")),
        (PartitionFailed("raw", keys("2024-01-01"), BOOM), RunFailed(1.0, BOOM)),
    ],
)
def test_the_end_of_a_run_gives_back_nothing_that_another_is_filling_by_then(told: Fact, end: Fact) -> None:
    """A partition is free once a run has reported on it, which may be some time before the run ends."""
    story = Story(raw)
    for named in ("b", "c", "d"):
        story.ask("raw", named=named)
    assert story.launched() == ["b-1-1"]
    story.tell(told, backfill_id="b", run_id="b-1-1")
    assert story.launched() == ["c-1-1"]
    story.tell(end, backfill_id="b", run_id="b-1-1")
    assert story.launched() == []
    story.run("c-1-1")
    assert story.launched() == ["d-1-1"]


def test_a_skip_gives_back_nothing_that_a_run_of_another_backfill_is_filling() -> None:
    story = Story(raw, clean)
    story.ask("raw", "clean", named="b")
    story.ask("clean", named="c")
    story.ask("clean", named="d")
    assert story.launched() == ["b-1-1", "c-1-1"]
    story.run("b-1-1", failing=[("raw", "2024-01-01")])
    assert story.launched() == []
    assert isinstance(story.told[-1].fact, BackfillCompleted)
    assert isinstance(story.told[-2].fact, PartitionSkipped)
    story.run("c-1-1")
    assert story.launched() == ["d-1-1"]
