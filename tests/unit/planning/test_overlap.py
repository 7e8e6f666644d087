"""What a plan says of backfills under way that want the same."""

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import PlannedBackfill
from events.facts import BackfillPaused
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(deps=[raw])
def report() -> None: ...


def warnings(story: Story, partitions: str) -> tuple[str, ...]:
    plan = story.plan("raw", "report", partitions=partitions)
    assert isinstance(plan, PlannedBackfill)
    return tuple(text for text in with_overlaps(story.world, plan).warnings if text.startswith("backfill"))


def test_partitions_that_another_backfill_has_still_to_fill_are_told() -> None:
    story = Story(raw, report)
    story.ask("raw", partitions="[2024-01-03...2024-01-06]", named="first")
    (told,) = warnings(story, "[2024-01-01...2024-01-05]")
    assert told == (
        "backfill first has still to fill 3 partitions of raw, from 2024-01-03 to 2024-01-05; no partition "
        "is filled by two runs at once, so the later one waits for the other"
    )
    for run in story.launched()[:2]:
        story.run(run)
    (one,) = warnings(story, "[2024-01-01...2024-01-05]")
    assert "still to fill 2024-01-05 of raw;" in one
    assert warnings(story, "2024-01-01") == ()


def test_an_asset_without_partitions_is_named_alone_and_a_paused_backfill_is_none_of_it() -> None:
    story = Story(raw, report)
    story.ask("report", named="first")
    (one,) = warnings(story, "2024-01-01")
    assert one.startswith("backfill first has still to fill report;")
    story.tell(BackfillPaused(), backfill_id="first")
    assert warnings(story, "2024-01-01") == ()
