"""What of a backfill can be amended, what becomes of what is dropped, and what is refused."""

from datetime import timedelta

import pytest
from pyroaring import BitMap

from backfilld.assets import AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.amending import Amending, Amendment, amend
from daemon.planning.retrying import ask_retry
from daemon.refusal import Refused
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    Cause,
    Failure,
    PartitionSkipped,
    RunFailed,
    RunLaunched,
)
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
SINGLE = BackfillPolicy.single_run()


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(3))
def chunked() -> None: ...


@asset(deps=[chunked])
def report() -> None: ...


def asked(
    *, slots: int = 100, partitions: str | None = None, limit: int | None = None, priority: int = 0
) -> Story:
    story = Story(raw, chunked, report, slots=slots)
    story.ask("*", partitions=partitions, max_concurrent_runs=limit, priority=priority)
    return story


def amended(story: Story, **wanted: object) -> Amending:
    """What is changed, recorded where anything is."""
    amending = amend(story.world, "b", Amendment(**wanted))  # type: ignore[arg-type]  # as the test says
    assert isinstance(amending, Amending), amending
    if amending.fact is not None:
        story.tell(amending.fact, backfill_id="b")
    return amending


def refused(story: Story, **wanted: object) -> str:
    answer = amend(story.world, "b", Amendment(**wanted))  # type: ignore[arg-type]  # as the test says
    assert isinstance(answer, Refused), answer
    return answer.reason


def finish(story: Story) -> list[PartitionSkipped]:
    """Every run ends well, to the end of the backfill; what was skipped is returned."""
    before = len(story.told)
    story.settle()
    while "b" in story.world.known.active:
        for run_id in sorted(story.backfill().live):
            story.run(run_id)
        assert story.settle(), "the backfill goes on or ends"
    return [told.fact for told in story.told[before:] if isinstance(told.fact, PartitionSkipped)]


def launches_of(story: Story, *assets: str) -> list[RunLaunched]:
    """What was launched over any of the assets, by partitions."""
    launches = [told.fact for told in story.told if isinstance(told.fact, RunLaunched)]
    found = [launch for launch in launches if not assets or set(launch.assets) & set(assets)]
    return sorted(found, key=lambda launch: launch.partitions.ranges if launch.partitions else ())


def test_only_what_changes_is_in_the_fact() -> None:
    story = asked(priority=1)
    fact = amended(story, max_concurrent_runs=2, order="random", priority=1, reason="slow").fact
    assert fact == BackfillAmended("slow", max_concurrent_runs=2, order="random")
    backfill = story.backfill()
    assert (backfill.max_concurrent_runs, backfill.order, backfill.priority) == (2, "random", 1)
    assert len(story.launched()) == 2


def test_a_limit_is_lifted() -> None:
    story = asked(limit=1)
    assert len(story.launched()) == 1
    assert amended(story, max_concurrent_runs="none").fact == BackfillAmended(lifted=("max_concurrent_runs",))
    assert len(story.launched()) == 4
    assert amended(story, max_concurrent_runs="none").fact is None


def test_hours_are_set_and_lifted() -> None:
    story = asked(slots=1)
    hours = f"{story.now - timedelta(minutes=5):%H:%M}-{story.now:%H:%M}"
    assert amended(story, only_between=hours).fact == BackfillAmended(only_between=hours)
    assert story.launched() == []
    assert amended(story, only_between=hours).fact is None
    assert amended(story, only_between="none").fact == BackfillAmended(lifted=("only_between",))
    assert len(story.launched()) == 1
    assert amended(story, only_between="none").fact is None


def test_the_order_is_that_of_runs_from_now_on() -> None:
    story = asked(slots=1)
    story.run(*story.launched())
    amended(story, order="newest_first")
    assert story.launched() == ["b-5-1"]


def test_retries_are_those_of_runs_that_fail_from_now_on() -> None:
    @asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=1))
    def flaky() -> None: ...

    lost = RunFailed(1.0, Failure("ValueError", "boom"))
    story = Story(flaky)
    story.ask("flaky", partitions="2024-01-01")
    amended(story, retries_max=0)
    story.run(*story.launched(), lost=lost)
    assert [type(fact) for fact in story.settle()] == [BackfillCompleted]
    story = Story(flaky)
    story.ask("flaky", partitions="2024-01-01")
    amended(story, retries_max=2)
    for attempt in (1, 2, 3):
        (run_id,) = story.launched()
        assert run_id == f"b-1-{attempt}"
        story.run(run_id, lost=lost)
    assert story.launched() == []
    story = Story(flaky)
    story.ask("flaky", partitions="2024-01-01")
    amended(story, retries_max=0)
    assert amended(story, retries_max="none").fact == BackfillAmended(lifted=("retries_max",))
    story.run(*story.launched(), lost=lost)
    assert story.launched() == ["b-1-2"]


