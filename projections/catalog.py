"""The assets a set of manifests declares, as a graph."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from backfilld.manifest import (
    mapping_from_plain,
    partitions_definition_from_plain,
    selection_from_plain,
)
from backfilld.mappings import (
    IdentityPartitionMapping,
    PartitionMapping,
    TimeWindowPartitionMapping,
    infer_mapping,
)
from backfilld.partitions import UNPARTITIONED, Partitions, PartitionsDefinition


class RetrySpec(msgspec.Struct, frozen=True):
    """How often and when a failed run is tried again."""

    max_retries: int
    delay_s: float | None = None
    backoff: str | None = None  # "linear" or "exponential"
    jitter: str | None = None  # "full" or "plus_minus"


class RunPolicy(msgspec.Struct, frozen=True):
    """The backfill policy of an asset."""

    max_partitions_per_run: int | None  # None: a run for each unbroken range


class Dependency(msgspec.Struct, frozen=True):
    """One upstream neighbour of an asset and the way its partitions are needed."""

    asset: str
    mapping: PartitionMapping

    @property
    def is_by_key(self) -> bool:
        """Whether, between equal definitions, each partition needs exactly the one with its own key."""
        if isinstance(self.mapping, TimeWindowPartitionMapping):
            return self.mapping.start_offset == 0 and self.mapping.end_offset == 0
        return isinstance(self.mapping, IdentityPartitionMapping)


class AssetNode(msgspec.Struct, frozen=True):
    """An asset as its manifest declares it."""

    key: str
    code_location: str
    definition: PartitionsDefinition | None
    deps: tuple[Dependency, ...]
    policy: RunPolicy | None  # None: a run per partition
    group: str = "default"
    description: str | None = None
    retry: RetrySpec | None = None
    timeout_s: float | None = None  # of its part in a run
    pool: str | None = None
    code_version: str | None = None
    tags: dict[str, str] = {}
    metadata: dict[str, Any] = {}

    @property
    def partitions_per_run_max(self) -> int | None:
        """How many partitions a run of it may have; None: no bound."""
        return 1 if self.policy is None else self.policy.max_partitions_per_run

    @property
    def looks_back(self) -> bool:
        """Whether partitions of it need others of its own."""
        return any(dep.asset == self.key for dep in self.deps)

    @property
    def policy_text(self) -> str:
        """The backfill policy in words."""
        return policy_text(self.partitions_per_run_max)


def policy_text(partitions_per_run_max: int | None) -> str:
    """How many partitions a run may have, in words."""
    if partitions_per_run_max is None:
        return "single run"
    if partitions_per_run_max == 1:
        return "a run per partition"
    return f"up to {partitions_per_run_max:,} partitions a run"


class JobNode(msgspec.Struct, frozen=True):
    """A job as its manifest declares it."""

    name: str
    code_location: str
    assets: tuple[str, ...]  # that its selection comes to, in topological order
    tags: dict[str, str] = {}


class Catalog:
    """All assets of the code locations loaded, in topological order, and the jobs over them.

    Deps that no asset defines are external: they are listed in ``external`` and never block.
    """

    def __init__(self, assets: Iterable[AssetNode]) -> None:
        self.jobs: dict[str, JobNode] = {}
        nodes = {node.key: node for node in assets}
        self.assets: dict[str, AssetNode] = {key: nodes[key] for key in _topological_order(nodes)}
        self.external: frozenset[str] = frozenset(
            dep.asset for node in nodes.values() for dep in node.deps if dep.asset not in nodes
        )
        downstream: dict[str, list[str]] = {key: [] for key in self.assets}
        for key, node in self.assets.items():
            for dep in node.deps:
                if dep.asset in downstream:
                    downstream[dep.asset].append(key)
        self._downstream = {key: tuple(keys) for key, keys in downstream.items()}
        self.dynamic_names: frozenset[str] = frozenset().union(
            *(node.definition.dynamic_names for node in nodes.values() if node.definition is not None)
        )

    @classmethod
    def of(
        cls,
        manifests: Mapping[str, Mapping[str, Any]],
        made: dict[Hashable, PartitionsDefinition | None] | None = None,
    ) -> "Catalog":
        """The catalog of manifests by code location. The first location, by name, owns an asset.

        Partitions definitions are taken from ``made``, which is to be given to every call whose catalogs
        shall share them, and put there.
        """
        plain: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for location in sorted(manifests):
            for asset in manifests[location]["assets"]:
                plain.setdefault(asset["key"], (location, asset))
        made = {} if made is None else made
        definitions = {key: _shared(made, asset["partitions_def"]) for key, (_, asset) in plain.items()}
        catalog = cls(_node(location, asset, definitions) for location, asset in plain.values())
        for location in sorted(manifests):
            for job in manifests[location]["jobs"]:
                catalog.jobs.setdefault(job["name"], _job(location, job, catalog))
        return catalog

    @property
    def keys(self) -> Collection[str]:
        """The assets there are."""
        return self.assets.keys()

    def bound(self, dynamic_keys: Mapping[str, Sequence[str]]) -> "Catalog":
        """The catalog whose dynamic partitions have these keys, by name of the set; others are the same."""
        if not self.dynamic_names:
            return self
        bound, made = copy(self), dict[PartitionsDefinition, PartitionsDefinition]()
        bound.assets = {key: _bound(made, node, dynamic_keys) for key, node in self.assets.items()}
        return bound

    def upstream(self, key: str) -> tuple[str, ...]:
        """The assets of this catalog that ``key`` needs directly, itself left out."""
        return tuple(
            dep.asset for dep in self.assets[key].deps if dep.asset in self.assets and dep.asset != key
        )

    def downstream(self, key: str) -> tuple[str, ...]:
        """The assets that need ``key`` directly, itself left out."""
        return tuple(other for other in self._downstream[key] if other != key)

    def group(self, key: str) -> str:
        """The group that an asset is in."""
        return self.assets[key].group

    def tags(self, key: str) -> Mapping[str, str]:
        """The tags of an asset."""
        return self.assets[key].tags

    def of_code_location(self, name: str) -> "Catalog":
        """The assets of one code location alone."""
        return Catalog(node for node in self.assets.values() if node.code_location == name)


def _shared(
    made: dict[Hashable, PartitionsDefinition | None], plain: Mapping[str, Any] | None
) -> PartitionsDefinition | None:
    """The definition, made once for all assets that declare the same: a million keys are then held once."""
    form = _hashable(plain)
    if form not in made:
        made[form] = partitions_definition_from_plain(plain, is_of_manifest=True)
    return made[form]


def _hashable(plain: object) -> Hashable:
    match plain:
        case {**items}:
            return tuple((name, _hashable(value)) for name, value in items.items())
        case list():
            return tuple(value if type(value) is str else _hashable(value) for value in plain)
        case _:
            # Another value could be equal and yet not the same: 1, 1.0 and True.
            return plain if type(plain) is str else (type(plain), plain)


def _bound(
    made: dict[PartitionsDefinition, PartitionsDefinition],
    node: AssetNode,
    dynamic_keys: Mapping[str, Sequence[str]],
) -> AssetNode:
    definition = node.definition
    if definition is None or not definition.dynamic_names:
        return node
    if definition not in made:
        made[definition] = definition.bound(dynamic_keys)
    return msgspec.structs.replace(node, definition=made[definition])


def partitions_at(definition: PartitionsDefinition | None, at: datetime) -> Partitions:
    """The partitions a definition has at a time, or the single one of an asset without."""
    return UNPARTITIONED if definition is None else definition.partitions(at)


def _node(
    location: str, asset: Mapping[str, Any], definitions: Mapping[str, PartitionsDefinition | None]
) -> AssetNode:
    definition = definitions[asset["key"]]
    policy = asset["backfill_policy"]
    retry = asset["retry_policy"]
    return AssetNode(
        key=asset["key"],
        code_location=location,
        definition=definition,
        deps=tuple(_dependency(dep, definition, definitions) for dep in asset["deps"]),
        policy=None if policy is None else msgspec.convert(policy, RunPolicy),
        group=asset["group"],
        description=asset["description"],
        retry=None if retry is None else msgspec.convert(retry, RetrySpec),
        timeout_s=asset.get("timeout_s"),  # Manifests on record may be older than time-outs.
        pool=asset["pool"],
        code_version=asset["code_version"],
        tags=asset["tags"],
        metadata=asset["metadata"],
    )


def _job(location: str, job: Mapping[str, Any], catalog: Catalog) -> JobNode:
    selected = selection_from_plain(job["selection"]).select(catalog.of_code_location(location))
    return JobNode(
        name=job["name"],
        code_location=location,
        assets=tuple(key for key in catalog.assets if key in selected),
        tags=job["tags"],
    )


def _dependency(
    dep: Mapping[str, Any],
    downstream: PartitionsDefinition | None,
    definitions: Mapping[str, PartitionsDefinition | None],
) -> Dependency:
    if dep["mapping"] is not None:
        return Dependency(dep["asset"], mapping_from_plain(dep["mapping"]))
    return Dependency(dep["asset"], infer_mapping(definitions.get(dep["asset"]), downstream))


def _topological_order(nodes: Mapping[str, AssetNode]) -> list[str]:
    """Upstream first and else by name, so that the order of declaration does not matter."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for key in sorted(nodes):
        sorter.add(
            key, *sorted(dep.asset for dep in nodes[key].deps if dep.asset in nodes and dep.asset != key)
        )
    order: list[str] = []
    try:
        sorter.prepare()
    except CycleError as error:
        raise AssetCycleError(error.args[1]) from None
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return order


class AssetCycleError(ValueError):
    """Assets of a manifest need each other in a circle."""

    def __init__(self, cycle: list[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(
            f"these assets depend on each other in a circle: {' -> '.join(cycle)}; remove one of the deps"
        )
