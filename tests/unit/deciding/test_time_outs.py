"""Runs that take longer than their assets may."""

from datetime import timedelta

import pytest

from backfilld.assets import AssetDefinition, asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.deciding.decide import next_due
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    Failure,
    PartitionMaterialized,
    PartitionSkipped,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from projections import snapshot
from projections.catalog import Catalog
from tests.story import T0, Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-04")
SINGLE = BackfillPolicy.single_run()
FAILED = RunFailed(30.0, Failure("TimedOut", "it took longer than the 30 s that its assets may take"))


def raw_of(timeout_s: float | None, retry: RetryPolicy | None = None) -> AssetDefinition:
    declare = asset(
        name="raw", partitions_def=DAYS, backfill_policy=SINGLE, timeout_s=timeout_s, retry_policy=retry
    )
    return declare(lambda: None)


def begun(*assets: AssetDefinition) -> Story:
    """A backfill of everything whose first run has begun at T0."""
    story = Story(*assets)
    story.ask("*")
    story.launched()
    story.tell(RunStarted(1, "host"), backfill_id="b", run_id="b-1-1")
    return story


def test_a_run_has_its_time_from_its_start_on_and_then_times_out_once() -> None:
    story = Story(raw_of(30))
    story.ask("raw")
    story.launched()
    story.later(1000)
    assert next_due(story.world, story.now) is None
    story.tell(RunStarted(1, "host"), backfill_id="b", run_id="b-1-1")
    assert next_due(story.world, story.now) == story.now + timedelta(seconds=30)
    story.later(29)
    assert story.settle() == []
    story.later(1)
    (decision,) = story.decide()
    assert (decision.fact, decision.run_id) == (RunTimedOut(30.0), "b-1-1")
    assert story.settle() == []
    assert next_due(story.world, story.now) is None


def test_it_times_out_in_a_paused_backfill_too_and_not_in_one_that_is_being_canceled() -> None:
    story = begun(raw_of(30))
    story.tell(BackfillPaused(), backfill_id="b")
    assert next_due(story.world, story.now) == T0 + timedelta(seconds=30)
    story.later(30)
    story.tell(BackfillCancelRequested(), backfill_id="b")
    assert story.settle() == []
    assert next_due(story.world, T0) is None


@pytest.mark.parametrize(("others", "total"), [((20,), 50.0), ((20, None), None), ((0.5, 0.5), 31.0)])
def test_a_run_of_several_assets_may_take_the_sum_of_theirs(
    others: tuple[float | None, ...], total: float | None
) -> None:
    more = [
        asset(
            name=f"more_{index}", partitions_def=DAYS, deps=["raw"], backfill_policy=SINGLE, timeout_s=limit
        )(lambda: None)
        for index, limit in enumerate(others)
    ]
    story = begun(raw_of(30), *more)
    assert story.backfill().live["b-1-1"].timeout_s == total


def test_what_was_reported_before_stays_and_the_rest_is_tried_again_by_the_policy() -> None:
    story = begun(raw_of(30, RetryPolicy(max_retries=1)))
    done = PartitionMaterialized("raw", keys("2024-01-01"))
    story.tell(done, backfill_id="b", run_id="b-1-1")
    story.later(30)
    story.settle()
    story.tell(FAILED, backfill_id="b", run_id="b-1-1")
    assert story.launched() == ["b-1.1-2"]
    assert story.launch_of("b-1.1-2").partitions == keys("2024-01-02..2024-01-03")


def test_without_a_retry_it_has_failed_and_what_needs_it_is_skipped_with_the_limit_as_cause() -> None:
    @asset(partitions_def=DAYS, deps=["raw"], backfill_policy=SINGLE, timeout_s=1)
    def beside() -> None: ...

    @asset(deps=[beside])
    def report() -> None: ...

    story = begun(raw_of(29), beside, report)
    story.later(30)
    story.settle()
    story.tell(FAILED, backfill_id="b", run_id="b-1-1")
    first, second, end = story.settle()
    assert isinstance(first, PartitionSkipped)
    assert isinstance(second, PartitionSkipped)
    assert [first.asset, second.asset] == ["beside", "report"]
    assert first.causes[-1].reason == (
        "run b-1-1 failed: it took longer than the 30 s that its assets may take"
    )
    assert isinstance(end, BackfillCompleted)
    assert (end.failed, end.skipped) == ({"raw": 3}, {"beside": 3, "report": 1})
    assert list(story.world.statuses(story.now)["raw"].failed) == [0, 1, 2]


def test_a_run_that_succeeds_while_it_is_being_ended_has_succeeded() -> None:
    story = begun(raw_of(30))
    story.later(30)
    story.settle()
    done = PartitionMaterialized("raw", keys("2024-01-01..2024-01-03"))
    story.tell(done, backfill_id="b", run_id="b-1-1")
    story.tell(RunSucceeded(30.0), backfill_id="b", run_id="b-1-1")
    story.settle()
    assert story.backfill().status == "succeeded"


def test_a_daemon_that_was_restarted_ends_it_at_the_same_time() -> None:
    story = begun(raw_of(30))
    resumed = snapshot.decode(snapshot.encode(story.world))
    assert resumed is not None
    assert next_due(resumed, T0) == T0 + timedelta(seconds=30)


def test_a_time_out_longer_than_time_itself_is_none() -> None:
    story = begun(raw_of(1e300))
    assert next_due(story.world, story.now) is not None


def test_manifests_from_before_time_outs_have_none() -> None:
    manifest = manifest_of(Definitions(assets=[raw_of(30)]), code_location="code")
    assert Catalog.of({"code": manifest}).assets["raw"].timeout_s == 30.0
    del manifest["assets"][0]["timeout_s"]
    assert Catalog.of({"code": manifest}).assets["raw"].timeout_s is None
