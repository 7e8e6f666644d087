"""What is different between two worlds of one log: a pure function of both."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec
from pyroaring import BitMap

from backfilld.partitions import UNPARTITIONED, Partitions
from backfilld.ranges import Ranges
from events.facts import LeaderElected
from projections.asset_status import PARTITION_STATUSES, AssetStatus
from projections.backfill.state import AssetProgress, Backfill
from projections.catalog import partitions_at
from projections.pools import Pool
from projections.sets import intervals
from projections.world import NotLoaded, World

Fate: TypeAlias = Literal["materialized", "failed", "skipped", "canceled"]
FATES: tuple[Fate, ...] = ("materialized", "failed", "skipped", "canceled")
AMENDABLE = ("max_concurrent_runs", "priority", "order", "only_between", "retries_max")


class BackfillChange(msgspec.Struct, frozen=True):
    """What became of a backfill."""

    id: str
    selection: tuple[str, ...]
    status_before: str | None  # None: it was asked for since
    status: str
    runs_launched: int
    runs_ended: int
    partitions: dict[str, dict[Fate, int]]  # by asset: how many of its partitions got which fate in it
    amended: dict[str, tuple[object, object]] = {}  # what of it: before and after


class PartitionsChange(msgspec.Struct, frozen=True):
    """What became of the partitions of an asset, by ordinal; never anything of all kinds at once."""

    asset: str
    partitions: Partitions  # that the ordinals count
    became: dict[str, Ranges]  # by the status, or in a backfill the fate, that they got
    appeared: Ranges = Ranges()  # windows that have ended since, keys that were added
    gone: int = 0  # how many partitions it has no more


class CodeChange(msgspec.Struct, frozen=True):
    """What became of a code location: the digests of its manifests, and whether its newest code loads."""

    code_location: str
    digest_before: str | None
    digest: str | None
    not_loaded_before: NotLoaded | None
    not_loaded: NotLoaded | None


class Limits(msgspec.Struct, frozen=True):
    """The limits of a pool."""

    slots: int | None = None
    rate_per_minute: float | None = None
    only_between: str | None = None


class PoolChange(msgspec.Struct, frozen=True):
    """Other limits of a pool."""

    pool: str
    before: Limits
    after: Limits


class KeysChange(msgspec.Struct, frozen=True):
    """Keys that came to a dynamic set and keys that went."""

    name: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Between(msgspec.Struct, frozen=True):
    """Two worlds of one log, the earlier one first, and the times that were now then."""

    before: World
    before_at: datetime
    after: World
    after_at: datetime


def backfill_changes(between: Between) -> list[BackfillChange]:
    """The backfills that anything became of, in the order they were asked for."""
    before, after = between.before, between.after
    backfills = (*after.known.ended.values(), *after.known.active.values())
    changed = (
        backfill
        for backfill in backfills
        if (then := before.backfill(backfill.id)) is None or then.last_event_id != backfill.last_event_id
        or then.status != backfill.status
    )  # fmt: skip
    return [
        _backfill_change(before.backfill(backfill.id), backfill)
        for backfill in sorted(changed, key=lambda each: each.request_position)
    ]


def _backfill_change(then: Backfill | None, now: Backfill) -> BackfillChange:
    launched = now.runs_launched - (0 if then is None else then.runs_launched)
    live_more = len(now.live) - (0 if then is None else len(then.live))
    fates = {
        asset: _fates(None if then is None else then.assets[asset], now.assets[asset]) for asset in now.assets
    }
    return BackfillChange(
        id=now.id,
        selection=now.request.selection,
        status_before=None if then is None else then.status,
        status=now.status,
        runs_launched=launched,
        runs_ended=launched - live_more,
        partitions={
            asset: {fate: len(bits) for fate, bits in by_fate.items() if bits}
            for asset, by_fate in fates.items()
            if any(by_fate.values())
        },
        amended={}
        if then is None
        else {
            field: (getattr(then, field), getattr(now, field))
            for field in AMENDABLE
            if getattr(then, field) != getattr(now, field)
        },
    )


def _fates(then: AssetProgress | None, now: AssetProgress) -> dict[Fate, BitMap]:
    """The partitions that got a fate since."""
    return {
        fate: getattr(now, fate) if then is None else getattr(now, fate) - getattr(then, fate)
        for fate in FATES
    }


def fates_within(between: Between, backfill_id: str) -> list[PartitionsChange]:
    """What became of partitions in one backfill of the later world, asset by asset; their fates within it."""
    now, then = between.after.backfill(backfill_id), between.before.backfill(backfill_id)
    plan = None if now is None else between.after.plan_of(now.request, now.request_position)
    if now is None or plan is None:
        return []
    changes = []
    for asset, progress in now.assets.items():
        fates = _fates(None if then is None else then.assets[asset], progress)
        became = {str(fate): intervals(bits) for fate, bits in fates.items() if bits}
        if became:
            changes.append(PartitionsChange(asset, plan.group_of[asset].partitions, became))
    return changes


def partitions_changes(between: Between, asset: str | None = None) -> list[PartitionsChange]:
    """What became of the partitions of all assets, or of one, upstream first; in the end those of no more."""
    both = {**between.after.catalog.assets, **between.before.catalog.assets}
    assets = both if asset is None else (asset,)
    return [change for each in assets if (change := _partitions_change(between, each)) is not None]


def _partitions_change(between: Between, asset: str) -> PartitionsChange | None:
    had, has = (world.catalog.assets.get(asset) for world in (between.before, between.after))
    if has is None:
        left = UNPARTITIONED if had is None else partitions_at(had.definition, between.before_at)
        return None if had is None else PartitionsChange(asset, left, {}, gone=len(left))
    new = partitions_at(has.definition, between.after_at)
    if had is None:  # Then the change of code tells of its partitions.
        statuses = _statuses(between.after, asset, between.after_at, new)
        return _change(asset, new, {"missing": new.all()}, statuses, Ranges())
    old = partitions_at(had.definition, between.before_at)

    def moved(ordinals: Ranges) -> Ranges:
        if old is UNPARTITIONED or new is UNPARTITIONED:
            return ordinals if old is new else Ranges()
        same, _ = old.same_keys(ordinals, new)
        return same

    kept = moved(old.all())
    before = {
        status: moved(ordinals)
        for status, ordinals in _statuses(between.before, asset, between.before_at, old).items()
    }
    after = _statuses(between.after, asset, between.after_at, new)
    return _change(asset, new, before, after, new.all() - kept, gone=len(old) - len(kept))


def _change(
    asset: str,
    partitions: Partitions,
    before: Mapping[str, Ranges],
    after: Mapping[str, Ranges],
    appeared: Ranges,
    *,
    gone: int = 0,
) -> PartitionsChange | None:
    """The change of an asset; None where there is none. What appeared is missing, and that is no change."""
    became = {status: ordinals - before.get(status, Ranges()) for status, ordinals in after.items()}
    became["missing"] -= appeared
    became = {status: ordinals for status, ordinals in became.items() if ordinals}
    if not (became or appeared or gone):
        return None
    return PartitionsChange(asset, partitions, became, appeared, gone)


def _statuses(world: World, asset: str, at: datetime, partitions: Partitions) -> dict[str, Ranges]:
    found = world.statuses(at).get(asset, AssetStatus()).by_status(partitions.all())
    return {status: found[status] for status in PARTITION_STATUSES}


def code_changes(between: Between) -> list[CodeChange]:
    """The code locations whose manifest, or whose state, is another."""
    then, now = between.before.known, between.after.known
    names = sorted({*then.manifests, *now.manifests, *then.not_loaded, *now.not_loaded})
    changes = (
        CodeChange(
            name,
            then.manifests.get(name),
            now.manifests.get(name),
            then.not_loaded.get(name),
            now.not_loaded.get(name),
        )
        for name in names
    )
    return [
        change
        for change in changes
        if (change.digest_before, change.not_loaded_before) != (change.digest, change.not_loaded)
    ]


def pool_changes(between: Between) -> list[PoolChange]:
    """The pools with other limits."""
    then, now = between.before.known.pools, between.after.known.pools
    changes = (PoolChange(name, _limits(then.get(name)), _limits(now[name])) for name in sorted(now))
    return [change for change in changes if change.before != change.after]


def _limits(pool: Pool | None) -> Limits:
    return Limits() if pool is None else Limits(pool.slots, pool.rate_per_minute, pool.only_between)


def keys_changes(between: Between) -> list[KeysChange]:
    """The dynamic sets with other keys."""
    return list(_keys_changes(between))


def _keys_changes(between: Between) -> Iterator[KeysChange]:
    then, now = between.before.known.dynamic, between.after.known.dynamic
    for name in sorted(now):
        old = then[name].keys_at(between.before.position) if name in then else ()
        new = now[name].keys_at(between.after.position)
        had, has = set(old), set(new)
        added = tuple(key for key in new if key not in had)
        removed = tuple(key for key in old if key not in has)
        if added or removed:
            yield KeysChange(name, added, removed)


def new_leader(between: Between) -> LeaderElected | None:
    """The last daemon that took the lead, if any did since."""
    then, now = between.before.known.leader, between.after.known.leader
    return None if now is None or (then and then.daemon_id == now.daemon_id) else now
