"""What is launched when: readiness, chunks, order and limits."""

from backfilld.assets import AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillResumed,
    PartitionKeys,
    RunCanceled,
)
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.single_run())
def clean() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(2))
def chunked() -> None: ...


@asset(deps=[clean])
def report() -> None: ...


def test_without_a_policy_every_partition_is_a_run_and_all_start_at_once() -> None:
    story = Story(raw)
    story.ask("raw")
    assert story.launched() == ["b-1-1", "b-2-1", "b-3-1", "b-4-1", "b-5-1"]
    assert story.launch_of("b-2-1").partitions == keys("2024-01-02")


def test_a_single_run_waits_for_all_it_needs_and_then_starts_with_its_whole_range() -> None:
    story = Story(raw, clean)
    story.ask("raw", "clean")
    runs = story.launched()
    for run in runs[:-1]:
        story.run(run)
        assert story.launched() == []
    story.run(runs[-1])
    assert story.launched() == ["b-6-1"]
    assert story.launch_of("b-6-1").partitions == keys("2024-01-01..2024-01-05")


def test_chunks_start_as_soon_as_their_own_partitions_are_there() -> None:
    story = Story(raw, chunked)
    story.ask("raw", "chunked")
    story.launched()
    story.run("b-3-1")
    assert story.launched() == []
    story.run("b-4-1")
    assert story.launched() == ["b-7-1"]
    assert story.launch_of("b-7-1").partitions == keys("2024-01-03..2024-01-04")


def test_a_gap_always_splits_a_single_run() -> None:
    story = Story(clean)
    story.ask("clean", partitions="2024-01-01, [2024-01-03...2024-01-05]")
    assert [story.launch_of(run).partitions for run in story.launched()] == [
        keys("2024-01-01"),
        keys("2024-01-03..2024-01-05"),
    ]


def test_an_unpartitioned_asset_runs_once_after_all_targeted_upstream_partitions() -> None:
    story = Story(raw, clean, report)
    story.ask("*")
    for run in story.launched():
        story.run(run)
    (clean_run,) = story.launched()
    story.run(clean_run)
    (report_run,) = story.launched()
    assert story.launch_of(report_run).partitions is None
    story.run(report_run)
    assert story.settle() == [BackfillCompleted("succeeded", {"raw": 5, "clean": 5, "report": 1})]


def test_untargeted_upstream_never_blocks() -> None:
    story = Story(raw, clean)
    story.ask("clean", partitions="2024-01-02")
    assert story.launched() == ["b-1-1"]


def test_a_self_dependent_asset_goes_one_at_a_time_in_order() -> None:
    @asset(
        partitions_def=DAYS,
        deps=[
            AssetDep("total", partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))
        ],
    )
    def total() -> None: ...

    story = Story(total)
    story.ask("total")
    seen = []
    while runs := story.launched():
        assert len(runs) == 1
        seen.append(story.launch_of(runs[0]).partitions)
        story.run(runs[0])
    assert seen == [keys(f"2024-01-0{day}") for day in range(1, 6)]
    assert story.backfill().status == "succeeded"


def test_neighbours_with_the_same_definition_and_policy_share_a_run() -> None:
    @asset(partitions_def=DAYS, deps=[raw])
    def beside() -> None: ...

    story = Story(raw, beside)
    story.ask("*")
    assert len(story.launched()) == 5
    assert story.launch_of("b-1-1").assets == ("raw", "beside")


def test_months_wait_for_their_own_days() -> None:
    days = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01")

    @asset(partitions_def=days)
    def daily() -> None: ...

    @asset(
        partitions_def=MonthlyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01"),
        deps=[daily],
    )
    def monthly() -> None: ...

    story = Story(daily, monthly)
    story.ask("*")
    runs = story.launched()
    for run in runs[31:]:
        story.run(run)
    (february,) = story.launched()
    assert story.launch_of(february).partitions == keys("2024-02-01")


