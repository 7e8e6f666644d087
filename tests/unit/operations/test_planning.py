"""What a plan goes by while it is made beside a world that moves on."""

from backfilld import StaticPartitionsDefinition, asset
from daemon.operations.planning import planned, planned_alone, statuses_kept
from daemon.planning.planned import Ask
from tests.story import Story

LETTERS = StaticPartitionsDefinition(["a", "b", "c"])


@asset(partitions_def=LETTERS)
def source() -> None: ...


@asset(partitions_def=LETTERS, deps=[source])
def needed() -> None: ...


@asset(partitions_def=LETTERS, deps=[needed])
def wanted() -> None: ...


@asset(partitions_def=LETTERS)
def other() -> None: ...


def test_it_goes_by_what_was_known_when_it_was_asked_for() -> None:
    story = Story(source, needed, wanted, other)
    story.ask("source", "needed", "wanted")
    first, second, *_ = story.launched()
    story.run(first)
    ask = Ask(("wanted",), "missing", with_upstream=True)
    kept = statuses_kept(story.world, ask.selection, story.now)
    assert set(kept) == {"source", "needed", "wanted"}
    before = planned(story.world, ask, story.now)
    story.run(second)
    assert planned_alone(story.world.catalog, kept, ask, story.now).digest == before.digest
    assert planned(story.world, ask, story.now).digest != before.digest


def test_what_is_not_there_is_left_to_the_plan_to_refuse() -> None:
    story = Story(source)
    assert statuses_kept(story.world, ("nothing",), story.now) == {}
