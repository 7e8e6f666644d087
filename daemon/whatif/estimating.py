"""How long a planned backfill will take, by what runs took before: simulated some times, or reckoned."""

from datetime import datetime, timedelta
from statistics import median

import msgspec

from daemon.planning.planned import PlannedBackfill
from daemon.whatif.course import Course, Given, Script, succeeding
from daemon.whatif.reckoning import Reckoned, reckoned
from daemon.whatif.record import alone
from daemon.whatif.simulation import simulated
from events.facts import BackfillCompleted, RunLaunched
from projections.durations import MEDIAN, Durations, Seen, Took, count_of
from projections.plan import PlannedGroup
from projections.world import World

BACKFILL_ID = "estimate"
TIMES_MAX = 25  # that a plan is simulated, each time with other runs' durations drawn
RUNS_WANTED = 25_000  # over all those times; a second simulates some 10,000
PARTITIONS_AS_A_RUN = 50  # that cost as much to plan with as a run does to simulate
RUNS_MAX = 200_000  # of a plan that is simulated; how long more of them take is reckoned
HIGH = 0.9
NOTHING_KNOWN = "no run of these assets has ever succeeded, so nothing is known of what they take"
NEVER_ENDS = "it would never end: there is no hour at which all its limits let it launch"
NO_TIME = Took(timedelta(), timedelta())


class RunsEstimate(msgspec.Struct, frozen=True):
    """What the runs of some assets are thought to take each."""

    assets: tuple[str, ...]
    runs: int
    partitions_per_run: int  # of the first of them; others may have fewer
    seen: int  # runs that it is known by
    seen_of: tuple[tuple[str, ...], ...] = ()  # the assets of those runs
    unknown: tuple[str, ...] = ()  # assets of which nothing is known: what they take is left out
    median_s: float | None = None  # from launch to end
    high_s: float | None = None  # which nine in ten do not take longer than


class Estimate(msgspec.Struct, frozen=True):
    """How long a backfill will take if it is alone and every run succeeds."""

    took_median_s: float | None
    took_high_s: float | None  # nine simulations in ten did not take longer
    why_not: str | None  # there are no figures
    times_simulated: int  # 0: it is reckoned, see `daemon.whatif.reckoning`
    runs_max: int  # that the daemon allows at the same time
    pools: dict[str, int]  # the slots of those that it takes part in and that have so many
    runs: tuple[RunsEstimate, ...]


def estimate(
    world: World,
    planned: PlannedBackfill,
    durations: Durations,
    now: datetime,
    *,
    runs_max: int,
    runs_wanted: int = RUNS_WANTED,
    simulated_max: int = RUNS_MAX,
) -> Estimate:
    """What a plan will take from now on, with the pools as they are and so many runs at the same time.

    :param runs_wanted: how many runs are simulated in all, as nearly as can be; the cost grows with it.
    :param simulated_max: of how many runs a plan is simulated at all.
    """
    groups = {group.assets: group for group in planned.plan.groups}
    seen = {assets: durations.seen(assets, len(group.cut.chunk(0))) for assets, group in groups.items()}
    known = any(seen.values())
    found: Reckoned | None = None
    times_simulated = 0
    if known and _weight(planned) > simulated_max:
        found = reckoned(planned, durations, world.known.pools, now, runs_max=runs_max)
    elif known:
        times_simulated = max(1, min(TIMES_MAX, runs_wanted // _weight(planned)))
        found = _simulated(world, planned, durations, now, times=times_simulated, runs_max=runs_max)
    named = {pool for group in planned.plan.groups for pool in group.pools} & world.known.pools.keys()
    slots = {name: world.known.pools[name].slots for name in sorted(named)}
    return Estimate(
        took_median_s=None if found is None else found.median_s,
        took_high_s=None if found is None else found.high_s,
        why_not=NOTHING_KNOWN if not known else NEVER_ENDS if found is None else None,
        times_simulated=0 if found is None else times_simulated,
        runs_max=runs_max,
        pools={name: count for name, count in slots.items() if count is not None},
        runs=tuple(_of_runs(group, seen[assets]) for assets, group in groups.items()),
    )


def _weight(planned: PlannedBackfill) -> int:
    """How many runs cost as much to simulate as a plan does."""
    partitions = sum(1 if keys is None else keys.count for keys in planned.targets.values())
    return planned.runs_total + partitions // PARTITIONS_AS_A_RUN


def _simulated(
    world: World, planned: PlannedBackfill, durations: Durations, now: datetime, *, times: int, runs_max: int
) -> Reckoned | None:
    """What so many simulations took; None if one does not come to an end."""
    taken_s = []
    for lot in range(times):
        took_s = _took_s(world, planned, durations, now, lot=str(lot), runs_max=runs_max)
        if took_s is None:
            return None
        taken_s.append(took_s)
    return Reckoned(median(taken_s), sorted(taken_s)[int(HIGH * (times - 1) + 0.5)])


def _of_runs(group: PlannedGroup, seen: Seen | None) -> RunsEstimate:
    first = len(group.cut.chunk(0))
    if seen is None:
        return RunsEstimate(group.assets, group.cut.chunks_total, first, 0, unknown=group.assets)
    return RunsEstimate(
        assets=group.assets,
        runs=group.cut.chunks_total,
        partitions_per_run=first,
        seen=len(seen.samples),
        seen_of=seen.runs_of,
        unknown=tuple(asset for asset in group.assets if not any(asset in each for each in seen.runs_of)),
        median_s=_whole_s(seen.at(MEDIAN)),
        high_s=_whole_s(seen.at(HIGH)),
    )


def _whole_s(took: Took) -> float:
    return (took.to_start + took.to_end).total_seconds()


def _took_s(
    world: World, planned: PlannedBackfill, durations: Durations, now: datetime, *, lot: str, runs_max: int
) -> float | None:
    """Seconds from the request to the end, with each run's duration drawn by lot from those seen.

    None if it does not come to an end.
    """
    known: dict[tuple[tuple[str, ...], int], Seen | None] = {}

    def script_for(run_id: str, launch: RunLaunched) -> Script:
        which = (launch.assets, count_of(launch.partitions))
        if which not in known:
            known[which] = durations.seen(*which)
        seen = known[which]
        return succeeding(launch, NO_TIME if seen is None else seen.drawn(f"{lot}:{run_id}"))

    manifests = world.known.manifests
    own = alone(
        world, manifests=manifests, position=world.position, pools=world.known.pools.values(), leader=None
    )
    request = Given(now, planned.request(manifests), BACKFILL_ID)
    course = Course(BACKFILL_ID, (request,), now, script_for, runs_max, durations.lag)
    for recorded in simulated(own, course):
        if isinstance(recorded.fact, BackfillCompleted):
            return (recorded.at - now).total_seconds()
    return None
