"""What is different between two worlds."""

from datetime import timedelta

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, DynamicPartitionsDefinition
from backfilld.ranges import Ranges
from events.facts import (
    BackfillAmended,
    BackfillPaused,
    DefinitionsFailed,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Failure,
    LeaderElected,
    PoolConfigured,
)
from projections.difference import (
    Between,
    Limits,
    backfill_changes,
    code_changes,
    fates_within,
    keys_changes,
    new_leader,
    partitions_changes,
    pool_changes,
)
from projections.world import World, evolve
from tests.story import T0, Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw])
def clean() -> None: ...


@asset(partitions_def=DynamicPartitionsDefinition(name="customers"))
def letters() -> None: ...


@asset
def report() -> None: ...


def world_of(story: Story, position: int) -> World:
    world = World()
    for recorded in story.told[:position]:
        evolve(world, recorded)
    return world


def between(story: Story, first: int, *, later: timedelta = timedelta()) -> Between:
    """From a position to the end of a story."""
    return Between(world_of(story, first), T0, world_of(story, len(story.told)), story.now + later)


def a_story() -> tuple[Story, int]:
    """A backfill of which one run failed; and the position in the middle of it, after its second run."""
    story = Story(raw, clean, letters, report, slots=1)
    story.ask("raw*")
    middle = 0
    while runs := story.launched():
        for run in runs:
            story.run(run, failing=[("clean", "")] if run == "b-3-1" else [])
            middle = len(story.told) if run == "b-2-1" else middle
    return story, middle


def test_partitions_by_the_status_that_they_got() -> None:
    story, middle = a_story()
    changes = {change.asset: change for change in partitions_changes(between(story, middle))}
    assert set(changes) == {"raw", "clean"}
    assert changes["raw"].became == {"materialized": Ranges.span(2, 5)}
    assert changes["clean"].became == {
        "materialized": Ranges.span(3, 5),
        "failed": Ranges.single(2),
    }
    assert partitions_changes(between(story, len(story.told))) == []


def test_an_asset_that_is_no_more_has_lost_its_partitions() -> None:
    story = Story(raw, letters, report)
    first = len(story.told)
    story.declare(letters)
    moved = between(story, first)
    changes = {change.asset: change for change in partitions_changes(moved)}
    assert {asset: (change.became, change.gone) for asset, change in changes.items()} == {
        "raw": ({}, 5),
        "report": ({}, 1),
    }
    assert partitions_changes(moved, "raw") == [changes["raw"]]


def test_a_backfill_by_what_came_of_it() -> None:
    story, middle = a_story()
    (change,) = backfill_changes(between(story, middle))
    assert (change.status_before, change.status) == ("running", "failed")
    assert (change.runs_launched, change.runs_ended) == (3, 3)
    assert change.partitions == {"raw": {"materialized": 3}, "clean": {"materialized": 2, "failed": 1}}
    (whole,) = backfill_changes(between(story, 1))
    assert (whole.status_before, whole.runs_launched) == (None, 5)
    fates = {change.asset: change.became for change in fates_within(between(story, middle), "b")}
    assert fates["clean"] == {"materialized": Ranges.span(3, 5), "failed": Ranges.single(2)}
    assert fates_within(between(story, middle), "other") == []


def test_a_backfill_that_was_filled_again_changes_no_status_and_is_told() -> None:
    story, _ = a_story()
    end = len(story.told)
    story.ask("raw", named="c")
    while runs := story.launched():
        for run in runs:
            story.run(run)
    assert partitions_changes(between(story, end)) == []
    (change,) = backfill_changes(between(story, end))
    assert change.partitions == {"raw": {"materialized": 5}}


def test_what_was_amended_and_paused() -> None:
    story = Story(raw, clean, slots=1)
    story.ask("raw")
    first = len(story.told)
    story.tell(BackfillAmended(max_concurrent_runs=4, priority=2), backfill_id="b")
    story.tell(BackfillPaused("lunch"), backfill_id="b")
    (change,) = backfill_changes(between(story, first))
    assert (change.status_before, change.status) == ("running", "paused")
    assert change.amended == {"max_concurrent_runs": (None, 4), "priority": (0, 2)}


def test_a_backfill_of_which_nothing_is_recorded_has_not_changed() -> None:
    story = Story(raw, slots=1)
    story.ask("raw")
    first = len(story.told)
    story.tell(PoolConfigured("warehouse", slots=3))
    assert backfill_changes(between(story, first)) == []
    (change,) = pool_changes(between(story, first))
    assert (change.pool, change.before, change.after) == ("warehouse", Limits(), Limits(slots=3))


def test_keys_that_came_and_went() -> None:
    story = Story(letters)
    story.tell(DynamicPartitionsAdded("customers", ("abe", "bea")))
    first = len(story.told)
    story.tell(DynamicPartitionsAdded("customers", ("cay",)))
    story.tell(DynamicPartitionsRemoved("customers", ("abe",)))
    (keys,) = keys_changes(between(story, first))
    assert (keys.name, keys.added, keys.removed) == ("customers", ("cay",), ("abe",))
    (change,) = partitions_changes(between(story, first))
    # Of bea and cay, the second is new; that it is missing is no change.
    assert (change.became, change.appeared, change.gone) == ({}, Ranges.single(1), 1)


def test_windows_that_have_ended_since_are_new() -> None:
    @asset(partitions_def=DailyPartitionsDefinition(start_date="2024-05-30"))
    def daily() -> None: ...

    story = Story(daily)
    (change,) = partitions_changes(between(story, 1, later=timedelta(days=3)))
    assert (change.became, change.appeared) == ({}, Ranges.span(2, 5))


def test_code_and_its_partitions() -> None:
    story = Story(raw)
    first = len(story.told)
    story.declare(raw, clean)
    story.tell(DefinitionsFailed("code", Failure("ImportError", "no module")))
    (change,) = code_changes(between(story, first))
    assert change.digest_before != change.digest
    assert change.not_loaded_before is None
    assert change.not_loaded is not None
    assert partitions_changes(between(story, first)) == []


def test_the_leader() -> None:
    story = Story(raw)
    first = len(story.told)
    assert new_leader(between(story, first)) is None
    elected = LeaderElected("d1", "host", 7, "1.0")
    story.tell(elected)
    assert new_leader(between(story, first)) == elected
    assert new_leader(between(story, len(story.told))) is None


def test_an_unpartitioned_asset_has_one() -> None:
    story = Story(report)
    story.ask("report")
    first = len(story.told)
    for run in story.launched():
        story.run(run)
    (change,) = partitions_changes(between(story, first))
    assert change.became == {"materialized": Ranges.single(0)}
