"""Which partitions of one asset the partitions of another need."""

from backfilld.mappings.all_partitions import AllPartitionMapping
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.mappings.identity import IdentityPartitionMapping
from backfilld.mappings.infer import infer_mapping
from backfilld.mappings.last import LastPartitionMapping
from backfilld.mappings.multi import (
    DimensionPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
)
from backfilld.mappings.specific import SpecificPartitionsPartitionMapping
from backfilld.mappings.static import StaticPartitionMapping
from backfilld.mappings.time_window import TimeWindowPartitionMapping

__all__ = [
    "AllPartitionMapping",
    "DimensionPartitionMapping",
    "IdentityPartitionMapping",
    "LastPartitionMapping",
    "MultiPartitionMapping",
    "MultiToSingleDimensionPartitionMapping",
    "PartitionMapping",
    "SpecificPartitionsPartitionMapping",
    "StaticPartitionMapping",
    "TimeWindowPartitionMapping",
    "UpstreamPartitions",
    "infer_mapping",
]
