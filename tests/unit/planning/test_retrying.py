"""Successors: what a retry of a backfill is to fill."""

from backfilld.assets import AssetDefinition, asset
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy
from daemon.planning.planned import PlannedBackfill, plan_backfill
from daemon.planning.retrying import ask_retry
from daemon.refusal import Refused
from events.facts import BackfillCancelRequested, RunCanceled
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
TWO = BackfillPolicy.multi_run(2)


def raw_of(days: DailyPartitionsDefinition = DAYS) -> AssetDefinition:
    return asset(name="raw", partitions_def=days)(lambda: None)


def clean_of(days: DailyPartitionsDefinition = DAYS) -> AssetDefinition:
    return asset(name="clean", partitions_def=days, deps=["raw"], backfill_policy=TWO)(lambda: None)


def ended(*, failing: tuple[str, ...] = ("2024-01-02",)) -> Story:
    """A backfill of raw and clean in which some days of raw have failed."""
    story = Story(raw_of(), clean_of())
    story.ask("*", priority=3, max_concurrent_runs=7, order="newest_first", tags={"team": "data"})
    while launched := story.launched():
        for run in launched:
            launch = story.launch_of(run)
            is_bad = launch.partitions is not None and launch.partitions.ranges[0][0] in failing
            story.run(run, failing=[("raw", "")] if is_bad and launch.assets == ("raw",) else [])
    return story


def retried(story: Story) -> PlannedBackfill:
    ask = ask_retry(story.world, story.backfill(), "mended", story.now)
    assert not isinstance(ask, Refused), ask
    plan = plan_backfill(story.world.catalog, story.world.statuses(story.now), ask, story.now)
    assert isinstance(plan, PlannedBackfill), plan
    return plan


def test_a_successor_fills_what_failed_and_what_was_skipped_for_it() -> None:
    plan = retried(ended())
    assert plan.targets == {"raw": keys("2024-01-02"), "clean": keys("2024-01-02")}
    request = plan.request({})
    assert request.parent_backfill_id == "b"
    assert request.partitions_text == "retry b"
    assert request.reason == "mended"


def test_it_is_run_as_its_parent_was() -> None:
    request = retried(ended()).request({})
    assert (request.priority, request.max_concurrent_runs, request.order) == (3, 7, "newest_first")
    assert request.tags == {"team": "data"}


def test_what_was_never_reached_before_a_cancellation_is_filled_too() -> None:
    story = Story(raw_of(), clean_of(), slots=2)
    story.ask("*")
    first, second = story.launched()
    story.run(first)
    story.tell(BackfillCancelRequested(), backfill_id="b")
    story.tell(RunCanceled(), backfill_id="b", run_id=second)
    story.settle()
    assert story.backfill().status == "canceled"
    assert retried(story).targets == {
        "raw": keys("2024-01-02..2024-01-05"),
        "clean": keys("2024-01-01..2024-01-05"),
    }


def test_there_is_nothing_to_retry_before_the_end_or_after_a_success() -> None:
    story = Story(raw_of())
    story.ask("*")
    refused = ask_retry(story.world, story.backfill(), None, story.now)
    assert refused == Refused("backfill b has not ended (running); wait until it has, or cancel it first")
    story = ended(failing=())
    assert ask_retry(story.world, story.backfill(), None, story.now) == Refused(
        "backfill b succeeded: nothing of it is left to do"
    )


def test_what_the_code_does_not_have_any_more_is_left_out_and_said() -> None:
    story = ended(failing=("2024-01-01", "2024-01-02"))
    later = DailyPartitionsDefinition(start_date="2024-01-02", end_date="2024-01-06")
    story.declare(raw_of(later))
    plan = retried(story)
    assert plan.targets == {"raw": keys("2024-01-02")}
    assert [(left.asset, left.partitions, left.reason) for left in plan.left_out] == [
        ("raw", keys("2024-01-01"), "its definition does not have these any more"),
        ("clean", None, "no code location defines it any more"),
    ]
