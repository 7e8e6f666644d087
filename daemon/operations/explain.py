"""What a backfill, or one partition of it, is waiting for, and what happened before."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from backfilld.errors import UnknownPartitionKeyError
from backfilld.partitions import UNPARTITIONED
from backfilld.ranges import Ranges
from daemon.deciding.explaining import Place, Reason, Waiting, why_not, why_waiting
from daemon.operations.errors import RefusedError, UsageError, did_you_mean
from daemon.operations.fields import AssetKey, BackfillId, Part, said
from daemon.operations.log.shown import Shown, shown
from daemon.operations.moment import Moment
from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunLaunched,
)
from events.log import Filter
from projections.backfill.state import Backfill
from projections.plan import Plan
from projections.sets import ranges_of
from projections.world import World

HISTORY_SHOWN = 20
RUNS_NAMED_MAX = 5


class ExplainAsked(PastQuestion, frozen=True, kw_only=True):
    """Of which backfill."""

    backfill_id: BackfillId
    with_runs: Annotated[bool, said("Name the runs under way too.")] = False


class RunsUnderWay(msgspec.Struct, frozen=True):
    """Runs that something waits beside."""

    count: int
    first: tuple[str, ...]  # a few of their ids


class Waitings(msgspec.Struct, frozen=True):
    """What a backfill waits for, as JSON shows it."""

    backfill_id: str
    status: str
    waiting: tuple[Waiting, ...]
    as_of: Moment | None = None  # None: now
    under_way: RunsUnderWay | UnsetType = UNSET  # told where it was asked for


class PartitionAsked(PastQuestion, frozen=True, kw_only=True):
    """Of which partition of a backfill."""

    backfill_id: BackfillId
    asset: AssetKey
    partition: Annotated[
        str | None, said("A partition key of that asset; none of one that has no partitions.")
    ] = None
    limit: Annotated[Part, said("At most so many of the facts about it, the last ones; 0 for all.")] = (
        HISTORY_SHOWN
    )


class Explained(msgspec.Struct, frozen=True):
    """What a partition waits for, or what came of it, as JSON shows it."""

    backfill_id: str
    status: str
    asset: str
    partition: str | None
    reasons: tuple[Reason, ...]
    since: datetime  # the newest fact about it
    history: tuple[Shown, ...]
    as_of: Moment | None = None  # None: now


def need_what_it_waits_for(records: Records, backfill: Backfill) -> None:
    """Nothing, if it can be told what a backfill under way waits for.

    :raises RefusedError: the records have the facts about some backfills only.
    """
    if backfill.completed is None:
        records.need_all_facts("what others hold that a backfill waits for")


@operation("GET", "/backfills/{backfill_id}/explain")
async def explain(records: Records, asked: ExplainAsked) -> Waitings:
    """Say what a backfill is waiting for: upstream partitions, limits and who holds them, hours, retries.

    :raises UnknownError: there is no such backfill.
    """
    world = await records.world()
    backfill = await records.backfill(world, asked.backfill_id)
    need_what_it_waits_for(records, backfill)
    found = Waitings(
        backfill.id, backfill.status, tuple(why_waiting(world, backfill, records.now())), records.moment
    )
    if not asked.with_runs:
        return found
    under_way = RunsUnderWay(len(backfill.live), tuple(islice(backfill.live, RUNS_NAMED_MAX)))
    return msgspec.structs.replace(found, under_way=under_way)


@operation("GET", "/backfills/{backfill_id}/explain/{asset:path}")
async def explain_partition(records: Records, asked: PartitionAsked) -> Explained:
    """Say what a partition of a backfill is waiting for, and tell what happened to it, in order.

    :raises UnknownError: there is no such backfill.
    :raises RefusedError: the backfill does not fill that partition.
    :raises UsageError: the asset has partitions, and none is named.
    """
    world = await records.world()
    backfill = await records.backfill(world, asked.backfill_id)
    need_what_it_waits_for(records, backfill)
    place = place_of(world, backfill, asked.asset, asked.partition)
    history = [shown(recorded) async for recorded in about(records, backfill, place)]
    # What was awaited may have moved the world on, and what it says now may not be what the facts say.
    backfill = await records.backfill(world, asked.backfill_id)
    return Explained(
        backfill_id=backfill.id,
        status=backfill.status,
        asset=asked.asset,
        partition=asked.partition,
        reasons=why_not(world, backfill, place, records.now()),
        since=datetime.fromisoformat(history[-1].at),
        history=tuple(history[-asked.limit :] if asked.limit else history),
        as_of=records.moment,
    )


def place_of(world: World, backfill: Backfill, asset: str, key: str | None) -> Place:
    """The partition that is meant.

    :raises RefusedError: it is none of the backfill's.
    """
    plan = world.plans.get(backfill.id) or world.plan_of(backfill.request, backfill.request_position)
    if plan is None:
        raise RefusedError(f"the plan of backfill {backfill.id} cannot be read any more.")
    return Place(plan, asset, planned_ordinal(backfill, plan, asset, key))


def planned_ordinal(backfill: Backfill, plan: Plan, asset: str, key: str | None) -> int:
    """The ordinal that a partition has in the plan.

    :raises RefusedError: it is none of the backfill's.
    """
    group = plan.group_of.get(asset)
    if group is None:
        hint = did_you_mean(asset, plan.group_of)
        raise RefusedError(f"backfill {backfill.id} does not fill {asset!r}.{hint}")
    if group.partitions is UNPARTITIONED:
        if key is not None:
            raise RefusedError(f"{asset} has no partitions, so there is no {key!r}; leave --partition out.")
        return 0
    if key is None:
        raise UsageError(f"--partition? {asset} has {len(group.targets):,} in this backfill.")
    try:
        ordinal = group.partitions.ordinal(key)
    except UnknownPartitionKeyError as error:
        raise RefusedError(f"{error}.") from error
    if ordinal not in group.targets:
        raise RefusedError(f"backfill {backfill.id} does not fill {key!r} of {asset}.")
    return ordinal


async def about(records: Records, backfill: Backfill, place: Place) -> AsyncIterator[Recorded]:
    """The facts about a partition and about what it needs upstream, in the order of the log."""
    plan, asset, ordinal = place
    one = Ranges.single(ordinal)
    group = plan.group_of[asset]
    needed = {asset: one}
    for edge in plan.edges_into[group.index]:
        if edge.downstream == asset:
            needed[edge.upstream] = needed.get(edge.upstream, Ranges()) | edge.needed(one)
    runs: set[str] = set()
    async with aclosing(
        records.log.read(upto=records.upto, matching=Filter(backfill_id=backfill.id))
    ) as batches:
        async for batch in batches:
            for recorded in batch:
                if concerns(recorded, plan, asset, needed, runs):
                    yield recorded


def concerns(recorded: Recorded, plan: Plan, asset: str, needed: dict[str, Ranges], runs: set[str]) -> bool:
    """Whether a fact of the backfill tells of these partitions; runs over the asset's own are gathered."""
    fact = recorded.fact
    match fact:
        case RunLaunched() if asset in fact.assets:
            covered = ranges_of(fact.partitions, plan.group_of[asset].partitions)
            if not covered.isdisjoint(needed[asset]):
                runs.add(recorded.run_id or "")
                return True
            return False
        case PartitionMaterialized() | PartitionFailed() | PartitionSkipped():
            wanted = needed.get(fact.asset)
            if not wanted:
                return False
            return not ranges_of(fact.partitions, plan.group_of[fact.asset].partitions).isdisjoint(wanted)
        case (
            BackfillRequested()
            | BackfillPaused()
            | BackfillResumed()
            | BackfillAmended()
            | BackfillCancelRequested()
        ):
            return True
    return recorded.run_id in runs
