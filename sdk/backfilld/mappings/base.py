"""What every mapping between the partitions of two assets offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backfilld.partitions.base import UNPARTITIONED, Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True, slots=True)
class UpstreamPartitions:
    """The upstream partitions that some downstream partitions need.

    ``existing`` are ordinals; ``nonexistent`` are the keys, ascending, of those needed that do not exist.
    """

    existing: Ranges
    nonexistent: tuple[str, ...] = ()


class PartitionMapping(ABC):
    """Which partitions of an upstream asset the partitions of a downstream asset need.

    Mappings compare and hash by value. A side without partitions is `UNPARTITIONED` where partitions are
    asked for and None where definitions are.
    """

    @abstractmethod
    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions that the given downstream ones need; the cost is by interval."""

    @abstractmethod
    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions that need any of the given upstream ones; the cost is by interval.

        Where exclusions leave holes in time it overlooks some, as Dagster does, that `waiting_for` tells.
        """

    def waiting_for(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """All downstream partitions that, each asked alone, need any of the given upstream ones."""
        if downstream_partitions is UNPARTITIONED:
            # What `downstream_of` tells of an asset without partitions may be more than it needs.
            asked = downstream_partitions.all()
            needed = self.upstream_of(
                asked, downstream_partitions=downstream_partitions, upstream_partitions=upstream_partitions
            )
            return Ranges() if needed.existing.isdisjoint(upstream) else asked
        return Ranges.of(
            interval
            for part in self.apart(upstream, upstream_partitions)
            for interval in self.downstream_of(
                part, upstream_partitions=upstream_partitions, downstream_partitions=downstream_partitions
            ).intervals
        )

    @abstractmethod
    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Raise `InvalidDefinitionError` if this mapping can not stand between the two definitions."""

    @property
    def looks_back(self) -> bool:
        """Whether every partition needs earlier ones only, so that an asset may depend on itself."""
        return False

    def apart(self, ranges: Ranges, partitions: Partitions) -> Iterable[Ranges]:  # noqa: ARG002 - some need it.
        """A set, of either side, in parts that are mapped as each of their partitions would be alone.

        Most mappings map any set so, as one part.
        """
        return (ranges,)

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults; may hold other mappings."""
        return {}
