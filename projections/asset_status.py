"""What is known of each partition of an asset over all backfills."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
from pyroaring import BitMap

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
    """Partitions of one asset by what came of them last.

    In the log's fold they are *serials* (`projections.serials`), for whoever asks `World.statuses` they are
    the ordinals of the partitions that exist then.
    """

    materialized: BitMap = msgspec.field(default_factory=BitMap)  # ever
    failed: BitMap = msgspec.field(default_factory=BitMap)  # the last attempt failed
    skipped: BitMap = msgspec.field(default_factory=BitMap)  # the last backfill skipped it
    in_progress: BitMap = msgspec.field(default_factory=BitMap)

    def by_status(self, existing: Ranges) -> dict[PartitionStatus, Ranges]:
        """The existing partitions, each under the one status a person would give it.

        A run under way comes before everything; a failure or a skip comes before an older materialization.
        """
        return {status: intervals(bits) for status, bits in self.bits_by_status(existing).items()}

    def bits_by_status(self, existing: Ranges) -> dict[PartitionStatus, BitMap]:
        """As `by_status`, for whoever only counts them."""
        left = bitmap(existing)
        found: dict[PartitionStatus, BitMap] = {}
        ranked: tuple[tuple[PartitionStatus, BitMap], ...] = (
            ("in_progress", self.in_progress),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("materialized", self.materialized),
        )
        for status, bits in ranked:
            found[status] = left & bits
            left -= bits
        found["missing"] = left
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
        """A backfill skipped these partitions; a run of another one may be filling them all the same."""
        for start, stop in ordinals.intervals:
            self.failed.remove_range(start, stop)
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

    @property
    def end(self) -> int:
        """One more than the greatest of the numbers."""
        bits = self.materialized | self.failed | self.skipped | self.in_progress
        return bits.max() + 1 if bits else 0

    def forget_fates(self, ordinals: Ranges) -> None:
        """What came of these partitions counts no more; runs over them that are under way go on."""
        for bits in (self.materialized, self.failed, self.skipped):
            for start, stop in ordinals.intervals:
                bits.remove_range(start, stop)

    def copied(self) -> "AssetStatus":
        """The same, which stays as it is whatever comes."""
        return AssetStatus(*map(BitMap, (self.materialized, self.failed, self.skipped, self.in_progress)))

    def moved(self, move: Callable[[Ranges], Ranges]) -> "AssetStatus":
        """The same, with each set of partitions under other numbers."""
        return AssetStatus(
            *(
                bitmap(move(intervals(bits))) if bits else BitMap()
                for bits in (self.materialized, self.failed, self.skipped, self.in_progress)
            )
        )
