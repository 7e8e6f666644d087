"""Any facts in any order fold into a world that can be looked at: none is trusted to fit those before it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.deciding.decide import decide, next_due
from daemon.deciding.explaining import Place, limits_of, why_not, why_waiting
from daemon.operations.standing import standing_of
from events.envelope import Recorded
from events.facts import DynamicPartitionsAdded, DynamicPartitionsRemoved, Fact
from projections import snapshot
from projections.tables.changes import changes
from projections.tables.then import backfill_rows, live_runs, status_then
from projections.world import World, evolve
from tests.simulation.many import silenced
from tests.simulation.simulation import simulate

SEEDS = st.integers(0, 39)
DISTURBANCES = (
    "drop",
    "repeat",
    "swap",
    "move",
    "other_field",
    "other_fact",
    "about_another",
    "dynamic_keys",
)
DYNAMIC = (DynamicPartitionsAdded, DynamicPartitionsRemoved)


@cache
def facts_of(seed: int) -> tuple[Recorded, ...]:
    """A simulation's log, which has facts of all kinds."""
    with silenced():
        result = simulate(seed)
    assert result.violation is None
    return tuple(result.log)


def disturb(facts: list[Recorded], others: Sequence[Recorded], drawn: st.DataObject) -> None:
    """One thing about the log is not as a daemon would have written it."""
    at, to = (drawn.draw(st.integers(0, len(facts) - 1)) for _ in range(2))
    match drawn.draw(st.sampled_from(DISTURBANCES)):
        case "drop":
            del facts[at]
        case "repeat":
            facts.insert(to, facts[at])
        case "swap":
            facts[at], facts[to] = facts[to], facts[at]
        case "move":
            facts.insert(to, facts.pop(at))
        case "other_field":
            facts[at] = with_fact(facts[at], with_field_of_another(facts[at].fact, [*facts, *others], drawn))
        case "other_fact":
            facts[at] = with_fact(facts[at], drawn.draw(st.sampled_from(others)).fact)
        case "about_another":
            about = facts[to]
            facts[at] = msgspec.structs.replace(facts[at], backfill_id=about.backfill_id, run_id=about.run_id)
        case "dynamic_keys":
            if found := [place for place, each in enumerate(facts) if isinstance(each.fact, DYNAMIC)]:
                facts.insert(to, facts.pop(drawn.draw(st.sampled_from(found))))


def with_fact(recorded: Recorded, fact: Fact) -> Recorded:
    return msgspec.structs.replace(recorded, fact=fact)


def with_field_of_another(fact: Fact, others: Sequence[Recorded], drawn: st.DataObject) -> Fact:
    """The fact, with what another of its kind says in one field."""
    alike = [each.fact for each in others if type(each.fact) is type(fact)]
    field = drawn.draw(st.sampled_from(fact.__struct_fields__))
    return msgspec.structs.replace(fact, **{field: getattr(drawn.draw(st.sampled_from(alike)), field)})


def copy_of(world: World) -> World:
    """The world that its snapshot holds."""
    copy = snapshot.decode(snapshot.encode(world))
    assert copy is not None
    return copy


def look_at(world: World, now: datetime) -> None:
    """All that is ever asked of a world."""
    decide(world, now, limits_of(world))
    next_due(world, now)
    for asset, status in world.statuses(now).items():
        partitions = world.partitions(asset, now)
        assert partitions is not None
        for found in status.by_status(partitions.all()).values():
            partitions.key_ranges(found)
    for row in backfill_rows(world, limit=0):
        backfill = world.backfill(row["id"])
        assert backfill is not None
        standing_of(world, backfill, now)
    for run in live_runs(world).values():
        status_then(run)
    for backfill_id, plan in world.plans.items():
        backfill = world.known.active[backfill_id]
        why_waiting(world, backfill, now)
        for asset, group in plan.group_of.items():
            for ordinal in (group.targets.first, group.targets.last) if group.targets else ():
                why_not(world, backfill, Place(plan, asset, ordinal), now)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 25), st.data())
def test_facts_that_do_not_fit_each_other_fold_with_and_without_snapshots_and_can_be_looked_at(
    seed: int, other: int, times: int, drawn: st.DataObject
) -> None:
    facts = [*facts_of(seed)]
    for _ in range(times):
        if facts:
            disturb(facts, facts_of(other), drawn)
    looks = drawn.draw(st.sets(st.integers(1, len(facts) + 1), max_size=5)) | {len(facts)}
    told = [msgspec.structs.replace(each, position=position) for position, each in enumerate(facts, 1)]
    world, resumed = World(), World()
    for recorded in told:
        evolve(world, recorded)
        evolve(resumed, recorded)
        if recorded.position in looks:
            look_at(world, recorded.at)
            resumed = copy_of(resumed)
    assert copy_of(world).known == copy_of(resumed).known
    changes(told)
