"""Partitions that map to those of the same key."""

from dataclasses import dataclass

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class IdentityPartitionMapping(PartitionMapping):
    """Each partition downstream needs the upstream partition of the same key."""

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions of the same keys; keys that upstream lacks are nonexistent."""
        same, lacking = downstream_partitions.same_keys(downstream, upstream_partitions)
        return UpstreamPartitions(same, tuple(downstream_partitions.keys(lacking)))

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions of the same keys."""
        return upstream_partitions.same_keys(upstream, downstream_partitions)[0]

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Both sides must be of one kind of partitions."""
        if type(upstream) is not type(downstream):
            raise InvalidDefinitionError(
                f"expected upstream and downstream partitions of one kind for an identity mapping, found "
                f"{_kind(upstream)} upstream and {_kind(downstream)} downstream; give the dependency another "
                f"partition_mapping"
            )


def _kind(definition: PartitionsDefinition | None) -> str:
    return "no partitions" if definition is None else type(definition).__name__
