"""`amend`: what of a backfill is changed while it is under way, as the fact to record or a refusal."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Literal, TypeVar

import msgspec
from pyroaring import BitMap

from backfilld.errors import BackfilldError
from backfilld.partitions import UNPARTITIONED, Partitions
from backfilld.range_text import format_ranges, parse_range_text
from backfilld.ranges import Ranges
from daemon.commands import find_backfill
from daemon.refusal import Refused
from events.facts import BackfillAmended, Liftable, PartitionKeys, RunOrder
from projections.backfill.readiness import to_launch, under_way
from projections.backfill.state import Backfill
from projections.plan import Plan, PlannedGroup
from projections.sets import bitmap, intervals, keys_of
from projections.world import World

RANGES_TOLD_MAX = 3

Value = TypeVar("Value", int, str)


class Amendment(msgspec.Struct, frozen=True):
    """What a person wants changed; what is None stays as it is, ``"none"`` lifts a limit."""

    reason: str | None = None
    max_concurrent_runs: int | Literal["none"] | None = None
    order: RunOrder | None = None
    priority: int | None = None
    retries_max: int | Literal["none"] | None = None
    only_between: str | None = None  # hours of the day, as `daily_hours` reads them
    drops: tuple[str, ...] = ()  # "ASSET" for all of it, "ASSET=TEXT" for some of its partitions


class Amending(msgspec.Struct, frozen=True):
    """An amendment as it can be recorded, and what of the partitions to be dropped is not."""

    fact: BackfillAmended | None  # None: nothing would change
    under_way: dict[str, PartitionKeys | None] = {}  # they stay, with the runs that fill them
    runs_under_way: tuple[str, ...] = ()
    settled: dict[str, PartitionKeys | None] = {}  # nothing more will come of them anyway


def amend(world: World, backfill_id: str, wanted: Amendment) -> Amending | Refused:
    """How a backfill that is under way is changed by what is wanted."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.completed is not None:
        return Refused(
            f"backfill {backfill_id} has ended ({backfill.status}) and cannot be amended; `backfilld retry "
            f"{backfill_id}` launches what it did not fill"
        )
    if backfill.cancel_requested:
        return Refused(f"backfill {backfill_id} is being canceled; there is nothing left of it to amend")
    named = _named(world.plans.get(backfill_id), backfill, wanted.drops)
    if isinstance(named, Refused):
        return named
    dropped = {asset: to_launch(backfill, asset, bits) for asset, (_, bits) in named.items()}
    staying = {
        asset: backfill.assets[asset].unsettled(bits) & under_way(backfill, asset)
        for asset, (_, bits) in named.items()
    }
    fact = BackfillAmended(
        reason=wanted.reason,
        max_concurrent_runs=_changed(wanted.max_concurrent_runs, backfill.max_concurrent_runs),
        order=None if wanted.order == backfill.order else wanted.order,
        priority=None if wanted.priority == backfill.priority else wanted.priority,
        retries_max=_changed(wanted.retries_max, backfill.retries_max),
        only_between=_changed(wanted.only_between, backfill.only_between),
        dropped=_keys(named, dropped),
        lifted=tuple(_lifted(wanted, backfill)),
    )
    settled = {asset: bits - dropped[asset] - staying[asset] for asset, (_, bits) in named.items()}
    return Amending(
        fact=None if fact == BackfillAmended(reason=wanted.reason) else fact,
        under_way=_keys(named, staying),
        runs_under_way=tuple(_runs_over(backfill, staying)),
        settled=_keys(named, settled),
    )


def _changed(wanted: Value | Literal["none"] | None, now: Value | None) -> Value | None:
    value = None if wanted == "none" else wanted
    return None if value == now else value


def _lifted(wanted: Amendment, backfill: Backfill) -> Iterator[Liftable]:
    if wanted.max_concurrent_runs == "none" and backfill.max_concurrent_runs is not None:
        yield "max_concurrent_runs"
    if wanted.retries_max == "none" and backfill.retries_max is not None:
        yield "retries_max"
    if wanted.only_between == "none" and backfill.only_between is not None:
        yield "only_between"


Named = dict[str, tuple[PlannedGroup, BitMap]]


def _named(plan: Plan | None, backfill: Backfill, drops: Sequence[str]) -> Named | Refused:
    """The partitions to be dropped, by asset."""
    if not drops:
        return {}
    if plan is None:
        return Refused(f"the plan of backfill {backfill.id} cannot be read, so nothing of it can be dropped")
    named: Named = {}
    for drop in drops:
        asset, separator, text = (part.strip() for part in drop.partition("="))
        group = plan.group_of.get(asset)
        if group is None:
            return _no_such_asset(backfill.id, asset, tuple(plan.group_of))
        ordinals = _ordinals(backfill.id, asset, group, text) if separator else group.targets
        if isinstance(ordinals, Refused):
            return ordinals
        before = named[asset][1] if asset in named else BitMap()
        named[asset] = (group, before | bitmap(ordinals))
    return named


def _no_such_asset(backfill_id: str, asset: str, known: Sequence[str]) -> Refused:
    near = tuple(get_close_matches(asset, known, n=3))
    hint = f"did you mean {' or '.join(near)}?" if near else f"it fills {', '.join(known)}"
    return Refused(f"backfill {backfill_id} fills nothing of {asset!r}; {hint}", near)


def _ordinals(backfill_id: str, asset: str, group: PlannedGroup, text: str) -> Ranges | Refused:
    """The partitions of an asset that a text names."""
    if group.partitions is UNPARTITIONED:
        return Refused(f"{asset} has no partitions, so {text!r} names none; drop it whole: --drop {asset}")
    try:
        ordinals = parse_range_text(text, group.partitions)
    except BackfilldError as error:
        return Refused(str(error), tuple(getattr(error, "near", ())))
    if not ordinals:
        return Refused(f"{text!r} names no partition of {asset}; it has {group.partitions.described()}")
    others = ordinals - group.targets
    if others:
        return Refused(
            f"backfill {backfill_id} does not fill {_told(others, group.partitions)} of {asset}; of what it "
            f"fills, {_told(group.targets, group.partitions)}, name what is to be dropped"
        )
    return ordinals


def _told(ordinals: Ranges, partitions: Partitions) -> str:
    first = Ranges(ordinals.intervals[:RANGES_TOLD_MAX])
    return format_ranges(first, partitions) + (", …" if first != ordinals else "")


def _keys(named: Named, chosen: dict[str, BitMap]) -> dict[str, PartitionKeys | None]:
    return {
        asset: keys_of(intervals(bits), named[asset][0].partitions) for asset, bits in chosen.items() if bits
    }


def _runs_over(backfill: Backfill, chosen: dict[str, BitMap]) -> Iterator[str]:
    for run in backfill.live.values():
        bits = bitmap(Ranges(run.ordinals))
        if any(chosen[asset].intersect(bits) for asset in run.assets if asset in chosen):
            yield run.run_id
