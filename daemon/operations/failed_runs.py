"""The runs whose partitions failed for good: of a partition that was tried again, the last attempt alone."""

from contextlib import aclosing
from typing import Final

import msgspec
from pyroaring import BitMap

from daemon.fact_text import one_line
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import PartitionKeys, RunFailed, RunLaunched, RunLost
from events.log import Filter
from projections.backfill.state import Backfill
from projections.plan import Plan
from projections.sets import bitmap, intervals, keys_of, ranges_of
from projections.world import World

SHOWN_MAX: Final = 5
LOOKED_AT_MAX: Final = 40  # runs that failed, the newest ones


class FailedRun(msgspec.Struct, frozen=True):
    """A run whose partitions failed for good."""

    run_id: str
    assets: tuple[str, ...]
    partitions: PartitionKeys | None
    reason: str


async def failed_runs(records: Records, world: World, backfill: Backfill) -> tuple[FailedRun, ...]:
    """The newest runs that left partitions failed for good, in the order of the plan."""
    plan = world.plans.get(backfill.id) or world.plan_of(backfill.request, backfill.request_position)
    if plan is None or not any(progress.failed for progress in backfill.assets.values()):
        return ()
    ends = await _ends(records, backfill.id)
    launches = await _launches(records, frozenset(each.run_id or "" for each in ends))
    # What was awaited may have moved the world on, and the backfill is another object then.
    backfill = world.backfill(backfill.id) or backfill
    rest = {asset: progress.failed.copy() for asset, progress in backfill.assets.items()}
    found: list[tuple[int, FailedRun]] = []
    for end in ends:
        launch = launches.get(end.run_id or "")
        failed = None if launch is None else _left_failed(end, launch, plan, rest)
        if launch is not None and failed is not None:
            found.append((launch.number, failed))
        if len(found) == SHOWN_MAX:
            break
    return tuple(failed for _, failed in sorted(found, key=lambda each: (each[0], each[1].run_id)))


def _left_failed(end: Recorded, launch: RunLaunched, plan: Plan, rest: dict[str, BitMap]) -> FailedRun | None:
    """What of the rest the run left failed, which is taken out of the rest; None if that is nothing."""
    group = plan.group_at(launch.number)
    ordinals = bitmap(ranges_of(launch.partitions, group.partitions))
    failed = {asset: bits for asset in launch.assets if (bits := rest[asset] & ordinals)}
    for asset, bits in failed.items():
        rest[asset] -= bits
    if not failed:
        return None
    undone = intervals(next(iter(failed.values())))
    return FailedRun(end.run_id or "", tuple(failed), keys_of(undone, group.partitions), reason_of(end))


async def _ends(records: Records, backfill_id: str) -> list[Recorded]:
    """How the newest runs ended that failed, the newest first."""
    found: list[Recorded] = []
    for kind in (RunFailed, RunLost):  # One at a time: of a long backfill an index has those of one type.
        matching = Filter(backfill_id=backfill_id, types=frozenset({kind.__name__}))
        read = records.log.read(upto=records.upto, matching=matching, newest_first=True)
        count = 0
        async with aclosing(read) as batches:
            async for batch in batches:
                found += batch[: LOOKED_AT_MAX - count]
                count += len(batch)
                if count >= LOOKED_AT_MAX:
                    break
    return sorted(found, key=lambda end: -end.position)[:LOOKED_AT_MAX]


async def _launches(records: Records, run_ids: frozenset[str]) -> dict[str, RunLaunched]:
    """How runs were launched; of none of them if none are named."""
    launches: dict[str, RunLaunched] = {}
    if not run_ids:
        return launches
    matching = Filter(types=frozenset({RunLaunched.__name__}), run_ids=run_ids)
    async with aclosing(records.log.read(upto=records.upto, matching=matching)) as batches:
        async for batch in batches:
            for recorded in batch:
                if isinstance(recorded.fact, RunLaunched):
                    launches[recorded.run_id or ""] = recorded.fact
    return launches


def reason_of(end: Recorded) -> str:
    """Why a run came to no good end."""
    match end.fact:
        case RunFailed(failure=failure):
            return one_line(f"{failure.type}: {failure.message}" if failure.message else failure.type)
        case RunLost(reason=reason):
            return one_line(reason)
        case _:
            return ""
