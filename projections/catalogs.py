"""The catalogs of a log: of its newest manifests, and of those that backfills were planned with."""

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

from backfilld.errors import BackfilldError
from backfilld.partitions import Partitions, PartitionsDefinition
from projections.catalog import AssetCycleError, Catalog, partitions_at
from projections.dynamic_set import DynamicSet, keys_at


class Catalogs:
    """Catalogs, each made once, as the code declares them and with the keys that dynamic sets had.

    A partitions definition that manifests declare alike is one object in all of them.
    """

    def __init__(
        self,
        newest: Mapping[str, str],
        manifest_of: Mapping[str, Mapping[str, Any]],
        sets: Mapping[str, DynamicSet],
    ) -> None:
        """Look at what others change: the digests of the newest manifests by code location, and so on."""
        self._newest = newest
        self._manifest_of = manifest_of
        self._sets = sets
        self._made: dict[frozenset[tuple[str, str]], Catalog] = {}
        self._definitions: dict[Hashable, PartitionsDefinition | None] = {}
        self._current: Catalog | None = None

    def declared(self, manifests: Mapping[str, str] | None = None) -> Catalog:
        """The catalog of the manifests with these digests (None: the newest); dynamic sets have no keys.

        Manifests that the log does not have are left out; there is nothing in it if they make no sense.
        """
        manifests = self._newest if manifests is None else manifests
        made = self._made.get(frozenset(manifests.items()))
        if made is not None:
            return made
        known = self._manifest_of
        try:
            catalog = Catalog.of(
                {name: known[digest] for name, digest in manifests.items() if digest in known},
                self._definitions,
            )
        except (AssetCycleError, BackfilldError):
            catalog = Catalog(())
        if known.keys() >= {*manifests.values()}:  # Else what is lacking may still come.
            self._made[frozenset(manifests.items())] = catalog
        return catalog

    def at(self, manifests: Mapping[str, str], position: int) -> Catalog:
        """The catalog of these manifests with the keys that dynamic sets had at a position."""
        declared = self.declared(manifests)
        return declared.bound(keys_at(self._sets, declared.dynamic_names, position))

    def current(self, position: int) -> Catalog:
        """The newest catalog with the keys of now, at ``position``; one object until `changed` is called."""
        if self._current is None:
            self._current = self.at(self._newest, position)
        return self._current

    def changed(self, dynamic_set: str | None = None) -> None:
        """There are other manifests now, or other keys in a set."""
        if dynamic_set is None or (self._current and dynamic_set in self._current.dynamic_names):
            self._current = None

    def definition(self, asset: str, manifest: str) -> PartitionsDefinition | None:
        """What the manifest with this digest declares; None also where it declares no such asset."""
        node = self.declared({"": manifest}).assets.get(asset)
        return None if node is None else node.definition

    def partitions(self, definition: PartitionsDefinition | None, position: int, at: datetime) -> Partitions:
        """The partitions of a declared definition with the keys of a position and the windows of a time."""
        if definition is not None:
            definition = definition.bound(keys_at(self._sets, definition.dynamic_names, position))
        return partitions_at(definition, at)
