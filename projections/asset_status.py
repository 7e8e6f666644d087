"""What is known of each partition of an asset over all backfills."""

from typing import Literal, TypeAlias

import msgspec
from pyroaring import BitMap

from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from projections.sets import bitmap, intervals

PartitionStatus: TypeAlias = Literal["materialized", "in_progress", "failed", "skipped", "missing"]
PARTITION_STATUSES: tuple[PartitionStatus, ...] = (
    "materialized",
    "in_progress",
    "failed",
    "skipped",
    "missing",
)


class AssetStatus(msgspec.Struct):
    """Partitions of one asset by what came of them last, as ordinals of its newest definition."""

    materialized: BitMap = msgspec.field(default_factory=BitMap)  # ever
    failed: BitMap = msgspec.field(default_factory=BitMap)  # the last attempt failed
    skipped: BitMap = msgspec.field(default_factory=BitMap)  # the last backfill skipped it
    in_progress: BitMap = msgspec.field(default_factory=BitMap)

    def by_status(self, existing: Ranges) -> dict[PartitionStatus, Ranges]:
        """The existing partitions, each under the one status a person would give it.

        A run under way comes before everything; a failure or a skip comes before an older materialization.
        """
        left = bitmap(existing)
        found: dict[PartitionStatus, Ranges] = {}
        ranked: tuple[tuple[PartitionStatus, BitMap], ...] = (
            ("in_progress", self.in_progress),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("materialized", self.materialized),
        )
        for status, bits in ranked:
            found[status] = intervals(left & bits)
            left -= bits
        found["missing"] = intervals(left)
        return {status: found[status] for status in PARTITION_STATUSES}

    def launched(self, ordinals: Ranges) -> None:
        """A run over these partitions is under way."""
        for start, stop in ordinals.intervals:
            self.in_progress.add_range(start, stop)

    def filled(self, ordinals: Ranges) -> None:
        """These partitions were materialized."""
        for start, stop in ordinals.intervals:
            self.materialized.add_range(start, stop)
        self._forget(ordinals)

    def broke(self, ordinals: Ranges) -> None:
        """An attempt at these partitions failed."""
        self._forget(ordinals)
        self.failed |= bitmap(ordinals)

    def left_out(self, ordinals: Ranges) -> None:
        """A backfill skipped these partitions."""
        self._forget(ordinals)
        self.skipped |= bitmap(ordinals)

    def released(self, ordinals: Ranges) -> None:
        """No run over these partitions is under way any more."""
        for start, stop in ordinals.intervals:
            self.in_progress.remove_range(start, stop)

    def _forget(self, ordinals: Ranges) -> None:
        for bits in (self.failed, self.skipped, self.in_progress):
            if bits:
                for start, stop in ordinals.intervals:
                    bits.remove_range(start, stop)

    def moved(self, old: Partitions, new: Partitions) -> "AssetStatus":
        """The same partitions, by key, under another definition; keys it does not have are dropped."""
        return AssetStatus(
            _moved(self.materialized, old, new),
            _moved(self.failed, old, new),
            _moved(self.skipped, old, new),
            _moved(self.in_progress, old, new),
        )


def _moved(bits: BitMap, old: Partitions, new: Partitions) -> BitMap:
    kept = BitMap()
    for ordinal in bits:
        if ordinal >= len(old):
            break
        moved = new.find(old.key(ordinal))
        if moved is not None:
            kept.add(moved)
    return kept
