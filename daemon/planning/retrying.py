"""What a successor of a backfill is to fill: all that the backfill itself did not."""

from collections.abc import Iterator

from daemon.planning.choice import Exactly
from daemon.planning.planned import Ask
from daemon.planning.selection import JOB_PREFIX
from daemon.refusal import Refused
from events.facts import PartitionKeys
from projections.backfill.state import Backfill
from projections.plan import Plan
from projections.sets import intervals, keys_of
from projections.world import World


def ask_retry(world: World, backfill: Backfill, reason: str | None) -> Ask | Refused:
    """A request for what failed, was skipped or was canceled in a backfill that has ended.

    The successor has its concurrency, order, priority and tags, as they were last. It is planned with the
    code as it is now.
    """
    if backfill.completed is None:
        return Refused(
            f"backfill {backfill.id} has not ended ({backfill.status}); wait until it has, or cancel it first"
        )
    plan = world.plan_of(backfill.request)
    if plan is None:
        return Refused(f"the plan of backfill {backfill.id} cannot be read any more; ask for a new backfill")
    undone = dict(_undone(backfill, plan))
    if not undone:
        return Refused(f"backfill {backfill.id} succeeded: nothing of it is left to do")
    jobs = [term for term in backfill.request.selection if _is_job(world, term)]
    return Ask(
        # Jobs are named again, so that the policy by which they launch their assets is the same.
        selection=tuple(dict.fromkeys([*jobs, *(key for key in undone if key in world.catalog.assets)])),
        choice=Exactly(undone, f"retry {backfill.id}"),
        reason=reason,
        max_concurrent_runs=backfill.max_concurrent_runs,
        order=backfill.order,
        priority=backfill.priority,
        tags=backfill.request.tags,
        parent_backfill_id=backfill.id,
    )


def _undone(backfill: Backfill, plan: Plan) -> Iterator[tuple[str, PartitionKeys | None]]:
    for asset, group in plan.group_of.items():
        left = group.targets - intervals(backfill.assets[asset].materialized)
        if left:
            yield asset, keys_of(left, group.partitions)


def _is_job(world: World, term: str) -> bool:
    return term not in world.catalog.assets and term.removeprefix(JOB_PREFIX) in world.catalog.jobs
