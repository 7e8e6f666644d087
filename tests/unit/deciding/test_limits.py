"""What may be launched at the same time, how fast, at which hours, and whose turn it is."""

from datetime import UTC, datetime, timedelta

import pytest

from backfilld.assets import AssetDefinition, asset
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import RetryPolicy
from daemon.deciding.decide import decide, next_due
from daemon.deciding.holds import (
    BackfillFull,
    DaemonFull,
    Hold,
    OutsideHours,
    Overlapping,
    PoolFull,
    PoolRate,
    hold_text,
)
from daemon.deciding.room import Room
from events.facts import BackfillPaused, BackfillResumed, PoolConfigured
from tests.story import T0, Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-21")


def declared(name: str, *, pool: str | None = None, retries: int = 0) -> AssetDefinition:
    retry = RetryPolicy(max_retries=retries) if retries else None
    return asset(name=name, partitions_def=DAYS, pool=pool, retry_policy=retry)(lambda: None)


def backfills_of(run_ids: list[str]) -> str:
    """The backfill of each run, one letter each."""
    return "".join(run_id[0] for run_id in run_ids)


def hold_of(story: Story, named: str = "b") -> Hold | None:
    """Why the first ready run of a backfill is not launched."""
    backfill, room = story.backfill(named), Room(story.world, story.now, story.limits)
    (group,) = story.world.plans[named].groups
    first = group.cut.chunk(backfill.groups[0].ready[0])
    return room.hold(backfill, group, group.assets, first, group.pools)


def test_a_pool_has_so_many_runs_at_a_time_over_all_backfills() -> None:
    story = Story(declared("a", pool="w"), declared("c", pool="w"), declared("free"))
    story.tell(PoolConfigured("w", slots=3))
    story.ask("a", named="a")
    story.ask("c", named="c")
    assert len(story.launched()) == 3
    held = hold_of(story, "a")
    assert held == PoolFull("w", 3, ("a-1-1", "c-1-1", "a-2-1"))
    assert hold_text(held) == "for a slot of pool w (3 in all), held by a-1-1, c-1-1, a-2-1"
    story.run("a-1-1")
    assert len(story.launched()) == 1
    story.ask("free", named="f", partitions="2024-01-01")
    assert story.launched() == ["f-1-1"]


def test_limits_of_a_pool_may_change_while_runs_are_under_way() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", slots=1))
    story.ask("a")
    (first,) = story.launched()
    story.tell(PoolConfigured("w", slots=4))
    assert len(story.launched()) == 3
    story.tell(PoolConfigured("w", slots=1))
    story.run(first)
    assert story.launched() == []
    story.tell(PoolConfigured("w"))
    assert len(story.launched()) == 16


def test_retries_take_slots_and_tokens_like_any_run() -> None:
    story = Story(declared("a", pool="w", retries=3))
    story.tell(PoolConfigured("w", slots=1))
    story.ask("a", partitions="2024-01-01, 2024-01-02")
    (first,) = story.launched()
    story.run(first, failing=[("a", "")])
    assert story.launched() == ["b-1-2"]
    assert story.launched() == []
    assert story.world.known.pools["w"].running.keys() == {"b-1-2"}


def test_a_rate_lets_runs_go_one_after_another() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", rate_per_minute=30))
    story.ask("a")
    assert story.launched() == ["b-1-1"]
    held = hold_of(story)
    assert isinstance(held, PoolRate)
    assert timedelta(seconds=2) <= held.next_at - T0 < timedelta(seconds=2.001)
    assert next_due(story.world, story.now) == held.next_at
    story.later(1.9)
    assert story.launched() == []
    story.now = held.next_at
    assert story.launched() == ["b-2-1"]
    story.later(600)
    assert story.launched() == ["b-3-1"]  # What was not used is not saved up.


def test_a_high_rate_lets_a_seconds_worth_go_at_once() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", rate_per_minute=300))
    story.ask("a")
    assert len(story.launched()) == 5
    story.later(1.001)
    assert len(story.launched()) == 5


