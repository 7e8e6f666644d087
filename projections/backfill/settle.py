"""What becomes of the partitions a run left undone: tried again, failed, skipped or canceled."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeAlias

from pyroaring import BitMap

from backfilld.ranges import Ranges
from events.envelope import Recorded
from events.facts import Cause, RunCanceled, RunFailed, RunLost, RunSucceeded
from projections.backfill.readiness import can_start, parts_left, release, runnable, take_apart
from projections.backfill.retries import retry_at
from projections.backfill.state import Backfill, LiveRun, OutOfReach, Piece
from projections.catalog import Catalog
from projections.plan import Edge, Plan, PlannedGroup
from projections.sets import bitmap, intervals, keys_of

RunOutcome: TypeAlias = RunSucceeded | RunFailed | RunCanceled | RunLost
Left: TypeAlias = list[tuple[tuple[str, ...], Ranges]]  # partitions, with the assets they are undone for


def filled(backfill: Backfill, run: LiveRun) -> bool:
    """Whether everything the run was launched for has been materialized."""
    return all(
        backfill.assets[asset].materialized.contains_range(start, stop)
        for asset in run.assets
        for start, stop in run.ordinals
    )


def settle(
    backfill: Backfill, plan: Plan, run: LiveRun, *, catalog: Catalog, recorded: Recorded, fact: RunOutcome
) -> None:
    """Settle what a run that has ended left undone; what it materialized counts already and stays."""
    left = parts_left(backfill, run.assets, Ranges(run.ordinals))
    if isinstance(fact, RunCanceled):
        asked = run.cancel_requested or backfill.cancel_requested
        reason = f"run {run.run_id} was canceled{'' if asked is None else f' {asked.told}'}"
        cancel(backfill, plan, list(_left_behind(plan, left, reason, recorded.id)))
        return
    given_up = backfill.cancel_requested or run.cancel_requested
    due_at = None if given_up else retry_at(backfill, catalog, run, left, recorded.at)
    if due_at is not None:
        backfill.pieces.extend(_pieces(plan, run, left, due_at, recorded.id))
        return
    told = _reason(fact) if run.timed_out else run.reason or _reason(fact)
    reason = f"run {run.run_id} failed: {told}"
    for gone in _left_behind(plan, left, reason, recorded.id):
        _fail_unless_held_back(backfill, plan, run, gone)


def _pieces(plan: Plan, run: LiveRun, left: Left, due_at: datetime, event_id: str) -> Iterator[Piece]:
    """What is to be launched next of what a run left undone."""
    cut = plan.group_at(run.number).cut
    for assets, part in left:
        for alone in cut.apart(part):
            yield Piece(run.number, run.attempt + 1, assets, alone.intervals, due_at, event_id)


def _reason(fact: RunSucceeded | RunFailed | RunLost) -> str:
    match fact:
        case RunLost():
            return fact.reason
        case RunFailed():
            return fact.failure.message or fact.failure.type
        case RunSucceeded():
            return "it said it succeeded, but not that it filled these partitions"


def _left_behind(plan: Plan, left: Left, reason: str, event_id: str) -> Iterator[OutOfReach]:
    """The partitions left undone, one asset at a time, upstream first."""
    for assets, part in left:
        for asset in assets:
            cause = Cause(asset, keys_of(part, plan.group_of[asset].partitions), reason)
            yield OutOfReach(asset, bitmap(part), (cause,), event_id)


def _fail_unless_held_back(backfill: Backfill, plan: Plan, run: LiveRun, gone: OutOfReach) -> None:
    """An asset failed, but for what another of its run, undone too, kept from being executed at all.

    Those partitions are to be skipped by now, since assets are settled upstream first.
    """
    reported = run.failed.get(gone.asset, BitMap()) & gone.ordinals
    failed = reported | runnable(backfill, gone.asset, gone.ordinals)
    if failed:
        backfill.assets[gone.asset].failed |= failed
        give_up_dependants(backfill, plan, gone.without(gone.ordinals - failed))


def cancel(backfill: Backfill, plan: Plan, gone: Sequence[OutOfReach]) -> None:
    """Settle partitions as canceled, then give up what needs them and is not among them itself."""
    for each in gone:
        backfill.assets[each.asset].canceled |= each.ordinals
    for each in gone:
        give_up_dependants(backfill, plan, each)


def give_up_dependants(backfill: Backfill, plan: Plan, gone: OutOfReach) -> None:
    """Put whatever needs these partitions among what is to be skipped, for the same causes."""
    ordinals = intervals(gone.ordinals)
    for edge in plan.edges_from[gone.asset]:
        give_up(backfill, plan, edge.downstream, bitmap(edge.dependants(ordinals)), gone)
    for asset in plan.dependants_within[gone.asset]:
        give_up(backfill, plan, asset, gone.ordinals, gone)


def give_up(backfill: Backfill, plan: Plan, asset: str, ordinals: BitMap, because: OutOfReach) -> None:
    """Put those of the partitions that may still be run among what is to be skipped.

    All that needs them in their own group is put there at once. What shares runs waits for nothing there:
    what comes last would be launched without what comes between.
    """
    lost = runnable(backfill, asset, ordinals)
    if not lost:
        return
    backfill.skips_due.append(OutOfReach(asset, lost, because.causes, because.cause_event_id))
    cause = Cause(asset, keys_of(intervals(lost), plan.group_of[asset].partitions), "skipped")
    skipped = OutOfReach(asset, lost, (cause, *because.causes), because.cause_event_id)
    for dependant in plan.dependants_within[asset]:
        give_up(backfill, plan, dependant, lost, skipped)


def unstall(backfill: Backfill, plan: Plan, event_id: str) -> None:
    """Make sure that a backfill goes on, or ends, when nothing is under way and nothing is ready.

    Every run that waits is looked at again; one that still waits, for what no run will fill any more, is to
    be skipped. Mappings that wake whoever waits leave nothing to do here.
    """
    if backfill.live or backfill.skips_due or any(each.ready for each in backfill.groups):
        return
    if backfill.pieces:
        if not _any_can_start(backfill, plan):
            take_apart(backfill)
        if not _any_can_start(backfill, plan):
            _give_up_pieces(backfill, plan, event_id)
        return
    for group in plan.groups:
        waiting = backfill.groups[group.index].waiting
        if waiting:
            release(backfill, plan, group, intervals(waiting), event_id)
            if backfill.pieces or backfill.groups[group.index].ready:
                return
            _give_up_waiting(backfill, plan, group, event_id)
            return


def _any_can_start(backfill: Backfill, plan: Plan) -> bool:
    return any(can_start(backfill, plan, piece) for piece in backfill.pieces)


def _give_up_pieces(backfill: Backfill, plan: Plan, event_id: str) -> None:
    for piece in backfill.pieces:
        ordinals = Ranges(piece.ordinals)
        for edge in plan.edges_within[plan.group_at(piece.number).index]:
            if edge.downstream in piece.assets:
                beside = ordinals if edge.upstream in piece.assets else Ranges()
                needed = edge.needed(ordinals, beside)
                _give_up_for_want(backfill, plan, edge, ordinals, needed, event_id=event_id)


def _give_up_waiting(backfill: Backfill, plan: Plan, group: PlannedGroup, event_id: str) -> None:
    for edge in plan.edges_into[group.index]:
        for chunk in backfill.groups[group.index].waiting:
            ordinals = group.cut.chunk(chunk)
            _give_up_for_want(backfill, plan, edge, ordinals, edge.needed(ordinals), event_id=event_id)


def _give_up_for_want(
    backfill: Backfill, plan: Plan, edge: Edge, ordinals: Ranges, needed: Ranges, *, event_id: str
) -> None:
    """Give up partitions, if there is anything that they wait for through an edge."""
    pending = bitmap(needed) - backfill.assets[edge.upstream].materialized
    if pending:
        keys = keys_of(intervals(pending), edge.upstream_group.partitions)
        cause = Cause(edge.upstream, keys, "no run of this backfill will fill these any more")
        give_up(
            backfill,
            plan,
            edge.downstream,
            bitmap(ordinals),
            OutOfReach(edge.upstream, pending, (cause,), event_id),
        )
