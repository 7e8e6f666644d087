"""Every attempt at an asset, told from facts: what filled which partitions, and what did not."""

import pytest

from backfilld import (
    BackfillPolicy,
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    RetryPolicy,
    StaticPartitionsDefinition,
    asset,
)
from backfilld.errors import BackfilldError
from events.facts import (
    BackfillCancelRequested,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    Failure,
    PartitionKeys,
    PartitionMaterialized,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from projections.audit.asked import asked_of, is_known
from projections.audit.attempts import Attempt, Attempts
from projections.backfill.state import Intervention
from tests.story import T0, Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-07")  # six of them
BY_THREE = BackfillPolicy.multi_run(3)


@asset(partitions_def=DAYS, backfill_policy=BY_THREE, code_version="v2")
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BY_THREE)
def clean() -> None: ...


@asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=1))
def shaky() -> None: ...


@asset
def report() -> None: ...


@asset(partitions_def=DynamicPartitionsDefinition("customers"))
def profiles() -> None: ...


def audit(story: Story, name: str, text: str | None = None) -> list[Attempt]:
    """What an audit tells, from all facts of the story."""
    attempts = Attempts(story.world, asked_of(story.world, name, text, story.now))
    return [attempt for recorded in story.told for attempt in attempts.told(recorded)]


def fates(attempts: list[Attempt]) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """The run, the outcome and the ranges of each."""
    return [
        (each.run_id or "", each.outcome, () if each.partitions is None else each.partitions.ranges)
        for each in attempts
    ]


def end(story: Story, run_id: str, *facts: Fact) -> None:
    """More about a run."""
    for fact in facts:
        story.tell(fact, backfill_id=run_id.split("-", 1)[0], run_id=run_id)


def test_what_filled_partitions_is_told_with_who_asked_why_and_how() -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-02", reason="new source")
    (run_id,) = story.launched()
    fact = PartitionMaterialized("raw", keys("2024-01-02"), "v3", {"rows": 7})
    end(story, run_id, RunStarted(1, "host"), fact, RunSucceeded(1.0))
    (told,) = audit(story, "raw")
    digest = story.world.known.manifests["code"]
    assert told == Attempt(
        position=story.told[-2].position,
        at=T0,
        outcome="materialized",
        asset="raw",
        partitions=keys("2024-01-02"),
        backfill_id="b",
        run_id="b-1-1",
        run_number=1,
        attempt=1,
        launched_at=T0,
        requested_at=T0,
        requested_by="story",
        reason="new source",
        policy="up to 3 partitions a run",
        code_location="code",
        code_version="v3",
        manifest_digest=digest,
        metadata={"rows": 7},
    )


def test_a_run_over_many_is_one_line_and_only_what_was_asked_for_of_it() -> None:
    story = Story(raw)
    story.ask("raw")
    for run_id in story.launched():
        story.run(run_id)
    assert fates(audit(story, "raw")) == [
        ("b-1-1", "materialized", (("2024-01-01", "2024-01-03"),)),
        ("b-2-1", "materialized", (("2024-01-04", "2024-01-06"),)),
    ]
    assert fates(audit(story, "raw", "[2024-01-02...2024-01-04]")) == [
        ("b-1-1", "materialized", (("2024-01-02", "2024-01-03"),)),
        ("b-2-1", "materialized", (("2024-01-04", "2024-01-04"),)),
    ]


def test_each_attempt_is_told_and_a_failure_says_what_went_wrong() -> None:
    story = Story(shaky)
    story.ask("shaky", partitions="2024-01-03")
    for failing in ([("shaky", "")], []):
        (run_id,) = story.launched()
        story.run(run_id, failing=failing)
    failed, filled = audit(story, "shaky")
    assert (failed.outcome, failed.attempt, failed.failure) == ("failed", 1, Failure("ValueError", "boom"))
    assert (filled.outcome, filled.attempt, filled.failure) == ("materialized", 2, None)


def test_what_a_failure_kept_a_run_from_is_not_reached() -> None:
    story = Story(raw, clean)
    story.ask("*", partitions="2024-01-01")
    (run_id,) = story.launched()
    story.run(run_id, failing=[("raw", "")])
    assert [each.outcome for each in audit(story, "raw")] == ["failed"]
    (told,) = audit(story, "clean")
    assert (told.outcome, told.failure) == ("not_reached", Failure("ValueError", "boom"))


