"""The mapping that a dependency has when none is given."""

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.all_partitions import AllPartitionMapping
from backfilld.mappings.base import PartitionMapping
from backfilld.mappings.identity import IdentityPartitionMapping
from backfilld.mappings.multi import MultiToSingleDimensionPartitionMapping, infer_dimension
from backfilld.mappings.time_window import TimeWindowPartitionMapping
from backfilld.partitions.base import PartitionsDefinition
from backfilld.partitions.multi import MultiPartitionsDefinition
from backfilld.partitions.time_window import TimeWindowPartitionsDefinition


def infer_mapping(
    upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
) -> PartitionMapping:
    """The mapping between two definitions, None for an asset without partitions.

    Without partitions on either side: all. Two dimensions on one side, one of which goes with the other side:
    `MultiToSingleDimensionPartitionMapping`. Time windows on both: those that overlap. Else: the same keys.
    """
    if upstream is None or downstream is None:
        return AllPartitionMapping()
    if isinstance(upstream, MultiPartitionsDefinition) or isinstance(downstream, MultiPartitionsDefinition):
        return _between_dimensions(upstream, downstream)
    if isinstance(upstream, TimeWindowPartitionsDefinition) and isinstance(
        downstream, TimeWindowPartitionsDefinition
    ):
        return TimeWindowPartitionMapping()
    return IdentityPartitionMapping()


def _between_dimensions(upstream: PartitionsDefinition, downstream: PartitionsDefinition) -> PartitionMapping:
    try:
        infer_dimension(upstream, downstream)
    except InvalidDefinitionError:
        return IdentityPartitionMapping()
    return MultiToSingleDimensionPartitionMapping()
