"""The mapping that a dependency has when none is given."""

from backfilld.mappings.all_partitions import AllPartitionMapping
from backfilld.mappings.base import PartitionMapping
from backfilld.mappings.identity import IdentityPartitionMapping
from backfilld.mappings.time_window import TimeWindowPartitionMapping
from backfilld.partitions.base import PartitionsDefinition
from backfilld.partitions.time_window import TimeWindowPartitionsDefinition


def infer_mapping(
    upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
) -> PartitionMapping:
    """The mapping between two definitions, None for an asset without partitions.

    Without partitions on either side: all. Time windows on both: those that overlap. Else: the same keys.
    """
    if upstream is None or downstream is None:
        return AllPartitionMapping()
    if isinstance(upstream, TimeWindowPartitionsDefinition) and isinstance(
        downstream, TimeWindowPartitionsDefinition
    ):
        return TimeWindowPartitionMapping()
    return IdentityPartitionMapping()
