"""Backfills made by the simulation itself, in which every run takes as long as it is told to, or fails."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from daemon.whatif.course import Course, Given, Script, Step, succeeding
from daemon.whatif.record import alone
from daemon.whatif.simulation import simulated
from events.envelope import Recorded
from events.facts import (
    Fact,
    Failure,
    LeaderElected,
    PartitionFailed,
    RunFailed,
    RunLaunched,
    RunStarted,
)
from projections.durations import Took
from tests.story import Story

BOOM = Failure("ValueError", "boom")
LEADER = LeaderElected("d1", "host", 1, "0", max_concurrent_runs=4)

Seconds = Callable[[str, RunLaunched], float]


def ten_seconds(run_id: str, launch: RunLaunched) -> float:
    return 10.0


def seconds(value: float) -> Took:
    """That a run began at once and took so long."""
    return Took(timedelta(), timedelta(seconds=value))


def failing(launch: RunLaunched, took_s: float) -> Script:
    """What a run tells that fails at its first asset."""
    end = timedelta(seconds=took_s)
    return (
        Step(timedelta(), RunStarted(1, "host")),
        Step(end, PartitionFailed(launch.assets[0], launch.partitions, BOOM)),
        Step(end, RunFailed(took_s, BOOM)),
    )


def played(
    story: Story,
    *selection: str,
    takes: Seconds = ten_seconds,
    fails: Iterable[str] = (),
    later: Iterable[tuple[float, Fact]] = (),
    leader: LeaderElected = LEADER,
    lag_s: float = 0.0,
) -> list[Recorded]:
    """The facts of a backfill ``b`` of all partitions, with others told so many seconds after its request."""
    planned = story.plan(*selection)
    bad = frozenset(fails)

    def script_for(run_id: str, launch: RunLaunched) -> Script:
        took_s = takes(run_id, launch)
        return failing(launch, took_s) if run_id in bad else succeeding(launch, seconds(took_s))

    manifests = story.world.known.manifests
    pools = story.world.known.pools.values()
    world = alone(story.world, manifests=manifests, position=story.world.position, pools=pools, leader=leader)
    request = planned.request(manifests)  # type: ignore[union-attr]  # it is not refused
    given = [Given(story.now, request, "b")]
    given += [Given(story.now + timedelta(seconds=after), fact, "b") for after, fact in later]
    lag = timedelta(seconds=lag_s)
    course = Course("b", tuple(given), story.now, script_for, lag=lag)
    return list(simulated(world, course))


def surroundings(story: Story, leader: LeaderElected = LEADER) -> list[Recorded]:
    """What was told of pools, and the daemon that led from the beginning."""
    elected = Recorded(position=0, id="0", at=story.now, actor="daemon", fact=leader)
    return [elected, *(each for each in story.told if type(each.fact).__name__ == "PoolConfigured")]
