"""The account of a backfill, added up from its facts."""

from datetime import timedelta

import msgspec

from backfilld import DailyPartitionsDefinition, RetryPolicy, asset
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillResumed,
    Failure,
    PartitionFailed,
    PartitionMaterialized,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from projections.audit import accounting
from projections.audit.account import BackfillAccount, Failed, Moment, Proof
from projections.audit.accounting import Accounting
from projections.audit.run_times import quantile
from projections.progress import AssetCounts
from tests.story import T0, Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-05")  # four of them
ONCE_MORE = RetryPolicy(max_retries=1)


@asset(partitions_def=DAYS, retry_policy=ONCE_MORE, code_version="v2")
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw])
def clean() -> None: ...


def account_of(story: Story, head: int = 99) -> BackfillAccount:
    """The account of backfill b, of all facts of the story about it."""
    adding = Accounting(story.world, story.backfill())
    for recorded in story.told:
        if recorded.backfill_id == "b":
            adding.told(recorded)
    return adding.account(now=story.now, head=head, head_digest="d1", left_out=("gone",))


def tell(story: Story, run_id: str, *steps: object) -> None:
    """Facts of a run, and between them numbers: seconds that pass."""
    for step in steps:
        if isinstance(step, float):
            story.later(step)
        else:
            story.tell(step, backfill_id=run_id.split("-", 1)[0], run_id=run_id)  # type: ignore[arg-type]


def filled(name: str, day: str, version: str | None = None) -> PartitionMaterialized:
    return PartitionMaterialized(name, keys(day), version)


def test_time_is_added_up_by_run_and_by_asset() -> None:
    story = Story(raw, clean, slots=1)
    story.ask("*", partitions="[2024-01-01...2024-01-02]", reason="new source")
    story.later(3.0)
    (first,) = story.launched()
    tell(story, first, 1.0, RunStarted(1, "host"), 4.0, filled("raw", "2024-01-01", "v3"))
    tell(story, first, 2.0, filled("clean", "2024-01-01"), 1.0, RunSucceeded(7.0))
    (second,) = story.launched()
    tell(story, second, RunStarted(1, "host"), 5.0, filled("raw", "2024-01-02", "v3"), RunTimedOut(9.0))
    tell(story, second, 7.0, RunFailed(12.0, Failure("TimedOut", "longer than 9 s")))
    story.settle()
    account = account_of(story)
    assert {name: each.run_s for name, each in account.assets.items()} == {"raw": 9.0, "clean": 9.0}
    costs = account.costs
    assert (costs.launched, costs.succeeded, costs.failed, costs.timed_out) == (2, 1, 1, 1)
    assert (costs.waiting_s, costs.wall_s, costs.run_s) == (3.0, 23.0, 19.0)
    assert (costs.duration_median_s, costs.duration_90_percent_s) == (7.0, 12.0)
    assert (costs.concurrency_peak, costs.concurrency_mean) == (1, 1.0)
    assert account.assets["raw"].code_versions == {"v3": 2}
    assert account.assets["raw"].existing == 4
    assert account.assets["clean"].counts == AssetCounts(2, 0, 0, 1, 1, 0, 0)
    assert account.left_out == ("gone",)


def test_failures_say_what_became_of_their_partitions_in_the_end() -> None:
    story = Story(raw)
    story.ask("raw", partitions="[2024-01-01...2024-01-03]")
    first, second, third = story.launched()
    story.run(first, failing=[("raw", "")])
    story.run(second, lost=RunLost("gone"))
    story.run(third, failing=[("raw", "")])
    for run_id in story.launched():
        story.run(run_id, failing=[("raw", "")] if "-3-" in run_id else [])
    story.settle()
    account = account_of(story)
    told = [(each.run_id, each.attempt, each.failure.type, each.filled_later) for each in account.failures]
    assert told == [
        ("b-1-1", 1, "ValueError", 1),
        ("b-2-1", 1, "RunLost", 1),
        ("b-3-1", 1, "ValueError", 0),
        ("b-3-2", 2, "ValueError", 0),
    ]
    assert account.failures[1] == Failed(
        T0, "b-2-1", 1, "raw", keys("2024-01-02"), Failure("RunLost", "gone"), filled_later=1
    )
    assert (account.failures_total, account.failures_by_type) == (4, {"ValueError": 3, "RunLost": 1})
    assert (account.costs.retries, account.costs.lost, account.status) == (3, 1, "failed")


