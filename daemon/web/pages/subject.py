"""The asset that a page is about: declared by the code, by earlier code only, or by none."""

from datetime import datetime
from typing import Literal

import msgspec
from pyroaring import BitMap

from backfilld.partitions import UNPARTITIONED, Partitions
from daemon.operations.errors import UnknownError, did_you_mean
from projections.asset_status import AssetStatus, PartitionStatus
from projections.catalog import AssetNode, Dependency, partitions_at
from projections.world import World


class Subject(msgspec.Struct, frozen=True):
    """An asset, and how its partitions stand."""

    key: str
    kind: Literal["declared", "vanished", "external"]
    node: AssetNode | None  # None: no manifest on record declares it
    partitions: Partitions
    bits: dict[PartitionStatus, BitMap]  # by ordinal

    @property
    def is_partitioned(self) -> bool:
        """Whether it has partitions."""
        return self.partitions is not UNPARTITIONED


def subject_of(world: World, key: str, now: datetime) -> Subject:
    """The asset with this key.

    :raises UnknownError: there is none and never was one.
    """
    node = world.catalog.assets.get(key)
    if node is not None:
        partitions = partitions_at(node.definition, now)
        status = world.statuses(now).get(key, AssetStatus())
        return Subject(key, "declared", node, partitions, status.bits_by_status(partitions.all()))
    node = _declared_before(world, key)
    if node is not None or key in world.records:
        partitions = partitions_at(None if node is None else node.definition, now)
        status = world.records.told(key, partitions) if key in world.records else AssetStatus()
        return Subject(key, "vanished", node, partitions, status.bits_by_status(partitions.all()))
    if key in world.catalog.external:
        return Subject(
            key, "external", None, UNPARTITIONED, AssetStatus().bits_by_status(UNPARTITIONED.all())
        )
    hint = did_you_mean(key, [*world.catalog.assets, *world.catalog.external])
    raise UnknownError(f"there is no asset {key!r}.{hint}")


def _declared_before(world: World, key: str) -> AssetNode | None:
    """The asset as the manifest has it that its statuses are counted by, or else the newest that has it."""
    manifests = world.known.manifest_of
    record = world.known.assets.get(key)
    digests = [] if record is None else [record.manifest]
    digests += [
        digest
        for digest, manifest in reversed(manifests.items())
        if any(asset["key"] == key for asset in manifest["assets"])
    ]
    for digest in digests:
        if digest in manifests:
            location = manifests[digest].get("code_location", "")
            return world.catalogs.at({location: digest}, world.position).assets.get(key)
    return None


def users_of(world: World, key: str) -> list[tuple[str, Dependency]]:
    """The assets that need this one, and how."""
    return [
        (other, dependency)
        for other, node in world.catalog.assets.items()
        for dependency in node.deps
        if dependency.asset == key and other != key
    ]
