"""What follows from failures: retries, skips with their causes, and how a backfill ends."""

from datetime import timedelta

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy, Backoff, RetryPolicy
from daemon.deciding.decide import next_due
from events.facts import (
    BackfillCompleted,
    Failure,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunFailed,
    RunLaunched,
    RunLost,
    RunSucceeded,
)
from tests.story import T0, Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(3))
def chunked() -> None: ...


@asset(partitions_def=DAYS, deps=[chunked], backfill_policy=BackfillPolicy.single_run())
def whole() -> None: ...


def test_what_needs_a_failed_partition_is_skipped_and_the_rest_of_its_chunk_runs() -> None:
    story = Story(raw, chunked)
    story.ask("*")
    for run in story.launched():
        story.run(run, failing=[("raw", "")] if run == "b-2-1" else [])
    (skip, *launches) = story.settle()
    assert isinstance(skip, PartitionSkipped)
    assert (skip.asset, skip.partitions) == ("chunked", keys("2024-01-02"))
    assert skip.causes[-1].reason == "run b-2-1 failed: ValueError: boom"
    assert {launch.partitions for launch in launches if isinstance(launch, RunLaunched)} == {
        keys("2024-01-01"),
        keys("2024-01-03"),
        keys("2024-01-04..2024-01-05"),
    }


def test_a_chain_of_skips_tells_its_causes_nearest_first() -> None:
    story = Story(raw, chunked, whole)
    story.ask("*", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, failing=[("raw", "")])
    first, second, end = story.settle()
    assert isinstance(first, PartitionSkipped)
    assert isinstance(second, PartitionSkipped)
    assert [cause.asset for cause in second.causes] == ["chunked", "raw"]
    assert end == BackfillCompleted(
        "failed",
        materialized={"raw": 0, "chunked": 0, "whole": 0},
        failed={"raw": 1},
        skipped={"chunked": 1, "whole": 1},
    )


def test_nothing_that_shares_runs_is_launched_without_what_comes_between() -> None:
    policy = BackfillPolicy.single_run()

    @asset(partitions_def=DAYS, deps=[raw], backfill_policy=policy)
    def first() -> None: ...

    @asset(partitions_def=DAYS, deps=[first], backfill_policy=policy)
    def second() -> None: ...

    @asset(partitions_def=DAYS, deps=[second], backfill_policy=policy)
    def third() -> None: ...

    story = Story(raw, first, second, third)
    story.ask("*", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, failing=[("raw", "")])
    *skips, end = story.settle()
    skipped = [skip.asset for skip in skips if isinstance(skip, PartitionSkipped)]
    assert skipped == ["first", "second", "third"]
    assert isinstance(skips[-1], PartitionSkipped)
    assert [cause.asset for cause in skips[-1].causes] == ["second", "first", "raw"]
    assert isinstance(end, BackfillCompleted)
    assert end.materialized == {"raw": 0, "first": 0, "second": 0, "third": 0}


def test_what_a_failed_run_left_undone_has_failed_where_nothing_it_needs_has() -> None:
    @asset(partitions_def=DAYS, backfill_policy=BackfillPolicy.single_run())
    def days() -> None: ...

    yesterday = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    deps = [AssetDep(days, partition_mapping=yesterday)]

    @asset(partitions_def=DAYS, deps=deps, backfill_policy=BackfillPolicy.single_run())
    def days_after() -> None: ...

    story = Story(days, days_after)
    story.ask("*")
    (run,) = story.launched()
    assert story.launch_of(run).assets == ("days", "days_after")
    story.run(run, failing=[("days", "")])
    skip, end = story.settle()
    assert isinstance(skip, PartitionSkipped)
    assert (skip.asset, skip.partitions) == ("days_after", keys("2024-01-02..2024-01-05"))
    assert isinstance(end, BackfillCompleted)
    assert (end.failed, end.canceled) == ({"days": 5, "days_after": 1}, {})


