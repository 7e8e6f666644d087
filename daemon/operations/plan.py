"""What a launch would do, without doing it."""

import os
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from anyio import to_thread
from msgspec import UNSET, UnsetType

from daemon.operations.fields import AsRanges, Part, said
from daemon.operations.operation import Role, operation
from daemon.operations.planning import Wanted, ask_of, check_loaded, planned_alone, statuses_kept
from daemon.operations.records import Records
from daemon.planning.listed import ListedPlan, listed
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import PlannedBackfill
from daemon.whatif.estimating import RUNS_MAX, RUNS_WANTED, Estimate
from daemon.whatif.estimating import estimate as estimate_of
from daemon.whatif.record import alone
from projections.world import World

RUNS_LISTED = 100


class PlanAsked(Wanted, frozen=True, kw_only=True):
    """Which plan, and what of it is told."""

    limit: Annotated[Part, said("List at most N runs; 0 for all.")] = RUNS_LISTED
    estimate: Annotated[bool, said("Say how long it will take, by what such runs took before.")] = False
    as_ranges: AsRanges = False
    max_concurrent_runs: Annotated[
        int | None,
        said(
            "For the estimate: at most N runs at the same time of all, as long as no daemon has said "
            "how many it allows."
        ),
    ] = None


class EstimatedPlan(ListedPlan, frozen=True):
    """A plan, and how long it will take where that was asked for."""

    estimate: Estimate | UnsetType = UNSET


@operation("POST", "/plans", role=Role.VIEWER)
async def plan(records: Records, asked: PlanAsked) -> EstimatedPlan:
    """Show what a launch would run, and launch nothing.

    The body is that of a launch. Runs are listed up to a limit; the digest is that of the whole plan.
    """
    ask = ask_of(asked)
    records.need_all_facts("what would be launched")
    world, now = await records.world(), records.clock.now()
    check_loaded(world)
    # Up to seconds of a large plan's making are not the event loop's: others look and ask meanwhile.
    statuses = statuses_kept(world, ask.selection, now)
    planned = await to_thread.run_sync(planned_alone, world.catalog, statuses, ask, now)
    world = await records.world()
    found = with_overlaps(world, planned)
    plan = await to_thread.run_sync(partial(listed, found, asked.limit, as_ranges=asked.as_ranges))
    told = msgspec.structs.asdict(plan)
    if not asked.estimate:
        return EstimatedPlan(**told)
    runs_max = asked.max_concurrent_runs or os.cpu_count() or 1
    return EstimatedPlan(**told, estimate=await estimated(records, found, now, runs_max=runs_max))


async def estimated(
    records: Records,
    found: PlannedBackfill,
    now: datetime,
    *,
    runs_max: int,
    runs_wanted: int = RUNS_WANTED,
    simulated_max: int = RUNS_MAX,
) -> Estimate:
    """How long a plan will take, at the concurrency of the daemon that led last; if none did, at this one.

    :param runs_wanted: see `daemon.whatif.estimating.estimate`, and for ``simulated_max``.
    """
    world = await records.world()
    durations = await records.durations(_taken_before(world, found))
    world = await records.world()
    leader = world.known.leader
    told = leader.max_concurrent_runs if leader is not None else None
    own = alone(
        world,
        manifests=world.known.manifests,
        position=world.position,
        pools=world.known.pools.values(),
        leader=None,
    )
    return await to_thread.run_sync(
        partial(
            estimate_of,
            own,
            found,
            durations,
            now,
            runs_max=told or runs_max,
            runs_wanted=runs_wanted,
            simulated_max=simulated_max,
        )
    )


def _taken_before(world: World, found: PlannedBackfill) -> set[tuple[str, ...]]:
    """The groups of a plan of which runs have succeeded, so that something is on record of them."""
    wanted, before = {group.assets for group in found.groups}, set[tuple[str, ...]]()
    for backfill in (*world.known.active.values(), *world.known.ended.values()):
        groups = backfill.request.groups
        for index in backfill.tally.succeeded_of():
            before.add(groups[index].assets)
        if wanted <= before:
            break
    return wanted & before