def test_what_is_dropped_is_not_launched_and_what_needs_it_is_skipped_with_who_and_why() -> None:
    story = asked()
    amended(story, drops=("raw=2024-01-02",), reason="no file")
    first, _ = finish(story)
    assert (first.asset, first.partitions) == ("chunked", keys("2024-01-02"))
    assert first.causes == (Cause("raw", keys("2024-01-02"), "dropped by story: no file"),)
    assert not any(launch.partitions == keys("2024-01-02") for launch in launches_of(story))
    # The chunk of three days that needed it is run without it, in two runs.
    assert [launch.partitions for launch in launches_of(story, "chunked")] == [
        keys("2024-01-01"),
        keys("2024-01-03"),
        keys("2024-01-04..2024-01-05"),
    ]
    assert story.told[-1].fact == BackfillCompleted(
        "canceled",
        {"raw": 4, "chunked": 4, "report": 0},
        skipped={"chunked": 1, "report": 1},
        canceled={"raw": 1},
    )


def test_part_of_a_chunk_that_is_dropped_does_not_wait_for_what_only_it_needs() -> None:
    story = Story(raw, chunked)
    story.ask("*")
    amended(story, drops=("chunked=2024-01-02",))
    for run_id in story.launched():
        if run_id != "b-2-1":
            story.run(run_id)
    assert sorted(story.launched()) == ["b-6-1", "b-6.2-1", "b-7-1"]
    assert finish(story) == []
    assert story.backfill().assets["chunked"].canceled == BitMap([1])


def test_a_chunk_that_is_ready_is_taken_apart() -> None:
    @asset(partitions_def=DAYS, backfill_policy=SINGLE)
    def whole() -> None: ...

    @asset(partitions_def=DAYS, deps=[whole], backfill_policy=SINGLE)
    def beside() -> None: ...

    @asset(partitions_def=DAYS, backfill_policy=SINGLE)
    def sibling() -> None: ...

    story = Story(whole, beside, sibling)
    story.ask("*")
    amended(story, drops=("whole=2024-01-02",))
    (skip,) = finish(story)
    assert (skip.asset, skip.partitions) == ("beside", keys("2024-01-02"))
    assert [(launch.assets, launch.partitions) for launch in launches_of(story)] == [
        (("sibling", "whole", "beside"), keys("2024-01-01")),
        (("sibling",), keys("2024-01-02")),
        (("sibling", "whole", "beside"), keys("2024-01-03..2024-01-05")),
    ]


def test_what_shares_a_run_does_not_wait_for_what_that_run_fills_itself() -> None:
    day_before = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=DAYS, backfill_policy=SINGLE)
    def level() -> None: ...

    @asset(partitions_def=DAYS, deps=[AssetDep(level, partition_mapping=day_before)], backfill_policy=SINGLE)
    def change() -> None: ...

    story = Story(level, change)
    story.ask("*")
    amended(story, drops=("change=2024-01-02",))
    assert finish(story) == []
    end = story.told[-1].fact
    assert isinstance(end, BackfillCompleted)
    assert (end.materialized, end.canceled) == ({"level": 5, "change": 4}, {"change": 1})


def test_what_is_under_way_stays_and_is_told() -> None:
    story = asked(slots=2)
    first, second = story.launched()
    story.run(first)
    story.now = story.now.replace(hour=1)
    amending = amended(story, drops=("raw=[2024-01-01...2024-01-03]",))
    assert amending.fact == BackfillAmended(dropped={"raw": keys("2024-01-03")})
    assert (amending.under_way, amending.runs_under_way) == ({"raw": keys("2024-01-02")}, (second,))
    assert amending.settled == {"raw": keys("2024-01-01")}
    again = amended(story, drops=("raw=[2024-01-01...2024-01-03]",))
    assert (again.fact, again.settled) == (None, {"raw": keys("2024-01-01", "2024-01-03")})


