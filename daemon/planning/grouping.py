"""Which assets share runs, and how their partitions are cut into them."""

from collections.abc import Mapping
from typing import NamedTuple

from backfilld.mappings import IdentityPartitionMapping, MultiPartitionMapping
from backfilld.partitions import MultiPartitions, Partitions, PartitionsDefinition, TimeWindowPartitions
from backfilld.ranges import Ranges
from events.facts import RunGroup
from projections.boxes import along_of
from projections.catalog import AssetNode, Dependency, RunPolicy
from projections.cut import Cut, cut_of
from projections.sets import keys_of

CLOSED_CHUNKS_MAX = 1_000  # looked at, to see whether a run has all that it needs of its own assets


class Planning(NamedTuple):
    """What grouping works on: the targeted assets in topological order, and what is to be filled of each."""

    nodes: Mapping[str, AssetNode]
    targets: Mapping[str, Ranges]
    partitions: Mapping[str, Partitions]


class _Place(NamedTuple):
    """When an asset is filled: from the first stage to the last."""

    first: int
    last: int
    turn_taker: str | None  # the asset whose turns it takes part in, being filled in the same runs


class _Together(NamedTuple):
    """What assets have in common that share runs."""

    stage: int
    turn_taker: str | None
    definition: PartitionsDefinition | None
    targets: Ranges
    policy: RunPolicy | None
    code_location: str


def group_runs(planning: Planning) -> tuple[RunGroup, ...]:
    """The groups of a plan, upstream first, as Dagster requests runs where all of them succeed.

    Assets share runs if they have the same partitions definition, targets and policy, live in one code
    location and come at the same stage: one behind the last of what an asset needs, or at the stage of a
    neighbour that can be filled in the same run. An asset whose partitions need each other is filled in
    turns, a stage each, and shares with no others than those downstream that need its partition of their key.
    """
    places: dict[str, _Place] = {}
    shared: dict[_Together, list[str]] = {}
    for key in planning.targets:
        node = planning.nodes[key]
        place = places[key] = _place(planning, node, places)
        together = _Together(
            place.first,
            place.turn_taker,
            node.definition,
            planning.targets[key],
            node.policy,
            node.code_location,
        )
        shared.setdefault(together, []).append(key)
    groups = sorted(shared.items(), key=lambda group: group[0].stage)
    return tuple(_run_group(planning, assets) for _, assets in groups)


def _place(planning: Planning, node: AssetNode, places: Mapping[str, _Place]) -> _Place:
    """Where an asset comes among those before it, in topological order."""
    apart, sharing = [-1], []
    for dep in node.deps:
        upstream = places.get(dep.asset)
        if upstream is None or not _needed(planning, node, dep, planning.targets[node.key]):
            continue
        if _can_share(planning, node, dep):
            sharing.append(upstream)
        else:
            apart.append(upstream.last)
    stage = max([max(apart) + 1, *(upstream.first for upstream in sharing)])
    # Runs that were launched before take nobody in.
    stage = max([stage, *(upstream.last + 1 for upstream in sharing if upstream.first < stage)])
    beside = [upstream for upstream in sharing if upstream.first == stage]
    takers = {upstream.turn_taker for upstream in beside}
    if len(takers) > 1:
        stage, beside = max(upstream.last for upstream in beside) + 1, []
    if beside:
        return beside[0]
    turns = _turns(planning, node)
    return _Place(stage, stage + turns - 1, node.key if turns > 1 else None)


def _needed(planning: Planning, node: AssetNode, dep: Dependency, ordinals: Ranges) -> Ranges:
    """What of the targets of a dependency some partitions of an asset wait for."""
    needed = dep.mapping.upstream_of(
        ordinals,
        downstream_partitions=planning.partitions[node.key],
        upstream_partitions=planning.partitions[dep.asset],
    )
    return needed.existing & planning.targets[dep.asset]


