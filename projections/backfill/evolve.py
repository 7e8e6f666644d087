"""The fold of one backfill's facts. Total: a fact that does not fit its state changes nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pyroaring import BitMap

from backfilld.ranges import Ranges
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillRequested,
    Cause,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunCanceled,
    RunFailed,
    RunLaunched,
    RunLost,
    RunSucceeded,
)
from projections.backfill.readiness import (
    drop_settled_chunks,
    new_progress,
    release,
    take_from_pieces,
    to_launch,
)
from projections.backfill.settle import RunOutcome, cancel, give_up_dependants
from projections.backfill.state import Backfill, GroupProgress, Intervention, LiveRun, OutOfReach
from projections.backfill.tally import Outcome
from projections.plan import Plan, PlannedGroup
from projections.sets import bitmap, intervals, keys_of, ranges_of

TIMEOUT_MAX_S = 365 * 24 * 3600.0  # so that no time-out leads past the times there are
OUTCOMES: Final[Mapping[type[RunOutcome], Outcome]] = {
    RunSucceeded: "succeeded",
    RunFailed: "failed",
    RunCanceled: "canceled",
    RunLost: "lost",
}


def requested(recorded: Recorded, request: BackfillRequested, plan: Plan) -> Backfill:
    """The backfill right after its request: everything waits, and what waits for nothing is ready."""
    backfill = unplanned(recorded, request)
    backfill.assets = new_progress(plan)
    for group in plan.groups:
        backfill.groups.append(GroupProgress(BitMap(range(group.cut.chunks_total)), BitMap()))
    for group in plan.groups:
        everything = Ranges.span(0, group.cut.chunks_total)
        release(backfill, plan, group, everything, recorded.id)
    return backfill


def unplanned(recorded: Recorded, request: BackfillRequested) -> Backfill:
    """The backfill without its partitions: all that is left where its plan cannot be read."""
    return Backfill(
        id=recorded.backfill_id or "",
        request=request,
        request_event_id=recorded.id,
        requested_at=recorded.at,
        requested_by=recorded.actor,
        request_position=recorded.position,
        max_concurrent_runs=request.max_concurrent_runs,
        priority=request.priority,
        order=request.order,
        only_between=request.only_between,
        last_at=recorded.at,
        last_event_id=recorded.id,
    )


def amended(backfill: Backfill, fact: BackfillAmended) -> None:
    """Take over the fields that were given."""
    if fact.max_concurrent_runs is not None:
        backfill.max_concurrent_runs = fact.max_concurrent_runs
    if fact.priority is not None:
        backfill.priority = fact.priority
    if fact.order is not None:
        backfill.order = fact.order
    if fact.retries_max is not None:
        backfill.retries_max = fact.retries_max
    if fact.only_between is not None:
        backfill.only_between = fact.only_between
    if "max_concurrent_runs" in fact.lifted:
        backfill.max_concurrent_runs = None
    if "retries_max" in fact.lifted:
        backfill.retries_max = None
    if "only_between" in fact.lifted:
        backfill.only_between = None


def dropped(backfill: Backfill, plan: Plan, recorded: Recorded, fact: BackfillAmended) -> None:
    """Settle as canceled what was dropped and is not under way; of its chunks the rest is still run."""
    reason = f"dropped {Intervention(recorded.at, recorded.actor, fact.reason).told}"
    gone: list[OutOfReach] = []
    for asset, keys in fact.dropped.items():
        group = plan.group_of.get(asset)
        if group is None:
            continue
        bits = to_launch(backfill, asset, bitmap(ranges_of(keys, group.partitions) & group.targets))
        if bits:
            cause = Cause(asset, keys_of(intervals(bits), group.partitions), reason)
            gone.append(OutOfReach(asset, bits, (cause,), recorded.id))
    cancel(backfill, plan, gone)
    for each in gone:
        group = plan.group_of[each.asset]
        if backfill.pieces:
            take_from_pieces(backfill, group, each.asset)
        chunks = group.cut.chunks_of(intervals(each.ordinals))
        backfill.groups[group.index].ready -= bitmap(chunks)
        drop_settled_chunks(backfill, group, chunks)
        release(backfill, plan, group, chunks, recorded.id)


def launched(backfill: Backfill, plan: Plan, recorded: Recorded, fact: RunLaunched) -> LiveRun | None:
    """The run, now under way; None for one that is no part of the plan."""
    if not 1 <= fact.number <= plan.runs_total or recorded.run_id is None:
        return None
    group = plan.group_at(fact.number)
    if fact.assets != group.assets and not (fact.assets and {*fact.assets} <= {*group.assets}):
        return None
    chunk = fact.number - group.first_number
    ordinals = group.cut.chunk(chunk)
    if fact.partitions is not None and fact.partitions.count != len(ordinals):
        ordinals &= ranges_of(fact.partitions, group.partitions)
        if not ordinals:
            return None
    if fact.attempt == 1:
        backfill.groups[group.index].waiting.discard(chunk)
        backfill.groups[group.index].ready.discard(chunk)
    if backfill.pieces:
        backfill.pieces = [
            piece
            for piece in backfill.pieces
            if (piece.number, piece.assets, piece.ordinals) != (fact.number, fact.assets, ordinals.intervals)
        ]
    backfill.released_by.pop(fact.number, None)
    backfill.runs_launched += 1
    backfill.tally.launched(group.index, recorded.at, recorded.position)
    if backfill.first_launched_at is None:
        backfill.first_launched_at = recorded.at
    backfill.last_launched_at = recorded.at
    run = LiveRun(
        run_id=recorded.run_id,
        number=fact.number,
        attempt=fact.attempt,
        assets=fact.assets,
        ordinals=ordinals.intervals,
        code_location=fact.code_location,
        pools=fact.pools,
        launched_at=recorded.at,
        launch_event_id=recorded.id,
        timeout_s=plan.timeout_s(fact.assets),
    )
    backfill.live[run.run_id] = run
    return run


def ended(backfill: Backfill, plan: Plan, run: LiveRun, at: datetime, fact: RunOutcome) -> None:
    """The run is not under way any more."""
    del backfill.live[run.run_id]
    backfill.tally.ended(plan.group_at(run.number).index, run.launched_at, at, OUTCOMES[type(fact)])


def started(run: LiveRun, at: datetime) -> None:
    """The run has begun, and with it the time that it may take."""
    run.started_at = at
    if run.timeout_s is not None and run.cancel_requested is None:
        run.times_out_at = at + timedelta(seconds=min(run.timeout_s, TIMEOUT_MAX_S))


def ordinals_reported(
    run: LiveRun, group: PlannedGroup, keys: PartitionMaterialized | PartitionFailed
) -> Ranges:
    """The ordinals a run's fact is about; no key is parsed where it is about the whole run."""
    whole = Ranges(run.ordinals)
    if keys.partitions is None or keys.partitions.count == len(whole):
        return whole
    return ranges_of(keys.partitions, group.partitions) & whole


