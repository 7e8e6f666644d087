"""Every downstream partition needs the same few upstream partitions, which are named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import UNPARTITIONED, Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True, init=False)
class SpecificPartitionsPartitionMapping(PartitionMapping):
    """Each partition downstream, or an asset without any, needs the upstream partitions of these keys.

    Keys that upstream lacks are told as nonexistent: a day named before it has ended, say. Raises
    `InvalidDefinitionError` for a string in place of a list.
    """

    partition_keys: tuple[str, ...]

    def __init__(self, partition_keys: Sequence[str]) -> None:
        if isinstance(partition_keys, str):
            raise InvalidDefinitionError(
                f"expected a list of partition keys, found the string {partition_keys!r}; "
                f"write [{partition_keys!r}]"
            )
        object.__setattr__(self, "partition_keys", tuple(partition_keys))

    def upstream_of(
        self,
        downstream: Ranges,
        *,
        downstream_partitions: Partitions,  # noqa: ARG002 - it does not matter which one asks.
        upstream_partitions: Partitions,
    ) -> UpstreamPartitions:
        """The upstream partitions of these keys, if anything downstream is given."""
        if not downstream:
            return UpstreamPartitions(Ranges())
        lacking = tuple(key for key in self.partition_keys if key not in upstream_partitions)
        return UpstreamPartitions(self._existing(upstream_partitions), lacking)

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """All downstream partitions if any partition of these keys is given, else none.

        An asset without partitions is told of whatever is given, as in Dagster.
        """
        if downstream_partitions is not UNPARTITIONED:
            upstream &= self._existing(upstream_partitions)
        return downstream_partitions.all() if upstream else Ranges()

    def _existing(self, upstream_partitions: Partitions) -> Ranges:
        found = map(upstream_partitions.find, self.partition_keys)
        return Ranges.from_ordinals(ordinal for ordinal in found if ordinal is not None)

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Fits between any two definitions."""

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"partition_keys": list(self.partition_keys)}
