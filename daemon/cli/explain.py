"""`backfilld explain`: what a backfill, or one partition of it, is waiting for, and what happened before."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from backfilld.errors import UnknownPartitionKeyError
from backfilld.partitions import UNPARTITIONED
from backfilld.ranges import Ranges
from daemon.cli.errors import RefusedError, UsageError, did_you_mean
from daemon.cli.fact_text import counted, ranges_text
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.launch import IdArgument
from daemon.cli.log import Shown, line, shown
from daemon.cli.moment import AsOfOption, Moment
from daemon.cli.output import status_style
from daemon.cli.records import Records, with_records
from daemon.deciding.explaining import Place, Reason, Upstream, Waiting, reason_text, why_not, why_waiting
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

AssetOption = Annotated[
    str | None, typer.Option("--asset", metavar="ASSET", help="One of its assets.", show_default=False)
]
PartitionOption = Annotated[
    str | None,
    typer.Option("--partition", metavar="KEY", help="A partition of that asset.", show_default=False),
]


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


@command
def explain(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    asset: AssetOption = None,
    partition: PartitionOption = None,
    limit: LimitOption = HISTORY_SHOWN,
    as_of: AsOfOption = None,
) -> None:
    """Say what a backfill is waiting for: upstream partitions, limits and who holds them, hours, retries.

    With --asset and --partition, say it of that partition, and tell what happened to it, in order; --limit
    bounds how much of that. Answers come from the log alone, so no daemon need be up.

    backfilld explain k3v9x2ab

    backfilld explain k3v9x2ab --asset daily_sales --partition 2024-03-01 --as-of 2h
    """
    if partition is not None and asset is None:
        raise UsageError("--partition is a partition of an asset: give --asset too.")

    async def read(records: Records) -> Explained | tuple[Backfill, list[Waiting], Moment | None]:
        world = await records.world()
        backfill = await records.backfill(world, backfill_id)
        if backfill.completed is None:
            records.need_all_facts("what others hold that a backfill waits for")
        if asset is None:
            return backfill, why_waiting(world, backfill, records.now()), records.moment
        place = place_of(world, backfill, asset, partition)
        history = [shown(recorded) async for recorded in about(records, backfill, place)]
        return Explained(
            backfill_id=backfill.id,
            status=backfill.status,
            asset=asset,
            partition=partition,
            reasons=why_not(world, backfill, place, records.now()),
            since=datetime.fromisoformat(history[-1].at),
            history=tuple(history[-limit:] if limit else history),
            as_of=records.moment,
        )

    answer = with_records(invocation, read, as_of=as_of)
    if isinstance(answer, Explained):
        invocation.output.value(answer, lambda console: show_one(console, answer))
        return
    backfill, waiting, moment = answer
    value = {"backfill_id": backfill.id, "status": backfill.status, "waiting": waiting, "as_of": moment}
    invocation.output.value(value, lambda console: show_all(console, backfill, waiting))


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


def show_all(console: Console, backfill: Backfill, waiting: list[Waiting]) -> None:
    """Prints what a backfill waits for."""
    head = Text(f"Backfill {backfill.id} ", style="bold")
    head.append(backfill.status, style=status_style(backfill.status))
    console.print(head)
    if backfill.completed is not None:
        console.print("It has ended: nothing waits.")
        return
    if backfill.live:
        console.print(f"{counted(len(backfill.live), 'run')} under way: {', '.join(list(backfill.live)[:5])}")
    if not waiting:
        console.print("Nothing waits to be launched.")
    for each in waiting:
        console.print()
        runs = Text(", ".join(each.assets), style="bold")
        console.print(runs.append(f": {counted(each.runs, 'run')}", style="not bold"), soft_wrap=True)
        show_reasons(console, each.reasons)


def show_one(console: Console, explained: Explained) -> None:
    """Prints what a partition waits for, and its history."""
    partition = "" if explained.partition is None else f" {explained.partition}"
    head = Text(f"{explained.asset}{partition}", style="bold")
    head.append(
        f" in backfill {explained.backfill_id}, {explained.status}; last heard of at "
        f"{explained.since:%Y-%m-%d %H:%M:%S} UTC",
        style="not bold",
    )
    console.print(head, soft_wrap=True)
    show_reasons(console, explained.reasons)
    console.print()
    for fact in explained.history:
        console.print(line(fact), soft_wrap=True)


def show_reasons(console: Console, reasons: tuple[Reason, ...]) -> None:
    """Prints reasons, with the partitions upstream that are waited for."""
    for reason in reasons:
        which = ""
        if isinstance(reason, Upstream) and reason.partitions is not None:
            which = f": {ranges_text(reason.partitions)}"
        console.print(Text(f"  {reason_text(reason)}{which}", style="yellow"), soft_wrap=True)
