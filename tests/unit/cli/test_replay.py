"""A replay on a clock of its own."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO

import anyio
import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from daemon.cli.output import Format, Output
from daemon.cli.replay import Pace, Steps, play
from daemon.cli.replay_shown import Played, end_of_replay_text, show_on
from daemon.clock import ManualClock
from events.facts import BackfillPaused
from projections.world import World, evolve
from tests.story import T0, Story


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-03"))
def raw() -> None: ...


def a_story() -> Story:
    """A request at once, a launch a minute later, its failure after another one."""
    story = Story(raw, slots=1)
    story.ask("raw")
    story.later(60)
    (run,) = story.launched()
    story.later(60)
    story.run(run, failing=[("raw", "")])
    return story


async def frames_of(story: Story) -> AsyncIterator[Played]:
    world = World()
    for recorded in story.told:
        evolve(world, recorded)
        backfill = world.backfill("b")
        if backfill is not None:
            yield Played(recorded, backfill)


async def test_facts_come_as_far_apart_as_they_did_so_many_times_as_fast() -> None:
    clock = ManualClock(T0 + timedelta(days=400))
    shown: list[tuple[float, str]] = []
    began = clock.now()

    def show(frame: Played) -> None:
        shown.append(((clock.now() - began).total_seconds(), type(frame.recorded.fact).__name__))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(play, frames_of(a_story()), show, Pace(clock, 30.0).wait)
        for _ in range(8):
            await anyio.wait_all_tasks_blocked()
            clock.advance(timedelta(seconds=0.5))
    assert shown == [
        (0.0, "BackfillRequested"),
        (2.0, "RunLaunched"),
        (4.0, "RunStarted"),
        (4.0, "PartitionFailed"),
        (4.0, "RunFailed"),
    ]


async def test_a_fact_of_an_earlier_time_is_not_waited_for() -> None:
    story = a_story()
    story.later(-90)
    story.tell(BackfillPaused(), backfill_id="b")
    clock = ManualClock(T0)
    shown: list[str] = []

    def show(frame: Played) -> None:
        shown.append(type(frame.recorded.fact).__name__)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(play, frames_of(story), show, Pace(clock, 1.0).wait)
        await anyio.wait_all_tasks_blocked()
        clock.advance(timedelta(seconds=120))
    assert shown[-1] == "BackfillPaused"


async def test_steps_wait_for_enter_and_end_with_the_input() -> None:
    shown: list[str] = []

    def show(frame: Played) -> None:
        shown.append(type(frame.recorded.fact).__name__)

    last = await play(frames_of(a_story()), show, Steps(StringIO("\n\n")).wait)
    assert shown == ["BackfillRequested", "RunLaunched", "RunStarted"]
    assert last is not None
    assert type(last.recorded.fact).__name__ == "RunStarted"


class Terminal(StringIO):
    """What takes colours and moves of the cursor."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_failure_is_told_with_and_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    out = Terminal() if terminal else StringIO()
    output = Output(Format.TEXT, out=out, err=StringIO())
    clock = ManualClock(T0)
    with show_on(output, clock, every_fact=False) as show:
        last = await play(frames_of(a_story()), show, Steps(StringIO("\n" * 9)).wait)
    assert last is not None
    assert "ValueError: boom" in out.getvalue()
    assert ("━" in out.getvalue()) == terminal
    assert end_of_replay_text(last).startswith("Backfill b was running at position 6, the last one shown:")