@pytest.mark.parametrize(
    ("facts", "outcome", "failure"),
    [
        ([RunLost("its process is gone")], "lost", Failure("RunLost", "its process is gone")),
        (
            [RunTimedOut(5.0), RunFailed(6.0, Failure("TimedOut", "longer than 5 s"))],
            "timed_out",
            Failure("TimedOut", "longer than 5 s"),
        ),
        ([RunFailed(0.1, Failure("RunFailed", "exit"))], "failed", Failure("RunFailed", "exit")),
    ],
)
def test_what_a_run_left_when_it_ended_badly_shares_its_fate(
    facts: list[Fact], outcome: str, failure: Failure
) -> None:
    story = Story(raw)
    story.ask("raw", partitions="[2024-01-01...2024-01-03]")
    (run_id,) = story.launched()
    end(story, run_id, PartitionMaterialized("raw", keys("2024-01-02")), *facts)
    filled, left = audit(story, "raw")
    assert filled.outcome == "materialized"
    assert (left.outcome, left.failure, left.code_version) == (outcome, failure, "v2")
    assert left.partitions == keys("2024-01-01", "2024-01-03")
    assert audit(story, "raw", "2024-01-02") == [filled]


def test_who_canceled_it_and_why_is_told() -> None:
    story = Story(raw, report)
    story.ask("*")
    first, second, alone = sorted(
        story.launched(), key=lambda run: story.launch_of(run).assets == ("report",)
    )
    end(story, first, RunCancelRequested("hangs"), RunCanceled(1.0))
    story.tell(BackfillCancelRequested("wrong month"), backfill_id="b")
    end(story, second, RunCanceled(1.0))
    end(story, alone, RunCanceled(None))
    by_run, by_backfill = audit(story, "raw")
    assert (by_run.outcome, by_run.canceled) == ("canceled", Intervention(T0, "story", "hangs"))
    assert by_backfill.canceled == Intervention(T0, "story", "wrong month")
    (only,) = audit(story, "report")
    assert (only.outcome, only.partitions, only.policy) == ("canceled", None, None)


def test_keys_that_a_dynamic_set_had_once_are_found() -> None:
    story = Story(profiles)
    story.tell(DynamicPartitionsAdded("customers", ("zoe", "abe", "kim")))
    story.ask("profiles")
    for run_id in story.launched():
        story.run(run_id)
    story.tell(DynamicPartitionsRemoved("customers", ("abe",)))
    assert fates(audit(story, "profiles", "abe")) == [("b-2-1", "materialized", (("abe", "abe"),))]
    assert [each.run_id for each in audit(story, "profiles", "kim, abe")] == ["b-2-1", "b-3-1"]
    with pytest.raises(BackfilldError):
        audit(story, "profiles", "zora")
    with pytest.raises(BackfilldError, match="at most 20 patterns"):
        audit(story, "profiles", ", ".join(["*e"] * 21))


def test_what_other_code_filled_is_found_by_key_whatever_the_order_is_now() -> None:
    def regions(*names: str) -> object:
        @asset(partitions_def=StaticPartitionsDefinition(names), backfill_policy=BackfillPolicy.single_run())
        def region() -> None: ...

        return region

    story = Story(regions("a", "b", "c", "d"))
    story.ask("region")
    story.run(*story.launched())
    story.declare(regions("d", "c", "x"))
    assert fates(audit(story, "region", "[d...c]")) == [("b-1-1", "materialized", (("c", "d"),))]
    assert fates(audit(story, "region", "a, x")) == [("b-1-1", "materialized", (("a", "a"),))]
    assert fates(audit(story, "region", "[a...b]")) == [("b-1-1", "materialized", (("a", "b"),))]
    assert audit(story, "region", "x") == []
    story.declare(raw)
    assert is_known(story.world, "region")
    assert len(audit(story, "region", "b")) == 1
    assert not is_known(story.world, "regions")


def test_a_fact_without_its_launch_is_told_with_less() -> None:
    story = Story(raw)
    fact = PartitionMaterialized("raw", PartitionKeys((("2024-01-01", "2024-01-01"),), 1))
    story.tell(fact, backfill_id="elsewhere", run_id="elsewhere-1-1")
    story.tell(RunLaunched(1, 1, ("other",), None, "code", ""), backfill_id="b", run_id="b-1-1")
    (told,) = audit(story, "raw", "2024-01-05")
    assert (told.backfill_id, told.attempt, told.requested_by) == ("elsewhere", None, None)
