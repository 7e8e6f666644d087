"""One run canceled, in a backfill that goes on."""

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.commands import cancel_run
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    Failure,
    PartitionMaterialized,
    PartitionSkipped,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
)
from projections.backfill.state import Intervention
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
SINGLE = BackfillPolicy.single_run()


@asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=3), timeout_s=60)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(3))
def chunked() -> None: ...


def asked() -> Story:
    """A backfill whose five runs over raw are under way; the second is asked to end."""
    story = Story(raw, chunked)
    story.ask("*")
    story.launched()
    story.tell(RunStarted(1, "host"), backfill_id="b", run_id="b-2-1")
    (fact,) = cancel_run(story.world, "b-2-1", "hangs")
    story.tell(fact, backfill_id="b", run_id="b-2-1")
    return story


def finish_others(story: Story) -> list[PartitionSkipped]:
    """The other runs end well, and all that follows; what was skipped is returned."""
    for run_id in sorted(story.backfill().live):
        story.run(run_id)
    facts = story.settle()
    for run_id in sorted(story.backfill().live):
        story.run(run_id)
    facts += story.settle()
    return [fact for fact in facts if isinstance(fact, PartitionSkipped)]


def test_its_partitions_are_canceled_and_what_needs_them_is_skipped_with_that_cause() -> None:
    story = asked()
    story.tell(RunCanceled(1.0), backfill_id="b", run_id="b-2-1")
    (skip,) = finish_others(story)
    assert (skip.asset, skip.partitions) == ("chunked", keys("2024-01-02"))
    assert [cause.reason for cause in skip.causes] == ["run b-2-1 was canceled by story: hangs"]
    assert skip.causes[0].partitions == keys("2024-01-02")
    end = story.told[-1].fact
    assert end == BackfillCompleted(
        "canceled", {"raw": 4, "chunked": 4}, skipped={"chunked": 1}, canceled={"raw": 1}
    )


def test_it_is_not_tried_again_whatever_it_ends_as() -> None:
    failure = Failure("ValueError", "boom")
    for outcome in (RunCanceled(1.0), RunFailed(1.0, failure), RunLost("gone")):
        story = asked()
        story.tell(outcome, backfill_id="b", run_id="b-2-1")
        assert not any(isinstance(fact, RunLaunched) for fact in story.settle())


def test_a_backfill_in_which_something_failed_too_has_failed() -> None:
    story = asked()
    story.tell(RunCanceled(1.0), backfill_id="b", run_id="b-2-1")
    story.tell(RunCancelRequested(), backfill_id="b", run_id="b-3-1")
    story.tell(RunLost("gone"), backfill_id="b", run_id="b-3-1")
    finish_others(story)
    assert story.backfill().status == "failed"


def test_all_that_it_was_to_fill_is_canceled_and_none_of_it_skipped() -> None:
    @asset(partitions_def=DAYS, deps=["first"], backfill_policy=SINGLE)
    def second() -> None: ...

    @asset(partitions_def=DAYS, backfill_policy=SINGLE)
    def first() -> None: ...

    story = Story(first, second)
    story.ask("*")
    (run,) = story.launched()
    done = PartitionMaterialized("first", keys("2024-01-01"))
    story.tell(done, backfill_id="b", run_id=run)
    story.tell(RunCancelRequested(), backfill_id="b", run_id=run)
    story.tell(RunCanceled(1.0), backfill_id="b", run_id=run)
    assert story.settle() == [
        BackfillCompleted("canceled", {"first": 1, "second": 0}, canceled={"first": 4, "second": 5})
    ]


def test_it_does_not_time_out_any_more() -> None:
    story = asked()
    story.tell(RunCancelRequested(), backfill_id="b", run_id="b-3-1")
    # That it has begun is often told a little later.
    story.tell(RunStarted(1, "host"), backfill_id="b", run_id="b-3-1")
    story.later(3600)
    assert story.settle() == []


def test_asking_again_or_for_what_is_over_is_harmless_and_who_asked_first_is_kept() -> None:
    story = asked()
    assert cancel_run(story.world, "b-2-1", None) == ()
    story.tell(RunCancelRequested("me too"), backfill_id="b", run_id="b-2-1")
    run = story.backfill().live["b-2-1"]
    assert run.cancel_requested == Intervention(story.now, "story", "hangs")
    story.run("b-1-1")
    assert cancel_run(story.world, "b-1-1", None) == ()
    assert cancel_run(story.world, "nobody-1-1", None) == ()
    story.tell(BackfillCancelRequested(), backfill_id="b")
    assert cancel_run(story.world, "b-3-1", None) == ()