def test_no_more_runs_than_slots_and_a_slot_freed_is_used() -> None:
    story = Story(raw, slots=2)
    story.ask("raw")
    assert story.launched() == ["b-1-1", "b-2-1"]
    story.run("b-1-1")
    assert story.launched() == ["b-3-1"]


def test_no_more_runs_of_a_backfill_than_it_asked_for() -> None:
    story = Story(raw)
    story.ask("raw", max_concurrent_runs=1)
    assert story.launched() == ["b-1-1"]


def test_newest_first() -> None:
    story = Story(raw, slots=1)
    story.ask("raw", order="newest_first")
    assert story.launched() == ["b-5-1"]


def test_random_order_covers_everything_and_replays() -> None:
    def order() -> list[str]:
        story = Story(raw, slots=1)
        story.ask("raw", order="random")
        seen = []
        while runs := story.launched():
            seen += runs
            story.run(runs[0])
        return seen

    assert sorted(order()) == [f"b-{number}-1" for number in range(1, 6)]
    assert order() == order()


def test_priority_goes_first_and_equals_share() -> None:
    story = Story(raw, clean, chunked, slots=2)
    story.ask("raw", named="low", priority=0)
    story.ask("chunked", named="high", priority=1)
    assert {run.split("-")[0] for run in story.launched()} == {"high"}
    fair = Story(raw, chunked, slots=2)
    fair.ask("raw", named="one")
    fair.ask("chunked", named="two")
    assert {run.split("-")[0] for run in fair.launched()} == {"one", "two"}


def test_two_backfills_never_run_one_partition_at_the_same_time() -> None:
    story = Story(raw)
    story.ask("raw", named="one", partitions="2024-01-01")
    story.ask("raw", named="two", partitions="[2024-01-01...2024-01-02]")
    assert story.launched() == ["one-1-1", "two-2-1"]
    story.run("one-1-1")
    assert story.launched() == ["two-1-1"]


def test_paused_launches_nothing_until_resumed() -> None:
    story = Story(raw)
    story.ask("raw")
    story.tell(BackfillPaused(), backfill_id="b")
    assert story.launched() == []
    assert story.backfill().status == "paused"
    story.tell(BackfillResumed(), backfill_id="b")
    assert len(story.launched()) == 5


def test_canceled_ends_when_its_last_run_has() -> None:
    story = Story(raw, slots=2)
    story.ask("raw")
    first, second = story.launched()
    story.run(first)
    story.tell(BackfillCancelRequested(), backfill_id="b")
    assert story.settle() == []
    story.tell(RunCanceled(), backfill_id="b", run_id=second)
    assert story.settle() == [
        BackfillCompleted("canceled", materialized={"raw": 1}, canceled={"raw": 4}),
    ]


def test_static_partitions_run_in_the_order_of_their_definition() -> None:
    @asset(partitions_def=StaticPartitionsDefinition(["c", "a", "b"]))
    def letters() -> None: ...

    story = Story(letters, slots=1)
    story.ask("letters")
    (run,) = story.launched()
    assert story.launch_of(run).partitions == PartitionKeys((("c", "c"),), 1)


def test_what_lies_in_a_hole_of_what_needs_it_is_waited_for() -> None:
    """The Monday of a definition without weekends needs the Friday, Saturday and Sunday before it."""
    work_days = DailyPartitionsDefinition(
        start_date="2024-01-01", end_date="2024-01-13", exclusions=["0 0 * * 0,6"]
    )
    days = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-13")
    before = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=days)
    def daily() -> None: ...

    @asset(partitions_def=work_days, deps=[AssetDep(daily, partition_mapping=before)])
    def weekday() -> None: ...

    story = Story(daily, weekday)
    story.ask("*")
    first_monday = "b-13-1"
    runs = story.launched()
    assert (len(runs), first_monday in runs) == (13, True)
    story.run("b-5-1")  # Friday
    assert story.launched() == []
    story.run("b-7-1")  # Sunday
    assert story.launched() == []
    story.run("b-6-1")  # Saturday
    (monday,) = story.launched()
    assert story.launch_of(monday).partitions == keys("2024-01-08")