def materialized(backfill: Backfill, plan: Plan, asset: str, ordinals: Ranges, event_id: str) -> None:
    """Count the partitions as filled and release what waited for them."""
    progress = backfill.assets[asset]
    for start, stop in ordinals.intervals:
        progress.materialized.add_range(start, stop)
    for edge in plan.edges_from[asset]:
        dependants = edge.dependants(ordinals)
        if dependants:
            group = edge.downstream_group
            release(backfill, plan, group, group.cut.chunks_of(dependants), event_id)


def failed(run: LiveRun, asset: str, ordinals: Ranges, fact: PartitionFailed) -> None:
    """Keep what this attempt could not do; what follows from it is settled when the run ends."""
    run.failed[asset] = run.failed.get(asset, BitMap()) | bitmap(ordinals)
    run.reason = f"{fact.failure.type}: {fact.failure.message}" if fact.failure.message else fact.failure.type


def skipped(backfill: Backfill, plan: Plan, recorded: Recorded, fact: PartitionSkipped) -> None:
    """Settle skipped partitions, and what needs them in turn; what else waited only for them may be ready."""
    group = plan.group_of.get(fact.asset)
    if group is None:
        return
    ordinals = ranges_of(fact.partitions, group.partitions) & group.targets
    bits = bitmap(ordinals)
    backfill.assets[fact.asset].skipped |= bits
    remaining = (due.without(bits) if due.asset == fact.asset else due for due in backfill.skips_due)
    backfill.skips_due = [due for due in remaining if due.ordinals]
    cause = Cause(fact.asset, fact.partitions, "skipped")
    give_up_dependants(backfill, plan, OutOfReach(fact.asset, bits, (cause, *fact.causes), recorded.id))
    if backfill.pieces:
        take_from_pieces(backfill, group, fact.asset)
    chunks = group.cut.chunks_of(ordinals)
    drop_settled_chunks(backfill, group, chunks)
    release(backfill, plan, group, chunks, recorded.id)
