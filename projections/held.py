"""What waits for a code location of which nothing can be launched."""

from projections.backfill.state import Backfill
from projections.world import NotLoaded, World


def held_locations(world: World) -> frozenset[str]:
    """The code locations of which nothing can be launched."""
    return frozenset(name for name, state in world.known.not_loaded.items() if state.runs_held)


def held_runs(world: World) -> int:
    """How many of the runs under way, of all backfills, wait for their code location."""
    return sum(held_runs_of(world, backfill) for backfill in world.known.active.values())


def held_runs_of(world: World, backfill: Backfill) -> int:
    """How many of a backfill's runs under way wait for their code location: they have no process yet."""
    held = held_locations(world)
    if not held:
        return 0
    return sum(run.started_at is None and run.code_location in held for run in backfill.live.values())


def waits_for(world: World, backfill: Backfill) -> dict[str, NotLoaded]:
    """The code locations of which nothing can be launched, and of which this backfill has runs to begin."""
    held = held_locations(world)
    plan = world.plans.get(backfill.id)
    if plan is None or not held:
        return {}
    needed = {run.code_location for run in backfill.live.values() if run.started_at is None}
    needed |= {plan.group_at(piece.number).code_location for piece in backfill.pieces}
    needed |= {group.code_location for group in plan.groups if backfill.groups[group.index].waiting}
    return {name: world.known.not_loaded[name] for name in sorted(held & needed)}