def test_who_changed_its_course_when_and_why() -> None:
    story = Story(raw)
    story.ask("raw")
    runs = story.launched()
    story.tell(BackfillPaused("look first"), backfill_id="b")
    story.later(60.0)
    story.tell(BackfillResumed(), backfill_id="b")
    story.tell(BackfillAmended("leave room", priority=3), backfill_id="b")
    tell(story, runs[0], RunCancelRequested("hangs"), RunCanceled(1.0))
    story.tell(BackfillCancelRequested("wrong month"), backfill_id="b")
    for run_id in runs[1:]:
        tell(story, run_id, RunCanceled(None))
    story.settle()
    account = account_of(story)
    assert [(each.what, each.reason, each.run_id) for each in account.interventions] == [
        ("paused", "look first", None),
        ("resumed", None, None),
        ("amended", "leave room", None),
        ("a run canceled", "hangs", "b-1-1"),
        ("canceled", "wrong month", None),
    ]
    assert account.interventions[2].change == BackfillAmended("leave room", priority=3)
    assert (account.costs.paused_s, account.costs.canceled) == (60.0, 4)
    assert account.timeline[-1].what == "ended: canceled"
    assert account.ended_at == T0 + timedelta(seconds=60)


def test_the_way_it_went_and_where_the_log_has_it() -> None:
    story = Story(raw)
    story.ask("raw", named="other", partitions="2024-01-01")
    story.ask("raw")
    for run_id in story.launched():
        story.run(run_id)
    while runs := story.launched():
        for run_id in runs:
            story.run(run_id)
    account = account_of(story)
    launch, *rest = [each.what for each in account.timeline][1:]
    assert launch.startswith("first launch: b-")
    assert rest == [*(f"{percent} % materialized" for percent in (25, 50, 75, 100)), "ended: succeeded"]
    request = next(each for each in story.told if each.backfill_id == "b")
    about_it = [each for each in story.told if each.backfill_id == "b"]
    assert account.timeline[0] == Moment(T0, request.position, "requested")
    assert account.proof == Proof(len(about_it), request.position, about_it[-1].position, 99, "d1")
    assert sum(sum(counts.values()) for counts in account.actors.values()) == len(about_it)
    assert account.manifests_run == {story.world.known.manifests["code"]: 4}


def test_each_run_does_not_count_as_somebody_of_its_own() -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-01")
    adding = Accounting(story.world, story.backfill())
    for number in (1, 2):
        name = f"b-{number}-1"
        recorded = story.tell(RunStarted(1, "host"), backfill_id="b", run_id=name)
        adding.told(msgspec.structs.replace(recorded, actor=f"run {name}"))
    actors = adding.account(now=story.now, head=0, head_digest=None, left_out=()).actors
    assert actors == {accounting.RUNS: {"RunStarted": 2}}


def test_many_failures_are_counted_and_the_first_are_kept() -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-01")
    (run_id,) = story.launched()
    adding = Accounting(story.world, story.backfill())
    for number in range(accounting.KEPT_MAX + 5):
        fact = PartitionFailed("raw", keys("2024-01-01"), Failure(f"Error{number % 2}", "boom"))
        adding.told(story.tell(fact, backfill_id="b", run_id=run_id))
    account = adding.account(now=story.now, head=0, head_digest=None, left_out=())
    assert len(account.failures) == accounting.KEPT_MAX
    assert account.failures_total == accounting.KEPT_MAX + 5
    assert account.failures_by_type == {"Error0": 103, "Error1": 102}


def test_ranks_are_the_nearest() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0], 0.9) == 1.0
    assert quantile([float(each) for each in range(1, 11)], 0.9) == 9.0
    assert quantile([1.0, 2.0, 3.0], 0.5) == 2.0
