"""What a plan has in common with backfills under way: no partition is filled by two runs at once."""

from collections.abc import Iterator

import msgspec

from daemon.planning.planned import PlannedBackfill
from projections.backfill.state import Backfill
from projections.sets import bitmap, intervals, keys_of
from projections.world import World


def with_overlaps(world: World, found: PlannedBackfill) -> PlannedBackfill:
    """The plan with a warning for each asset that a backfill under way has still to fill some of, too."""
    warnings = [
        warning
        for backfill in world.known.active.values()
        if backfill.launching and backfill.id in world.plans
        for warning in _about(world, backfill, found)
    ]
    return msgspec.structs.replace(found, warnings=(*found.warnings, *warnings)) if warnings else found


def _about(world: World, backfill: Backfill, found: PlannedBackfill) -> Iterator[str]:
    for asset, planned in found.plan.group_of.items():
        theirs = world.plans[backfill.id].group_of.get(asset)
        if theirs is None:
            continue
        left = intervals(backfill.assets[asset].unsettled(bitmap(theirs.targets)))
        same, _ = theirs.partitions.same_keys(left, planned.partitions)
        common = same & planned.targets
        if not common:
            continue
        keys = keys_of(common, planned.partitions)
        which = asset
        if keys is not None:
            ends = f"from {keys.ranges[0][0]} to {keys.ranges[-1][1]}"
            which = f"{keys.ranges[0][0]} of {asset}"
            which = which if keys.count == 1 else f"{keys.count:,} partitions of {asset}, {ends}"
        yield (
            f"backfill {backfill.id} has still to fill {which}; no partition is filled by two runs at once, "
            f"so the later one waits for the other"
        )