@pytest.mark.parametrize("of_pool", [True, False])
def test_outside_its_hours_nothing_is_launched_and_what_runs_goes_on(of_pool: bool) -> None:
    hours = "22:00-06:00 Europe/Berlin"
    story = Story(declared("a", pool="w"), slots=2, now=datetime(2024, 6, 1, 3, 59, tzinfo=UTC))
    if of_pool:
        story.tell(PoolConfigured("w", only_between=hours))
    story.ask("a", only_between=None if of_pool else hours)
    first, second = story.launched()
    story.later(60)
    story.run(first)
    assert story.launched() == []
    begins = datetime(2024, 6, 1, 20, tzinfo=UTC)
    assert hold_of(story) == OutsideHours(hours, begins, "w" if of_pool else None)
    assert next_due(story.world, story.now) == begins
    story.run(second)
    story.now = begins
    assert len(story.launched()) == 2


def test_the_limits_of_the_backfill_and_of_the_daemon_have_their_names() -> None:
    story = Story(declared("a"), slots=3)
    story.ask("a", max_concurrent_runs=2)
    assert len(story.launched()) == 2
    assert hold_of(story) == BackfillFull(2, ("b-1-1", "b-2-1"))
    story.ask("a", named="c")
    story.settle()
    assert hold_of(story, "c") in {DaemonFull(3), Overlapping("a", "b-1-1")}


def test_a_partition_that_another_backfill_fills_is_waited_for() -> None:
    story = Story(declared("a"))
    story.ask("a", partitions="2024-01-01", named="one")
    story.settle()
    story.ask("a", partitions="2024-01-01", named="two")
    assert story.launched() == []
    held = hold_of(story, "two")
    assert held == Overlapping("a", "one-1-1")
    assert hold_text(held) == "for run one-1-1, which is filling the same partitions of a"
    story.run("one-1-1")
    assert story.launched() == ["two-1-1"]


def test_higher_priority_goes_first_and_equals_share() -> None:
    story = Story(declared("a"), declared("b"), declared("c"), slots=4)
    story.ask("a", named="a", priority=1)
    story.ask("b", named="b", priority=5)
    story.ask("c", named="c", priority=5)
    assert sorted(backfills_of(story.launched())) == ["b", "b", "c", "c"]


def test_a_small_new_backfill_does_not_wait_behind_a_large_one() -> None:
    story = Story(declared("a"), declared("b"), slots=4)
    story.ask("a", named="a")
    runs = story.launched()
    story.ask("b", named="b", partitions="2024-01-01")
    story.run(runs[0])
    assert story.launched() == ["b-1-1"]


def test_a_low_priority_waits_and_never_starves() -> None:
    story = Story(declared("a"), declared("b"), slots=1)
    story.ask("a", named="a", priority=0)
    story.ask("b", named="b", priority=3)
    launched = []
    for _ in range(8):
        (run,) = story.launched()
        launched.append(run)
        story.later(45)
        story.run(run)
    assert backfills_of(launched) == "bbbbabbb"


def test_what_was_paused_does_not_launch_and_takes_its_turn_again() -> None:
    story = Story(declared("a"), slots=2)
    story.ask("a")
    runs = story.launched()
    story.tell(BackfillPaused("lunch"), backfill_id="b")
    for run in runs:
        story.run(run)
    assert story.launched() == []
    story.tell(BackfillResumed(), backfill_id="b")
    assert len(story.launched()) == 2


def test_deciding_twice_on_one_state_gives_the_same() -> None:
    story = Story(declared("a", pool="w"), declared("b"), slots=3)
    story.tell(PoolConfigured("w", slots=2, rate_per_minute=60))
    story.ask("a", named="a", order="random")
    story.ask("b", named="b", order="newest_first")
    assert decide(story.world, story.now, story.limits) == decide(story.world, story.now, story.limits)
    assert "b-20-1" in story.launched()
