"""Every downstream partition needs all upstream partitions."""

from dataclasses import dataclass

from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class AllPartitionMapping(PartitionMapping):
    """Each partition downstream, or an asset without any, needs every partition upstream."""

    def upstream_of(
        self,
        downstream: Ranges,
        *,
        downstream_partitions: Partitions,  # noqa: ARG002 - it does not matter which one asks.
        upstream_partitions: Partitions,
    ) -> UpstreamPartitions:
        """All upstream partitions, or none if nothing downstream is given."""
        return UpstreamPartitions(upstream_partitions.all() if downstream else Ranges())

    def downstream_of(
        self,
        upstream: Ranges,
        *,
        upstream_partitions: Partitions,  # noqa: ARG002 - it does not matter which one is given.
        downstream_partitions: Partitions,
    ) -> Ranges:
        """All downstream partitions, or none if nothing upstream is given."""
        return downstream_partitions.all() if upstream else Ranges()

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Fits between any two definitions."""
