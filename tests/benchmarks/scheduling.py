"""What a decision costs with a great many runs to choose from, and how fairly it chooses."""

import time
from collections import Counter
from collections.abc import Sequence
from statistics import median

from backfilld.assets import AssetDefinition, asset
from backfilld.partitions import StaticPartitionsDefinition
from backfilld.ranges import Ranges
from daemon.deciding.decide import decide
from events.facts import PartitionMaterialized, PoolConfigured, RunLaunched, RunSucceeded
from projections.sets import keys_of
from tests.benchmarks.frame import Row, Surroundings, Target, row
from tests.story import Story

BACKFILLS = 50
PARTITIONS = 2_000  # of each backfill: 100,000 ready runs
POOLS = 20
SLOTS_OF_POOL = 2
SLOTS = 50
DECISIONS = 300
DONE = 60_000  # runs
MS_PER_S = 1_000
IN_5_MS = Target("measured", "at most", 5)
NO_DEARER = Target("ratio", "at most", 2)
FAIR = Target("measured", "at least", 0.9)


def deciding(surroundings: Surroundings) -> Sequence[Row]:
    """Milliseconds of a decision after a run has ended, at first and after many runs, and its fairness.

    100,000 runs are ready, in 50 backfills of assets in 20 pools with two slots each. Fairness is Jain's
    index over the runs that each backfill was given: 1 if all have got the same, 1/50 if one got them all.
    """
    del surroundings  # A decision is pure.
    story = busy()
    first_ms = median(decision_ms(story) for _ in range(DECISIONS))
    for _ in range(DONE):
        end_one(story)
        story.decide()
    later_ms = median(decision_ms(story) for _ in range(DECISIONS))
    given = Counter(told.backfill_id for told in story.told if isinstance(told.fact, RunLaunched))
    return [
        row("decide, 100,000 ready runs", first_ms, "ms", target=IN_5_MS),
        row(f"… after {DONE:,} of them", later_ms, "ms", baseline=first_ms, target=NO_DEARER),
        row("fairness among 50 backfills", jain(list(given.values())), "of 1", target=FAIR),
    ]


def busy() -> Story:
    """All backfills asked for, and as many runs under way as may be."""
    story = Story(*[declared(number) for number in range(BACKFILLS)], slots=SLOTS)
    for pool in range(POOLS):
        story.tell(PoolConfigured(f"pool_{pool}", slots=SLOTS_OF_POOL))
    for number in range(BACKFILLS):
        story.ask(f"asset_{number}", named=f"b{number}")
    story.settle()
    return story


def declared(number: int) -> AssetDefinition:
    """One of the assets."""
    keys = StaticPartitionsDefinition([f"{number}-{key}" for key in range(PARTITIONS)])
    return asset(name=f"asset_{number}", partitions_def=keys, pool=f"pool_{number % POOLS}")(lambda: None)


def end_one(story: Story) -> None:
    """The run that has been under way for longest ends well."""
    run_id, backfill_id = next(iter(story.world.backfill_of_run.items()))
    run = story.backfill(backfill_id).live[run_id]
    partitions = story.world.plans[backfill_id].group_at(run.number).partitions
    filled = PartitionMaterialized(run.assets[0], keys_of(Ranges(run.ordinals), partitions))
    story.tell(filled, backfill_id=backfill_id, run_id=run_id)
    story.tell(RunSucceeded(1.0), backfill_id=backfill_id, run_id=run_id)


def decision_ms(story: Story) -> float:
    """Milliseconds of the decision after a run has ended; it is recorded."""
    end_one(story)
    began_at = time.perf_counter()
    decide(story.world, story.now, story.limits)
    took_s = time.perf_counter() - began_at
    story.decide()
    return MS_PER_S * took_s


def jain(given: Sequence[int]) -> float:
    """Jain's fairness index (Jain, Chiu and Hawe 1984)."""
    return sum(given) ** 2 / (len(given) * sum(each * each for each in given))
