"""Every downstream partition needs the last upstream partition."""

from dataclasses import dataclass

from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import UNPARTITIONED, Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class LastPartitionMapping(PartitionMapping):
    """Each partition downstream, or an asset without any, needs the last upstream partition there is."""

    def upstream_of(
        self,
        downstream: Ranges,
        *,
        downstream_partitions: Partitions,  # noqa: ARG002 - it does not matter which one asks.
        upstream_partitions: Partitions,
    ) -> UpstreamPartitions:
        """The last upstream partition, if there is one and anything downstream is given."""
        return UpstreamPartitions(_last(upstream_partitions) if downstream else Ranges())

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """All downstream partitions if the last upstream partition is given, else none.

        An asset without partitions is told of whatever is given, as in Dagster.
        """
        if downstream_partitions is not UNPARTITIONED:
            upstream &= _last(upstream_partitions)
        return downstream_partitions.all() if upstream else Ranges()

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Fits between any two definitions."""


def _last(partitions: Partitions) -> Ranges:
    return Ranges.span(max(0, len(partitions) - 1), len(partitions))
