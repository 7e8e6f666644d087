"""What may be asked of a backfill when: facts, nothing where it is so already, or a refusal."""

from collections.abc import Callable, Sequence

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from daemon.commands import cancel, pause, resume
from daemon.refusal import Refused
from events.facts import (
    BackfillCancelRequested,
    BackfillPaused,
    BackfillResumed,
    Fact,
)
from projections.backfill.state import Intervention
from projections.world import World
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-04")

Command = Callable[[World, str, str | None], Sequence[Fact] | Refused]


@asset(partitions_def=DAYS)
def raw() -> None: ...


def asked() -> Story:
    story = Story(raw)
    story.ask("raw")
    return story


def canceling() -> Story:
    story = asked()
    story.launched()
    story.tell(BackfillCancelRequested("wrong month"), backfill_id="b")
    return story


def ended() -> Story:
    story = asked()
    for run_id in story.launched():
        story.run(run_id)
    story.settle()
    return story


def test_each_is_a_fact_with_its_reason() -> None:
    story = asked()
    assert pause(story.world, "b", "lunch") == (BackfillPaused("lunch"),)
    story.tell(BackfillPaused("lunch"), backfill_id="b")
    assert resume(story.world, "b", "fed") == (BackfillResumed("fed"),)
    assert cancel(story.world, "b", "wrong month") == (BackfillCancelRequested("wrong month"),)


def test_what_is_so_already_is_harmless() -> None:
    story = asked()
    assert resume(story.world, "b", None) == ()
    story.tell(BackfillPaused(), backfill_id="b")
    assert pause(story.world, "b", None) == ()
    assert cancel(canceling().world, "b", None) == ()
    assert cancel(ended().world, "b", None) == ()


@pytest.mark.parametrize(
    ("command", "story", "reason"),
    [
        (pause, ended, "backfill b has ended (succeeded); there is nothing to pause"),
        (
            pause,
            canceling,
            "backfill b is being canceled and launches nothing more; there is nothing to pause",
        ),
        (resume, ended, "backfill b has ended (succeeded); `backfilld launch` starts another"),
        (
            resume,
            canceling,
            "backfill b is being canceled; once it has ended, `backfilld retry b` fills the rest",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(command: Command, story: Callable[[], Story], reason: str) -> None:
    assert command(story().world, "b", None) == Refused(reason)


@pytest.mark.parametrize("command", [cancel, pause, resume])
def test_a_backfill_that_is_not_there_has_near_ones(command: Command) -> None:
    story = Story(raw)
    story.ask("raw", named="k3v9x2ab")
    refused = command(story.world, "k3v9x2ac", None)
    assert refused == Refused("there is no backfill 'k3v9x2ac'; did you mean k3v9x2ab?", near=("k3v9x2ab",))


def test_the_state_knows_who_intervened_when_and_why() -> None:
    story = asked()
    story.tell(BackfillPaused("lunch"), backfill_id="b")
    first = Intervention(story.now, "story", "lunch")
    story.later(60)
    story.tell(BackfillPaused("again"), backfill_id="b")
    assert story.backfill().paused == first
    assert (story.backfill().status, story.launched()) == ("paused", [])
    story.tell(BackfillResumed(), backfill_id="b")
    assert story.backfill().paused is None
    story.tell(BackfillCancelRequested("wrong month"), backfill_id="b")
    story.settle()
    assert story.backfill().status == "canceled"
    assert story.backfill().cancel_requested == Intervention(story.now, "story", "wrong month")
    assert [each.told for each in (first, Intervention(story.now, "ada"))] == ["by story: lunch", "by ada"]
