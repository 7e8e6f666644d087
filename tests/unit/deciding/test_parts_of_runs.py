"""What is left of a run whose assets need each other across partitions: all of it that can be filled, is."""

from backfilld.assets import AssetDep, asset
from backfilld.mappings import LastPartitionMapping, TimeWindowPartitionMapping
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from events.facts import BackfillCompleted, PartitionMaterialized, RunLost
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
AT_ONCE = BackfillPolicy.single_run()
THE_NEXT = TimeWindowPartitionMapping(start_offset=1, end_offset=1)
THE_ONE_BEFORE_TOO = TimeWindowPartitionMapping(start_offset=-1)


def test_parts_of_a_lost_run_that_wait_for_each_other_are_tried_again_an_asset_at_a_time() -> None:
    @asset(partitions_def=DAYS, backfill_policy=AT_ONCE, retry_policy=RetryPolicy(max_retries=1))
    def raw() -> None: ...

    @asset(
        partitions_def=DAYS,
        backfill_policy=AT_ONCE,
        deps=[AssetDep(raw, partition_mapping=LastPartitionMapping())],
    )
    def clean() -> None: ...

    @asset(
        partitions_def=DAYS,
        backfill_policy=AT_ONCE,
        deps=[AssetDep(clean, partition_mapping=THE_ONE_BEFORE_TOO)],
    )
    def report() -> None: ...

    story = Story(raw, clean, report)
    story.ask("*")
    assert story.launched() == ["b-1-1"]
    assert story.launch_of("b-1-1").assets == ("raw", "clean", "report")
    story.tell(PartitionMaterialized("raw", keys("2024-01-01")), backfill_id="b", run_id="b-1-1")
    story.tell(RunLost("gone"), backfill_id="b", run_id="b-1-1")
    # The first day of clean needs the last of raw, and the second of report the first of clean.
    assert story.launched() == ["b-1.1-2"]
    assert story.launch_of("b-1.1-2").assets == ("raw",)
    story.run("b-1.1-2")
    assert story.launched() == ["b-1.1.1-2", "b-1.0.1-2"]
    story.run("b-1.1.1-2")
    assert story.launched() == []
    story.run("b-1.0.1-2")
    assert story.launched() == ["b-1.1.2-2", "b-1.0.2-2"]
    story.run("b-1.1.2-2")
    story.run("b-1.0.2-2")
    story.settle()
    assert story.told[-1].fact == BackfillCompleted("succeeded", {"raw": 5, "clean": 5, "report": 5})


def test_a_run_does_not_wait_for_what_it_fills_itself_where_part_of_it_is_skipped() -> None:
    @asset(partitions_def=DAYS)
    def raw() -> None: ...

    @asset(partitions_def=DAYS, backfill_policy=AT_ONCE, deps=[raw])
    def clean() -> None: ...

    @asset(
        partitions_def=DAYS,
        backfill_policy=AT_ONCE,
        deps=[AssetDep(clean, partition_mapping=THE_NEXT)],
    )
    def report() -> None: ...

    story = Story(raw, clean, report)
    story.ask("*")
    runs = story.launched()
    story.run(runs.pop(2), failing=[("raw", "")])
    assert story.launched() == []
    while runs:
        for run_id in runs:
            story.run(run_id)
        runs = story.launched()
    counts = ({"raw": 4, "clean": 4, "report": 4}, {"raw": 1}, {"clean": 1, "report": 1})
    assert story.told[-1].fact == BackfillCompleted("failed", *counts)


def test_an_asset_that_needs_the_last_partition_only_outlives_the_failure_of_another() -> None:
    @asset(partitions_def=DAYS)
    def raw() -> None: ...

    @asset(deps=[AssetDep(raw, partition_mapping=LastPartitionMapping())])
    def newest() -> None: ...

    story = Story(raw, newest)
    story.ask("*")
    runs = story.launched()
    story.run(runs[0], failing=[("raw", "")])
    for run_id in runs[1:]:
        story.run(run_id)
    assert story.launched() == ["b-6-1"]
    story.run("b-6-1")
    story.settle()
    assert story.told[-1].fact == BackfillCompleted("failed", {"raw": 4, "newest": 1}, {"raw": 1})
