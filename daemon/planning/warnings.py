"""What a person should know before launching a plan that is nevertheless fine."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from backfilld.partitions import Partitions
from daemon.planning.targets import Targets
from events.facts import PartitionKeys
from projections.asset_status import AssetStatus
from projections.catalog import Catalog, Dependency, partitions_at
from projections.sets import intervals, keys_of

NONEXISTENT_NAMED_MAX = 3


def find_warnings(
    catalog: Catalog, targets: Targets, statuses: Mapping[str, AssetStatus], as_of: datetime
) -> tuple[str, ...]:
    """One sentence for each thing worth knowing, in the order of the assets."""
    return tuple(
        warning
        for key in targets.ordinals
        for dep in catalog.assets[key].deps
        if dep.asset in catalog.assets
        for warning in _about_upstream(
            partitions_at(catalog.assets[dep.asset].definition, as_of),
            targets,
            key,
            dep,
            statuses.get(dep.asset),
        )
    )


def _about_upstream(
    upstream: Partitions, targets: Targets, key: str, dep: Dependency, status: AssetStatus | None
) -> Iterator[str]:
    needed = dep.mapping.upstream_of(
        targets.ordinals[key], downstream_partitions=targets.partitions[key], upstream_partitions=upstream
    )
    missing = needed.existing
    if dep.asset in targets.ordinals:
        missing -= targets.ordinals[dep.asset]
    if status is not None:
        missing -= intervals(status.materialized)
    if missing:
        yield _missing(key, dep.asset, keys_of(missing, upstream))
    if needed.nonexistent:
        named = ", ".join(needed.nonexistent[:NONEXISTENT_NAMED_MAX])
        yield f"{key} needs partitions of {dep.asset} that do not exist: {named}"


def _missing(key: str, upstream: str, keys: PartitionKeys | None) -> str:
    if keys is None:
        return f"{key} needs {upstream}, which was never materialized and is not part of this backfill"
    if keys.count == 1:
        only = keys.ranges[0][0]
        return (
            f"{key} needs {only} of {upstream}, which was never materialized and is not part of this backfill"
        )
    first, last = keys.ranges[0][0], keys.ranges[-1][1]
    return (
        f"{key} needs {keys.count:,} partitions of {upstream}, from {first} to {last}, that were never "
        f"materialized and are not part of this backfill"
    )
