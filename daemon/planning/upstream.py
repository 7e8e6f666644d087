"""What a plan needs of assets upstream that neither it nor any backfill before it fills."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from daemon.planning.targets import Targets
from projections.asset_status import AssetStatus
from projections.catalog import Catalog, Dependency, partitions_at
from projections.sets import intervals, keys_of

NONEXISTENT_NAMED_MAX = 3


class Wanting(msgspec.Struct, frozen=True):
    """Partitions upstream that an asset needs and nobody fills; or keys of such that do not exist at all."""

    asset: str
    upstream: str
    missing: Ranges
    nonexistent: tuple[str, ...]
    partitions: Partitions  # of the asset upstream

    def sentences(self) -> Iterator[str]:
        """What a person should know about it."""
        if self.missing:
            yield self._missing_text()
        if self.nonexistent:
            named = ", ".join(self.nonexistent[:NONEXISTENT_NAMED_MAX])
            more = len(self.nonexistent) - NONEXISTENT_NAMED_MAX
            rest = f" and {more:,} more" if more > 0 else ""
            yield f"{self.asset} needs partitions of {self.upstream} that do not exist: {named}{rest}"

    def _missing_text(self) -> str:
        keys = keys_of(self.missing, self.partitions)
        asset, upstream = self.asset, self.upstream
        if keys is None:
            return f"{asset} needs {upstream}, which was never materialized and is not part of this backfill"
        if keys.count == 1:
            return (
                f"{asset} needs {keys.ranges[0][0]} of {upstream}, which was never materialized and is not "
                f"part of this backfill"
            )
        first, last = keys.ranges[0][0], keys.ranges[-1][1]
        return (
            f"{asset} needs {keys.count:,} partitions of {upstream}, from {first} to {last}, that were never "
            f"materialized and are not part of this backfill"
        )


def find_wanting(
    catalog: Catalog, targets: Targets, statuses: Mapping[str, AssetStatus], as_of: datetime
) -> tuple[Wanting, ...]:
    """Everything that is wanting, in the order of the assets."""
    found = (
        _wanting(targets, key, dep, partitions_at(upstream.definition, as_of), statuses.get(dep.asset))
        for key in targets.ordinals
        for dep in catalog.assets[key].deps
        if (upstream := catalog.assets.get(dep.asset)) is not None
    )
    return tuple(each for each in found if each.missing or each.nonexistent)


def with_upstream(
    catalog: Catalog, targets: Targets, statuses: Mapping[str, AssetStatus], as_of: datetime
) -> Targets:
    """The targets and all that they need upstream, however far, as far as it was never materialized."""
    ordinals, partitions = dict(targets.ordinals), dict(targets.partitions)
    so_far = Targets(ordinals, partitions, ())
    for key in reversed(catalog.assets):
        for dep in catalog.assets[key].deps if key in ordinals else ():
            if dep.asset not in catalog.assets:
                continue
            upstream = partitions_at(catalog.assets[dep.asset].definition, as_of)
            status = statuses.get(dep.asset)
            # An asset that needs its own past may need more of it for what is added.
            while missing := _wanting(so_far, key, dep, upstream, status).missing:
                if dep.asset == key and _needs_the_one_before(dep):
                    missing = _back_to_the_last_filled(missing, upstream, status)
                ordinals[dep.asset] = ordinals.get(dep.asset, Ranges()) | missing
                partitions[dep.asset] = upstream
    left_out = tuple(
        left for left in targets.left_out if left.partitions is not None or left.asset not in ordinals
    )
    return Targets({key: ordinals[key] for key in catalog.assets if key in ordinals}, partitions, left_out)


def _needs_the_one_before(dep: Dependency) -> bool:
    return isinstance(dep.mapping, TimeWindowPartitionMapping) and dep.mapping.end_offset == -1


def _back_to_the_last_filled(missing: Ranges, partitions: Partitions, status: AssetStatus | None) -> Ranges:
    """The partitions from those given back to the last one before them that is materialized."""
    unfilled = partitions.all() - (intervals(status.materialized) if status is not None else Ranges())
    return Ranges.of(
        (start, within.last + 1)
        for start, stop in unfilled.intervals
        if (within := missing & Ranges.span(start, stop))
    )


def _wanting(
    targets: Targets, key: str, dep: Dependency, upstream: Partitions, status: AssetStatus | None
) -> Wanting:
    needed = dep.mapping.upstream_of(
        targets.ordinals[key], downstream_partitions=targets.partitions[key], upstream_partitions=upstream
    )
    missing = needed.existing - targets.ordinals.get(dep.asset, Ranges())
    if missing and status is not None:
        missing -= intervals(status.materialized)
    return Wanting(key, dep.asset, missing, needed.nonexistent, upstream)
