"""What it costs to run a long backfill again in simulated time."""

import time
from collections.abc import Sequence
from datetime import timedelta

from backfilld.assets import asset
from backfilld.partitions import StaticPartitionsDefinition
from daemon.planning.planned import PlannedBackfill
from daemon.whatif.course import Course, Given, Policy, succeeding
from daemon.whatif.record import alone
from daemon.whatif.replaying import Comparison, compare
from daemon.whatif.simulation import simulated
from events.facts import LeaderElected
from projections.durations import Durations, Took
from tests.benchmarks.frame import Row, Surroundings, Target, row
from tests.story import Story

RUNS = 100_000
AT_ONCE = 16
TOOK = Took(timedelta(milliseconds=3), timedelta(seconds=1))


def whatif(surroundings: Surroundings) -> Sequence[Row]:
    """Runs a second of `whatif`, which measures what was and simulates it under two policies."""
    count = surroundings.count(RUNS)
    keys = StaticPartitionsDefinition([str(number) for number in range(count)])
    story = Story(asset(name="raw", partitions_def=keys)(lambda: None))
    planned = story.plan("raw")
    assert isinstance(planned, PlannedBackfill)
    manifests = story.world.known.manifests
    leader = LeaderElected("d", "host", 1, "0", AT_ONCE)
    world = alone(story.world, manifests=manifests, position=story.world.position, pools=(), leader=leader)
    asked = Given(story.now, planned.request(manifests), "b")
    facts = list(
        simulated(world, Course("b", (asked,), story.now, lambda _, launch: succeeding(launch, TOOK)))
    )
    began_at = time.perf_counter()
    policy = Policy(order="newest_first", max_concurrent_runs=4)
    found = compare(story.world, facts, (), policy=policy, history=Durations())
    took_s = time.perf_counter() - began_at
    assert isinstance(found, Comparison)
    assert found.what_if.runs == count
    per_s = Target("measured", "at least", 2_000)
    return [row(f"what if, {count:,} runs, two simulations", count / took_s, "runs/s", target=per_s)]
