"""Two daemons on one log: one leads, the other stands by and takes over, whatever becomes of the first."""

import signal
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from events.facts import LeaderElected
from tests.acceptance.yard import Up, Yard, new_yard

TAKEN_OVER_WITHIN_S = 5.0


@pytest.fixture
async def yard(tmp_path: Path, migrated_url: str) -> AsyncIterator[Yard]:
    async with new_yard(tmp_path, migrated_url) as yard:
        yield yard


def assert_stands_by(standby: Up, leader: Up) -> None:
    said = standby.line()
    assert (said["ready"], said["pid"], said["leader_pid"]) == (False, standby.pid, leader.pid)


def pair(yard: Yard, daemons: ExitStack, home: str, *options: str) -> tuple[Up, Up]:
    """A leader, and a standby with that home and those options."""
    leader = daemons.enter_context(yard.up())
    assert leader.line()["ready"]
    standby = daemons.enter_context(yard.up(home, *options))
    assert_stands_by(standby, leader)
    return leader, standby


async def taken_over(yard: Yard, count: int, began_at: float) -> float:
    """The seconds from a moment until a leader was elected that makes it so many."""
    await yard.until_recorded(LeaderElected, count)
    return time.monotonic() - began_at


@pytest.mark.parametrize("home", ["home", "another"])
async def test_a_standby_takes_over_from_a_killed_leader_with_the_runs_under_way(
    yard: Yard, home: str
) -> None:
    with ExitStack() as daemons:
        leader, standby = pair(yard, daemons, home)
        yard.call("launch", "*", "--all")
        await yard.until_executed(8)
        killed_at = time.monotonic()
        leader.signal(signal.SIGKILL)
        assert await taken_over(yard, 2, killed_at) < TAKEN_OVER_WITHIN_S
        said = standby.line()
        assert (said["ready"], said["home"]) == (True, str(yard.folder / "home"))
        yard.let_go()
        await yard.assert_filled_once()
        standby.signal(signal.SIGTERM)
        assert standby.ended() == 0
    assert [each.pid for each in await yard.leaders()] == [leader.pid, standby.pid]


async def test_a_leader_that_was_stopped_cannot_decide_when_it_wakes_up(yard: Yard) -> None:
    """It would launch eight at a time where its successor launches one: whatever it decides is seen."""
    with ExitStack() as daemons:
        leader, standby = pair(yard, daemons, "home", "--max-concurrent", "1")
        yard.call("launch", "*", "--all")
        await yard.until_executed(8)
        stopped_at = time.monotonic()
        leader.signal(signal.SIGSTOP)
        assert await taken_over(yard, 2, stopped_at) < TAKEN_OVER_WITHIN_S
        assert standby.line()["ready"]
        for day in range(1, 9):
            yard.let_go(day)
        head = (await yard.until_started("raw 2024-01-09")).position
        leader.signal(signal.SIGCONT)
        assert_stands_by(leader, standby)
        assert await yard.log.head() == head
        yard.let_go()
        await yard.assert_filled_once()
        standby.signal(signal.SIGTERM)
        assert standby.ended() == 0
        assert leader.line()["ready"]
        leader.signal(signal.SIGTERM)
        assert leader.ended() == 0
    assert [each.pid for each in await yard.leaders()] == [leader.pid, standby.pid, leader.pid]
