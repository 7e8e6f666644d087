"""An audit that goes on somewhere in the log needs the facts since the first run that is under way there."""

from datetime import timedelta

from backfilld import BackfillPolicy, DailyPartitionsDefinition, asset
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionMaterialized,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLost,
    RunSucceeded,
    RunTimedOut,
)
from projections.audit.asked import asked_of
from projections.audit.attempts import Attempt, Attempts
from tests.story import Story, keys


@asset(
    partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-09"),
    backfill_policy=BackfillPolicy.multi_run(2),
)
def raw() -> None: ...


def a_story() -> Story:
    """Four runs that are under way at the same time, and come to four ends that are told in turns."""
    story = Story(raw)
    story.ask("raw", reason="late")
    filled, broken, ended, lost = story.launched()
    failure = Failure("ValueError", "boom")
    for run_id, fact in (
        (filled, PartitionMaterialized("raw", keys("2024-01-01"))),
        (broken, PartitionFailed("raw", keys("2024-01-03"), failure)),
        (ended, RunCancelRequested("enough")),
        (filled, PartitionMaterialized("raw", keys("2024-01-02"))),
        (broken, RunTimedOut(1.0)),
        (filled, RunSucceeded(1.0)),
        (ended, RunCanceled()),
        (broken, RunFailed(2.0, failure)),
        (lost, RunLost("gone")),
    ):
        story.later(1)
        story.tell(fact, backfill_id="b", run_id=run_id)
    return story


def told(story: Story, *, begin: int, after: int) -> list[Attempt]:
    """What is told behind a position by one who hears the facts from a beginning on."""
    attempts = Attempts(story.world, asked_of(story.world, "raw", None, story.now))
    facts = (recorded for recorded in story.told if recorded.position >= begin)
    return [attempt for recorded in facts for attempt in attempts.told(recorded) if recorded.position > after]


def test_it_tells_the_same_wherever_it_goes_on() -> None:
    story = a_story()
    whole = told(story, begin=1, after=0)
    assert [each.outcome for each in whole] == [
        *("materialized", "failed", "materialized", "canceled", "timed_out", "lost"),
    ]
    attempts = Attempts(story.world, asked_of(story.world, "raw", None, story.now))
    begins = set[int]()
    for recorded in story.told:
        list(attempts.told(recorded))
        here = recorded.position
        begin = attempts.open_since or here + 1
        begins.add(begin)
        assert told(story, begin=begin, after=here) == [each for each in whole if each.position > here]
    assert attempts.open_since is None
    assert len(begins) > 4
    # With any less than that, something is told otherwise.
    last = whole[-1].position - 1
    launch = next(each.position for each in story.told if each.run_id == whole[-1].run_id)
    assert told(story, begin=launch + 1, after=last) != whole[-1:]
    assert whole[-1].at - whole[0].at == timedelta(seconds=8)
