"""The statuses of all assets: kept by serial, which stays, and told by ordinal, for any moment."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from backfilld.partitions import MultiPartitionsDefinition, Partitions, PartitionsDefinition
from backfilld.partitions.grid import Box, cells_of
from backfilld.ranges import Ranges
from projections.asset_status import AssetStatus
from projections.catalog import Catalog, partitions_at
from projections.dynamic_set import DynamicSet
from projections.plan import PlannedGroup
from projections.serials import Numbering, widened, width_of

Definition = PartitionsDefinition | None


class AssetRecord(msgspec.Struct):
    """The status of an asset's partitions by serial, and what the serials are counted by."""

    manifest: str  # digest of one that declares the asset with the definition they are counted by
    width: int = 0  # see `projections.serials`
    status: AssetStatus = msgspec.field(default_factory=AssetStatus)

    def widen(self, width: int) -> None:
        """Have room for so many columns."""
        self.status = self.status.moved(lambda serials: widened(serials, self.width, width))
        self.width = width


class StatusRecords:
    """The records of all assets, and the definitions that they are counted by.

    A definition is the *declared* one: what dynamic keys there are when does not matter to serials. One that
    is equal to another is the same object, in all catalogs of a world.
    """

    def __init__(
        self,
        records: dict[str, AssetRecord],
        sets: Mapping[str, DynamicSet],
        *,
        definition_of: Callable[[str, str], Definition],
        partitions_now: Callable[[Definition], Partitions],
    ) -> None:
        """Take over ``records``, which are changed in place.

        ``definition_of`` an asset, and a manifest's digest, is what that manifest declares for it;
        ``partitions_now`` are those of a declared definition as of the newest fact.
        """
        self._records = records
        self._sets = sets
        self._definitions = {asset: definition_of(asset, each.manifest) for asset, each in records.items()}
        self._partitions_now = partitions_now
        # By asset, of the group that was asked for last: a run's facts come together.
        self._numberings: dict[str, tuple[PlannedGroup, Numbering]] = {}
        # By asset, the group that room was made for last; where keys are added there may be need for more.
        self._roomy_for: dict[str, PlannedGroup] = {}

    def begin(self, asset: str, definition: Definition, manifest: str) -> None:
        """Begin the record of an asset that has none."""
        self._records[asset] = AssetRecord(manifest)
        self._definitions[asset] = definition

    def make_room(self, asset: str, group: PlannedGroup) -> None:
        """Have room in a record for whatever the runs of a group may fill."""
        if self._roomy_for.get(asset) is group:
            return
        partitions = self._counted(asset, group)
        definition = group.definition
        if partitions is group.partitions and not (definition and definition.dynamic_names):
            self._roomy_for[asset] = group
        width = width_of(partitions, self._sets)
        if width > self._records[asset].width:
            self._records[asset].widen(width)
            self._numberings.pop(asset, None)

    def of(self, asset: str) -> AssetStatus:
        """The status of an asset that has a record, by serial."""
        return self._records[asset].status

    def serials(self, asset: str, group: PlannedGroup, ordinals: Ranges) -> Ranges:
        """Planned partitions as the record of the asset has them; those it cannot have are left out."""
        latest = self._numberings.get(asset)
        if latest is not None and latest[0] is group:
            return latest[1].serials(ordinals)
        partitions = self._counted(asset, group)
        numbering = Numbering(partitions, self._records[asset].width, self._sets)
        if partitions is group.partitions:
            self._numberings[asset] = (group, numbering)
        else:
            ordinals, _ = group.partitions.same_keys(ordinals, partitions)
        return numbering.serials(ordinals)

    def _counted(self, asset: str, group: PlannedGroup) -> Partitions:
        """The planned partitions, or where the definition is another by now, those that exist by it."""
        planned = group.definition.declared if group.definition is not None else None
        counted = self._definitions[asset]
        return group.partitions if planned is counted else self._partitions_now(counted)

    def redefine(self, asset: str, definition: Definition, manifest: str) -> None:
        """Count an asset's partitions by another definition: keys that both have keep their status."""
        record = self._records[asset]
        record.manifest = manifest
        before, self._definitions[asset] = self._definitions[asset], definition
        if before is definition:
            return
        self._roomy_for.pop(asset, None)
        old, new = self._partitions_now(before), self._partitions_now(definition)
        old_numbering = Numbering(old, record.width, self._sets)
        record.width = width_of(new, self._sets)
        new_numbering = Numbering(new, record.width, self._sets)

        def moved(serials: Ranges) -> Ranges:
            same, _ = old.same_keys(old_numbering.ordinals(serials), new)
            return new_numbering.serials(same)

        record.status = record.status.moved(moved)
        self._numberings.pop(asset, None)

    def begin_anew(self, name: str, serials: Ranges) -> None:
        """Forget what came of partitions with these keys of a dynamic set, in all assets that have them."""
        for asset, record in self._records.items():
            definition = self._definitions[asset]
            if definition is not None and name in definition.dynamic_names:
                record.status.forget_fates(_with_keys(definition, name, serials, record))

    def told(self, asset: str, partitions: Partitions) -> AssetStatus:
        """The status of an asset's partitions by their ordinals; they must be of its newest definition.

        It may be the record's own, and is not to be changed.
        """
        record = self._records[asset]
        numbering = Numbering(partitions, record.width, self._sets)
        if numbering.is_plain:
            return record.status
        status = record.status
        each = (status.materialized, status.failed, status.skipped, status.in_progress)
        return AssetStatus(*map(numbering.ordinal_bits, each))

    def __contains__(self, asset: object) -> bool:
        return asset in self._records


class StatusesAt(Mapping[str, AssetStatus]):
    """The status of each asset of a catalog, by the ordinals of the partitions that exist at one moment.

    Assets that no backfill was ever requested for are left out. Each is worked out when it is asked for.
    """

    def __init__(self, records: StatusRecords, catalog: Catalog, at: datetime) -> None:
        self._records = records
        self._catalog = catalog
        self._at = at
        self._told: dict[str, AssetStatus] = {}

    def __getitem__(self, asset: str) -> AssetStatus:
        if asset not in self._records:
            raise KeyError(asset)
        if asset not in self._told:
            partitions = partitions_at(self._catalog.assets[asset].definition, self._at)
            self._told[asset] = self._records.told(asset, partitions)
        return self._told[asset]

    def __iter__(self) -> Iterator[str]:
        return (asset for asset in self._catalog.assets if asset in self._records)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _with_keys(definition: PartitionsDefinition, name: str, serials: Ranges, record: AssetRecord) -> Ranges:
    """The serials of all partitions of which a key, or one of the two parts, is among these of a set."""
    if not isinstance(definition, MultiPartitionsDefinition):
        return serials
    first, second = (name in each.partitions_def.dynamic_names for each in definition.partitions_defs)
    columns = Ranges.span(0, record.width)
    rows = Ranges.span(0, -(-record.status.end // record.width) if record.width else 0)
    boxes = [Box(serials & rows, columns)] if first else []
    boxes += [Box(rows, serials & columns)] if second else []
    return cells_of(boxes, record.width)