def _can_share(planning: Planning, node: AssetNode, dep: Dependency) -> bool:
    """Whether each run of the upstream asset can fill its neighbour too.

    It can where each partition needs that of its own key, and also where the policy lets one run have all
    that is to be filled at once, if then no run needs what another one fills.
    """
    upstream = planning.nodes[dep.asset]
    targets = planning.targets[node.key]
    is_alike = (
        upstream.definition == node.definition
        and upstream.policy == node.policy
        and upstream.code_location == node.code_location
        and planning.targets[dep.asset] == targets
    )
    if not is_alike or node.looks_back:
        return False
    if node.definition is None or dep.is_by_key:
        return True
    if (
        _turns(planning, upstream) > 1
        or node.policy is None
        or 0 < (node.policy.max_partitions_per_run or 0) <= len(targets)
    ):
        return False
    cut = _cut(planning, [dep.asset, node.key])
    return cut.chunks_total <= CLOSED_CHUNKS_MAX and all(
        _needed(planning, node, dep, chunk).issubset(chunk)
        for chunk in map(cut.chunk, range(cut.chunks_total))
    )


def _turns(planning: Planning, node: AssetNode) -> int:
    """How many times runs of an asset wait for others of it, plus one."""
    dep = next((dep for dep in node.deps if dep.asset == node.key), None)
    targets = planning.targets[node.key]
    if dep is None or not _needed(planning, node, dep, targets):
        return 1
    size_max = node.partitions_per_run_max
    if size_max is None or size_max >= len(targets):
        return 1
    if node.policy is not None:
        return -(-len(targets) // size_max)
    return max(
        stop - start for start, stop in _through_time(planning.partitions[node.key], targets).intervals
    )


def _through_time(partitions: Partitions, targets: Ranges) -> Ranges:
    """Partitions by their places in time, where they have any, whatever else they are."""
    if isinstance(partitions, MultiPartitions):
        axes = _axes_of_time(partitions)
        return partitions.projected(targets, axes[0])
    return targets


def _run_group(planning: Planning, assets: list[str]) -> RunGroup:
    group = _uncounted(planning, assets)
    cut = cut_of(group, planning.partitions[assets[0]], planning.targets[assets[0]])
    return RunGroup(
        assets=group.assets,
        code_location=group.code_location,
        partitions=group.partitions,
        partitions_per_run_max=group.partitions_per_run_max,
        runs_total=cut.chunks_total,
        along=group.along,
        in_turn=group.in_turn,
    )


def _cut(planning: Planning, assets: list[str]) -> Cut:
    return cut_of(_uncounted(planning, assets), planning.partitions[assets[0]], planning.targets[assets[0]])


def _uncounted(planning: Planning, assets: list[str]) -> RunGroup:
    """The group without the number of its runs."""
    node = planning.nodes[assets[0]]
    partitions, targets = planning.partitions[node.key], planning.targets[node.key]
    keys = keys_of(targets, partitions)
    size_max = None if keys is None else node.partitions_per_run_max
    looking_back = next((planning.nodes[key] for key in assets if planning.nodes[key].looks_back), None)
    in_turn = looking_back is not None and size_max not in {1, None}
    along = None
    if isinstance(partitions, MultiPartitions):
        axes = _axes_of_time(partitions)
        if looking_back is not None:
            axes, in_turn = _axes_looked_back(looking_back, partitions)
        along = partitions.names[axes[0]] if size_max == 1 else along_of(partitions, targets, axes)
    return RunGroup(tuple(assets), node.code_location, keys, size_max, 0, along, in_turn)


def _axes_of_time(partitions: MultiPartitions) -> tuple[int, ...]:
    """The dimension of time, if exactly one is, and else both."""
    times = [
        axis for axis, each in enumerate(partitions.dimensions) if isinstance(each, TimeWindowPartitions)
    ]
    return tuple(times) if len(times) == 1 else (0, 1)


def _axes_looked_back(node: AssetNode, partitions: MultiPartitions) -> tuple[tuple[int, ...], bool]:
    """The dimension that an asset looks back along, and whether it sees more there than its own key across.

    Then no run may span more than one place along, or two boxes could each wait for part of the other.
    """
    mapping = next(dep.mapping for dep in node.deps if dep.asset == node.key)
    if not isinstance(mapping, MultiPartitionMapping):
        return _axes_of_time(partitions), True
    by_name = dict(mapping.by_upstream_dimension)
    back = [
        name
        for name, each in by_name.items()
        if name == each.dimension_name and each.partition_mapping.looks_back
    ]
    (across,) = (name for name in partitions.names if name != back[0])
    own = by_name.get(across)
    sees_more = own is None or not isinstance(own.partition_mapping, IdentityPartitionMapping)
    return (partitions.names.index(back[0]),), sees_more