def test_an_asset_kept_from_running_in_its_own_run_is_skipped_not_failed() -> None:
    @asset(partitions_def=DAYS, deps=[raw])
    def beside() -> None: ...

    story = Story(raw, beside)
    story.ask("*", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, failing=[("raw", "")])
    skip, end = story.settle()
    assert isinstance(skip, PartitionSkipped)
    assert skip.asset == "beside"
    assert isinstance(end, BackfillCompleted)
    assert (end.failed, end.skipped) == ({"raw": 1}, {"beside": 1})


def retrying(delay: float | None = None, backoff: Backoff | None = None) -> AssetDefinition:
    @asset(
        partitions_def=DAYS,
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=RetryPolicy(max_retries=2, delay=delay, backoff=backoff),
    )
    def flaky() -> None: ...

    return flaky


def test_a_retry_covers_only_what_is_not_materialized() -> None:
    story = Story(retrying())
    story.ask("flaky")
    (run,) = story.launched()
    done = PartitionMaterialized("flaky", keys("2024-01-01..2024-01-02"))
    story.tell(done, backfill_id="b", run_id=run)
    bad = PartitionFailed("flaky", keys("2024-01-04"), Failure("ValueError", "boom"))
    story.tell(bad, backfill_id="b", run_id=run)
    fine = PartitionMaterialized("flaky", keys("2024-01-05"))
    story.tell(fine, backfill_id="b", run_id=run)
    story.tell(RunFailed(1.0, Failure("ValueError", "boom")), backfill_id="b", run_id=run)
    assert story.launched() == ["b-1.2-2"]
    assert story.launch_of("b-1.2-2").partitions == keys("2024-01-03..2024-01-04")
    assert story.launch_of("b-1.2-2").attempt == 2


def test_attempts_end_and_then_the_partitions_have_failed() -> None:
    story = Story(retrying())
    story.ask("flaky", partitions="2024-01-01")
    for attempt in (1, 2, 3):
        (run,) = story.launched()
        assert run == f"b-1-{attempt}"
        story.run(run, failing=[("flaky", "")])
    assert story.settle() == [
        BackfillCompleted("failed", materialized={"flaky": 0}, failed={"flaky": 1}),
    ]


def test_a_delayed_retry_is_due_later_and_not_before() -> None:
    story = Story(retrying(delay=30.0, backoff=Backoff.EXPONENTIAL))
    story.ask("flaky", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, failing=[("flaky", "")])
    assert story.launched() == []
    assert next_due(story.world, story.now) == T0 + timedelta(seconds=30)
    story.later(30)
    (second,) = story.launched()
    story.run(second, failing=[("flaky", "")])
    story.later(89)
    assert story.launched() == []
    story.later(1)
    assert story.launched() == ["b-1-3"]


def test_a_lost_run_is_retried_by_the_policy() -> None:
    story = Story(retrying())
    story.ask("flaky", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, lost=RunLost("the machine went away"))
    assert story.launched() == ["b-1-2"]


def test_a_lost_run_without_a_policy_has_failed_and_frees_its_partitions() -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-01")
    (run,) = story.launched()
    story.run(run, lost=RunLost("the machine went away"))
    (end,) = story.settle()
    assert isinstance(end, BackfillCompleted)
    assert end.outcome == "failed"
    status = story.world.statuses(story.now)["raw"]
    assert not status.in_progress
    assert list(status.failed) == [0]


def test_a_run_that_claims_success_without_filling_has_failed() -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-01")
    (run,) = story.launched()
    story.tell(RunSucceeded(1.0), backfill_id="b", run_id=run)
    (end,) = story.settle()
    assert isinstance(end, BackfillCompleted)
    assert end.failed == {"raw": 1}


def test_facts_that_fit_nothing_change_nothing() -> None:
    story = Story(raw)
    story.tell(RunSucceeded(1.0), backfill_id="nobody", run_id="nobody-1-1")
    story.ask("raw", partitions="2024-01-01")
    (run,) = story.launched()
    story.tell(PartitionMaterialized("another", keys("2024-01-01")), backfill_id="b", run_id=run)
    story.run(run)
    story.tell(RunSucceeded(1.0), backfill_id="b", run_id=run)
    assert story.backfill().status == "running"
    story.settle()
    assert story.backfill().status == "succeeded"
