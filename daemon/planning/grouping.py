"""Which assets share runs, and how their partitions are cut into them."""

from collections.abc import Mapping

from backfilld.mappings import IdentityPartitionMapping, TimeWindowPartitionMapping
from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from events.facts import RunGroup
from projections.catalog import AssetNode, Catalog, Dependency
from projections.cut import Cut
from projections.sets import keys_of


def group_runs(
    catalog: Catalog, targets: Mapping[str, Ranges], partitions: Mapping[str, Partitions]
) -> tuple[RunGroup, ...]:
    """The groups of a plan, upstream first: neighbours join where one run can do for both.

    Two neighbours share runs if they have the same partitions definition, policy and targets, live in one
    code location, and the one needs exactly the other's partition of the same key. An asset that needs a
    partition of its own stays alone, and so does one that would make two groups wait for each other.
    """
    groups: list[list[str]] = []
    group_of: dict[str, int] = {}
    depth: dict[int, int] = {}  # of a group: the longest chain of groups it waits for
    for key in targets:
        node = catalog.assets[key]
        upstream = sorted({group_of[dep.asset] for dep in node.deps if dep.asset in group_of})
        joined = _group_to_join(catalog, node, targets, groups, upstream)
        waits = max((depth[index] for index in upstream if index != joined), default=-1) + 1
        if joined is None or waits > depth[joined]:
            joined = len(groups)
            groups.append([])
            depth[joined] = max((depth[index] for index in upstream), default=-1) + 1
        groups[joined].append(key)
        group_of[key] = joined
    ordered = sorted(range(len(groups)), key=lambda index: (depth[index], index))
    return tuple(_run_group(catalog, groups[index], targets, partitions) for index in ordered)


def _group_to_join(
    catalog: Catalog,
    node: AssetNode,
    targets: Mapping[str, Ranges],
    groups: list[list[str]],
    upstream: list[int],
) -> int | None:
    if any(dep.asset == node.key for dep in node.deps):
        return None
    for index in upstream:
        members = groups[index]
        deps = [dep for dep in node.deps if dep.asset in members]
        if all(_can_share(catalog.assets[dep.asset], node, dep, targets) for dep in deps):
            return index
    return None


def _can_share(upstream: AssetNode, node: AssetNode, dep: Dependency, targets: Mapping[str, Ranges]) -> bool:
    return (
        upstream.definition == node.definition
        and upstream.partitions_per_run_max == node.partitions_per_run_max
        and upstream.code_location == node.code_location
        and targets[upstream.key] == targets[node.key]
        and (node.definition is None or _same_key(dep))
        and all(own.asset != upstream.key for own in upstream.deps)
    )


def _same_key(dep: Dependency) -> bool:
    """Whether, between equal definitions, each partition needs exactly the one with its own key."""
    mapping = dep.mapping
    if isinstance(mapping, TimeWindowPartitionMapping):
        return mapping.start_offset == 0 and mapping.end_offset == 0
    return isinstance(mapping, IdentityPartitionMapping)


def _run_group(
    catalog: Catalog, assets: list[str], targets: Mapping[str, Ranges], partitions: Mapping[str, Partitions]
) -> RunGroup:
    node = catalog.assets[assets[0]]
    keys = keys_of(targets[node.key], partitions[node.key])
    size_max = None if keys is None else node.partitions_per_run_max
    return RunGroup(
        assets=tuple(assets),
        code_location=node.code_location,
        partitions=keys,
        partitions_per_run_max=size_max,
        runs_total=Cut(targets[node.key], size_max).chunks_total,
    )
