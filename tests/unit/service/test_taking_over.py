"""Where a new leader works: with the runs under way, if it can."""

from pathlib import Path

import pytest

from backfilld.assets import asset
from daemon.service.errors import RunsElsewhereError
from daemon.service.home_lock import named_home
from daemon.service.taking_over import given_up, home_to_serve
from events.facts import LeaderElected, RunLost
from tests.story import T0, Story


@asset
def table() -> None: ...


def led_from(home: Path | None, host: str = "kitchen") -> LeaderElected:
    home_id = None if home is None else named_home(home)
    return LeaderElected("first", host, 7, "0", home=None if home is None else str(home), home_id=home_id)


def with_a_run_under_way(leader: LeaderElected) -> Story:
    story = Story(table)
    story.tell(leader)
    story.ask("table")
    assert story.launched() == ["b-1-1"]
    return story


def test_it_is_its_own_home_where_no_run_is_under_way(tmp_path: Path) -> None:
    story = Story(table)
    for leader in (None, led_from(tmp_path / "first")):
        if leader is not None:
            story.tell(leader)
        own = tmp_path / "own"
        assert home_to_serve(story.world, own, gives_up=False) == own
        assert given_up(story.world, led_from(own), at=T0, allowed=False) == []


@pytest.mark.parametrize("host", ["kitchen", "cellar"])
def test_it_is_the_home_with_the_runs_on_whichever_machine_that_was(tmp_path: Path, host: str) -> None:
    first = tmp_path / "first"
    story = with_a_run_under_way(led_from(first, host))
    for own in (tmp_path / "own", first):
        assert home_to_serve(story.world, own, gives_up=False) == first
    assert given_up(story.world, led_from(first), at=T0, allowed=False) == []


def test_it_is_its_own_home_under_another_path(tmp_path: Path) -> None:
    first, moved = tmp_path / "first", tmp_path / "moved"
    story = with_a_run_under_way(led_from(first))
    first.rename(moved)
    assert home_to_serve(story.world, moved, gives_up=False) == moved


def test_a_home_that_is_gone_or_was_made_anew_is_out_of_reach(tmp_path: Path) -> None:
    first, own = tmp_path / "first", tmp_path / "own"
    story = with_a_run_under_way(led_from(first))
    first.rename(tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(RunsElsewhereError, match=f"1 run is under way in the home {first} on kitchen"):
            home_to_serve(story.world, own, gives_up=False)
        assert home_to_serve(story.world, own, gives_up=True) == own
        named_home(first)


def test_runs_that_are_given_up_are_lost_and_those_at_hand_are_not(tmp_path: Path) -> None:
    first, own = tmp_path / "first", tmp_path / "own"
    story = with_a_run_under_way(led_from(first))
    with pytest.raises(RunsElsewhereError):
        given_up(story.world, led_from(own), at=T0, allowed=False)
    (lost,) = given_up(story.world, led_from(own), at=T0, allowed=True)
    assert lost.run_id == "b-1-1"
    assert lost.fact == RunLost(f"it was under way in the home {first} on kitchen, which was given up")
    assert given_up(story.world, led_from(first), at=T0, allowed=True) == []


def test_where_nobody_recorded_a_home_the_runs_are_thought_to_be_at_hand(tmp_path: Path) -> None:
    story = with_a_run_under_way(led_from(None))
    assert home_to_serve(story.world, tmp_path, gives_up=False) == tmp_path
    assert given_up(story.world, led_from(tmp_path), at=T0, allowed=False) == []
