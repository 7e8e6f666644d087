"""What is waited for, told from the state that decisions are made from."""

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, MonthlyPartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.deciding.decide import decide
from daemon.deciding.explaining import (
    NextTurn,
    Place,
    Reason,
    RetryDelay,
    Settled,
    UnderWay,
    Upstream,
    Waiting,
    limits_of,
    reason_text,
    why_not,
    why_waiting,
)
from daemon.deciding.holds import DaemonFull, PoolFull
from events.facts import BackfillCancelRequested, LeaderElected, PoolConfigured, RunCanceled
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-01")
MONTHS = MonthlyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-01")


@asset(partitions_def=DAYS, pool="w", retry_policy=RetryPolicy(max_retries=1, delay=60))
def raw() -> None: ...


@asset(partitions_def=MONTHS, deps=[raw], backfill_policy=BackfillPolicy.single_run())
def monthly() -> None: ...


def story_of(*, slots: int = 2) -> Story:
    story = Story(raw, monthly, slots=slots)
    story.tell(LeaderElected("d", "host", 1, "0.1.0", max_concurrent_runs=slots))
    story.ask("*")
    return story


def why(story: Story, asset_key: str, ordinal: int) -> tuple[Reason, ...]:
    plan = story.world.plans["b"]
    return why_not(story.world, story.backfill(), Place(plan, asset_key, ordinal), story.now)


def test_each_partition_has_its_reason() -> None:
    story = story_of()
    story.settle()
    story.run("b-1-1")
    story.run("b-2-1", failing=[("raw", "")])
    story.settle()
    assert why(story, "raw", 0) == (Settled("materialized"),)
    (delay,) = why(story, "raw", 1)
    assert isinstance(delay, RetryDelay)
    assert reason_text(delay) == "waits for attempt 2, which is due at 2024-06-01 00:01:00 UTC"
    assert why(story, "raw", 2) == (UnderWay("b-3-1", story.now),)
    assert why(story, "raw", 9) == (DaemonFull(2),)
    (upstream,) = why(story, "monthly", 0)
    assert upstream == Upstream("raw", keys("2024-01-02..2024-01-31"), 2)
    assert reason_text(upstream) == "waits for 30 partitions of raw (2 under way)"


def test_a_backfill_tells_what_its_runs_wait_for_group_by_group() -> None:
    story = story_of()
    story.tell(PoolConfigured("w", slots=1))
    story.settle()
    held = PoolFull("w", 1, ("b-1-1",))
    assert why_waiting(story.world, story.backfill(), story.now) == [
        Waiting(("raw",), 30, (held,)),
        Waiting(("monthly",), 1, (Upstream("raw", keys("2024-01-01..2024-01-31"), 1),)),
    ]


def test_what_nothing_holds_back_is_what_is_decided_next() -> None:
    story = story_of(slots=3)
    reasons = {ordinal: why(story, "raw", ordinal) for ordinal in range(31)}
    assert set(reasons.values()) == {(NextTurn(),)}
    decisions = decide(story.world, story.now, limits_of(story.world))
    assert [decision.run_id for decision in decisions] == ["b-1-1", "b-2-1", "b-3-1"]


def test_what_is_held_back_is_not_decided() -> None:
    story = story_of()
    story.tell(PoolConfigured("w", slots=1))
    story.settle()
    for ordinal in range(1, 31):
        (reason,) = why(story, "raw", ordinal)
        assert isinstance(reason, PoolFull)
    assert decide(story.world, story.now, story.limits) == []


def test_what_a_cancellation_left_was_canceled() -> None:
    story = story_of()
    story.settle()
    plan = story.world.plans["b"]
    story.tell(BackfillCancelRequested(), backfill_id="b")
    for run in ("b-1-1", "b-2-1"):
        story.tell(RunCanceled(), backfill_id="b", run_id=run)
    story.settle()
    assert why_not(story.world, story.backfill(), Place(plan, "raw", 30), story.now) == (Settled("canceled"),)
    assert why_waiting(story.world, story.backfill(), story.now) == []


def test_of_runs_that_wait_in_many_stretches_the_first_ones_are_explained_and_all_are_counted() -> None:
    @asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(1))
    def clean() -> None: ...

    story = Story(raw, clean)
    story.ask("*")
    for run in story.launched()[::2]:
        story.run(run)
    ready, waiting = why_waiting(story.world, story.backfill(), story.now)
    assert (ready.runs, waiting.runs) == (16, 15)
    bounded = why_waiting(story.world, story.backfill(), story.now, looked_at_max=3)
    *_, first, rest = bounded
    assert (first.runs, rest.runs, rest.reasons) == (3, 12, ())
    assert first.reasons == (Upstream("raw", keys("2024-01-02", "2024-01-04", "2024-01-06"), under_way=3),)
    assert why_waiting(story.world, story.backfill(), story.now, looked_at_max=15)[-1] == waiting
