"""What a successor of a backfill is to fill: all that the backfill itself did not."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from backfilld.partitions import UNPARTITIONED
from backfilld.ranges import Ranges
from daemon.planning.choice import Exactly
from daemon.planning.planned import Ask
from daemon.planning.selection import JOB_PREFIX
from daemon.refusal import Refused
from projections.backfill.state import Backfill
from projections.plan import Plan
from projections.sets import intervals, keys_of
from projections.world import World


def ask_retry(world: World, backfill: Backfill, reason: str | None, now: datetime) -> Ask | Refused:
    """A request for what failed, was skipped or was canceled in a backfill that has ended.

    The successor has its concurrency, order, priority and tags, as they were last. It is planned with the
    code as it is now.
    """
    if backfill.completed is None:
        return Refused(
            f"backfill {backfill.id} has not ended ({backfill.status}); wait until it has, or cancel it first"
        )
    plan = world.plan_of(backfill.request, backfill.request_position)
    if plan is None:
        return Refused(f"the plan of backfill {backfill.id} cannot be read any more; ask for a new backfill")
    undone = dict(_undone(backfill, plan))
    if not undone:
        return Refused(f"backfill {backfill.id} succeeded: nothing of it is left to do")
    choice = _as_code_is_now(world, plan, undone, f"retry {backfill.id}", now)
    if not choice.keys:
        return Refused(f"the code does not have anything of what backfill {backfill.id} left undone any more")
    jobs = [term for term in backfill.request.selection if _is_job(world, term)]
    return Ask(
        # Jobs are named again, so that the policy by which they launch their assets is the same.
        selection=(*jobs, *choice.keys),
        choice=choice,
        reason=reason,
        max_concurrent_runs=backfill.max_concurrent_runs,
        order=backfill.order,
        priority=backfill.priority,
        only_between=backfill.only_between,
        tags=backfill.request.tags,
        parent_backfill_id=backfill.id,
    )


def _undone(backfill: Backfill, plan: Plan) -> Iterator[tuple[str, Ranges]]:
    for asset, group in plan.group_of.items():
        left = group.targets - intervals(backfill.assets[asset].materialized)
        if left:
            yield asset, left


def _as_code_is_now(
    world: World, plan: Plan, undone: Mapping[str, Ranges], told: str, now: datetime
) -> Exactly:
    """The same partitions by key, and those that are not there any more."""
    chosen = Exactly({}, told)
    for asset, left in undone.items():
        before = plan.group_of[asset].partitions
        existing = world.partitions(asset, now)
        if existing is None or (existing is UNPARTITIONED) != (before is UNPARTITIONED):
            chosen.vanished[asset] = keys_of(left, before)
            continue
        same, lost = before.same_keys(left, existing)
        if same:
            chosen.keys[asset] = keys_of(same, existing)
        if lost:
            chosen.vanished[asset] = keys_of(lost, before)
    return chosen


def _is_job(world: World, term: str) -> bool:
    return term not in world.catalog.assets and term.removeprefix(JOB_PREFIX) in world.catalog.jobs