def test_what_waits_for_another_attempt_can_be_dropped() -> None:
    @asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=3, delay=60), backfill_policy=SINGLE)
    def flaky() -> None: ...

    story = Story(flaky)
    story.ask("flaky")
    (run_id,) = story.launched()
    story.run(run_id, lost=RunFailed(1.0, Failure("ValueError", "boom")))
    amended(story, drops=("flaky=2024-01-03, 2024-01-05",))
    story.later(60)
    assert story.launched() == ["b-1-2", "b-1.3-2"]
    assert story.launch_of("b-1.3-2").partitions == keys("2024-01-04")


def test_a_backfill_of_which_everything_left_is_dropped_ends() -> None:
    story = asked(slots=1)
    (run_id,) = story.launched()
    story.tell(BackfillPaused(), backfill_id="b")
    amended(story, drops=("raw", "chunked", "report"))
    assert story.settle() == []
    story.run(run_id)
    assert story.settle() == [
        BackfillCompleted(
            "canceled",
            {"raw": 1, "chunked": 0, "report": 0},
            canceled={"raw": 4, "chunked": 5, "report": 1},
        )
    ]


def test_what_needs_its_own_past_is_skipped_from_what_is_dropped_on() -> None:
    past = AssetDep("running", partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))

    @asset(partitions_def=DAYS, deps=[past])
    def running() -> None: ...

    story = Story(running)
    story.ask("running")
    amended(story, drops=("running=2024-01-03",))
    skips = finish(story)
    assert [skip.partitions for skip in skips] == [keys("2024-01-04"), keys("2024-01-05")]
    assert skips[-1].causes[-1].reason == "dropped by story"
    end = story.told[-1].fact
    assert isinstance(end, BackfillCompleted)
    assert (end.outcome, end.materialized) == ("canceled", {"running": 2})


def test_a_retry_fills_what_was_dropped() -> None:
    story = asked()
    amended(story, drops=("raw=2024-01-02",))
    finish(story)
    ask = ask_retry(story.world, story.backfill(), None, story.now)
    assert not isinstance(ask, Refused)
    plan = story.plan(*ask.selection, choice=ask.choice)
    assert not isinstance(plan, Refused)
    assert plan.targets == {"raw": keys("2024-01-02"), "chunked": keys("2024-01-02"), "report": None}


@pytest.mark.parametrize(
    ("drop", "reason"),
    [
        ("rw=2024-01-02", "backfill b fills nothing of 'rw'; did you mean raw?"),
        ("zebra", "backfill b fills nothing of 'zebra'; it fills raw, chunked, report"),
        (
            "report=2024-01-02",
            "report has no partitions, so '2024-01-02' names none; drop it whole: --drop report",
        ),
        ("raw=2024-01-09", "found '2024-01-09'"),
        ("raw=2024-02-*", "'2024-02-*'"),
        (
            "raw=[2024-01-03...]",
            "backfill b does not fill [2024-01-04...2024-01-05] of raw; of what it fills",
        ),
    ],
)
def test_what_is_no_part_of_it_cannot_be_dropped(drop: str, reason: str) -> None:
    story = asked(partitions="[2024-01-01...2024-01-03]")
    assert reason in refused(story, drops=(drop,), priority=3)


def test_what_has_ended_or_is_being_canceled_cannot_be_amended() -> None:
    story = asked()
    story.tell(BackfillCancelRequested(), backfill_id="b")
    assert refused(story, priority=3) == (
        "backfill b is being canceled; there is nothing left of it to amend"
    )
    story.settle()
    assert refused(story, priority=3).startswith("backfill b has ended (canceled) and cannot be amended; ")


def test_a_fact_that_names_more_than_can_be_dropped_drops_the_rest() -> None:
    """Facts are folded whoever wrote them: what is under way or no part of it is left alone."""
    story = asked(slots=1, partitions="[2024-01-01...2024-01-03]")
    story.launched()
    dropped = {"raw": keys("2024-01-01..2024-01-05"), "nothing": None, "report": keys("2024-01-01")}
    story.tell(BackfillAmended(dropped=dropped), backfill_id="b")
    assert story.backfill().assets["raw"].canceled == BitMap([1, 2])
    assert not story.backfill().assets["report"].canceled
