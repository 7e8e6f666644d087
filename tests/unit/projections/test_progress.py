"""Where a backfill stands, counted."""

from datetime import timedelta

import pytest

from backfilld import BackfillPolicy, DailyPartitionsDefinition, RetryPolicy, asset
from daemon.commands import cancel
from events.facts import Failure, PartitionMaterialized, RunCanceled, RunFailed
from projections.progress import AssetCounts, Progress, elapsed_s, progress_of, time_left_s
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-07")  # six of them


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(3))
def clean() -> None: ...


@asset(deps=[clean])
def report() -> None: ...


def standing(story: Story) -> Progress:
    """The progress, whose counts are seen to add up."""
    progress = progress_of(story.backfill())
    for counts in (*progress.assets.values(), progress.partitions):
        *parts, targeted = (
            *(counts.waiting, counts.in_progress, counts.materialized),
            *(counts.failed, counts.skipped, counts.canceled, counts.targeted),
        )
        assert sum(parts) == targeted
        assert min(parts) >= 0
    return progress


def test_everything_waits_at_first() -> None:
    story = Story(raw, clean, report)
    story.ask("*")
    progress = standing(story)
    assert list(progress.assets) == ["raw", "clean", "report"]
    assert progress.partitions == AssetCounts(13, 13, 0, 0, 0, 0, 0)
    assert (progress.runs_total, progress.runs_left, progress.runs_done) == (9, 9, 0)


def test_what_a_run_covers_is_in_progress_until_it_is_reported() -> None:
    story = Story(raw, clean, report)
    story.ask("*")
    for run_id in story.launched():
        story.run(run_id)
    first, _ = story.launched()
    progress = standing(story)
    assert progress.assets["raw"] == AssetCounts(6, 0, 0, 6, 0, 0, 0)
    assert progress.assets["clean"] == AssetCounts(6, 0, 6, 0, 0, 0, 0)
    assert (progress.runs_in_progress, progress.runs_done) == (2, 6)
    story.tell(PartitionMaterialized("clean", keys("2024-01-02")), backfill_id="b", run_id=first)
    assert standing(story).assets["clean"] == AssetCounts(6, 0, 5, 1, 0, 0, 0)


def test_a_failure_and_what_it_costs_are_told_apart() -> None:
    story = Story(raw, clean, report)
    story.ask("*")
    for run_id in story.launched():
        story.run(run_id, failing=[("raw", "")] if run_id == "b-2-1" else [])
    story.settle()
    progress = standing(story)
    assert progress.assets["raw"] == AssetCounts(6, 0, 0, 5, 1, 0, 0)
    assert progress.assets["clean"].skipped == 1
    assert progress.assets["report"] == AssetCounts(1, 0, 0, 0, 0, 1, 0)
    assert progress.partitions.settled == 8


def test_what_is_tried_again_waits() -> None:
    @asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=1, delay=60))
    def flaky() -> None: ...

    story = Story(flaky)
    story.ask("flaky")
    for run_id in story.launched():
        story.run(run_id, failing=[("flaky", "")] if run_id == "b-1-1" else [])
    progress = standing(story)
    assert progress.assets["flaky"] == AssetCounts(6, 1, 0, 5, 0, 0, 0)
    assert (progress.runs_left, progress.runs_done) == (1, 5)


def test_nothing_waits_once_a_canceled_backfill_has_ended() -> None:
    story = Story(raw, clean, slots=1)
    story.ask("*")
    (run_id,) = story.launched()
    facts = cancel(story.world, "b", None)
    assert isinstance(facts, tuple)
    story.tell(facts[0], backfill_id="b")
    story.tell(RunCanceled(0.1), backfill_id="b", run_id=run_id)
    story.settle()
    assert story.backfill().status == "canceled"
    assert standing(story).partitions == AssetCounts(12, 0, 0, 0, 0, 0, 12)


def test_what_was_canceled_is_not_said_to_be_done() -> None:
    @asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06"))
    def daily() -> None: ...

    story = Story(daily, slots=2)
    backfill = story.ask("daily")
    first, second = story.launched()
    story.run(first)
    facts = cancel(story.world, "b", None)
    assert isinstance(facts, tuple)
    story.tell(facts[0], backfill_id="b")
    story.tell(RunCanceled(), backfill_id="b", run_id=second)
    story.settle()
    progress = progress_of(backfill)
    assert (progress.partitions.settled, progress.partitions.done) == (5, 1)
    assert progress.runs_done == 2


def test_time_counts_from_the_first_launch_and_ends_with_the_backfill() -> None:
    story = Story(report)
    story.ask("report")
    assert elapsed_s(story.backfill(), story.now) == 0
    story.later(100)
    (run_id,) = story.launched()
    story.later(2)
    assert elapsed_s(story.backfill(), story.now) == 2
    story.tell(RunFailed(2.0, Failure("ValueError", "")), backfill_id="b", run_id=run_id)
    story.settle()
    assert elapsed_s(story.backfill(), story.now + timedelta(days=1)) == 2


@pytest.mark.parametrize(
    ("done", "left", "elapsed", "expected"),
    [(0, 5, 9.0, None), (3, 0, 9.0, 0.0), (3, 6, 9.0, 18.0), (3, 6, 0.0, None)],
)
def test_time_left_goes_by_what_was_done(
    done: int, left: int, elapsed: float, expected: float | None
) -> None:
    assert time_left_s(done, left, elapsed) == expected
