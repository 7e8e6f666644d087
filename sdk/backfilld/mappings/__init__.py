"""Which partitions of one asset the partitions of another need."""

from backfilld.mappings.all_partitions import AllPartitionMapping
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.mappings.identity import IdentityPartitionMapping
from backfilld.mappings.infer import infer_mapping
from backfilld.mappings.time_window import TimeWindowPartitionMapping

__all__ = [
    "AllPartitionMapping",
    "IdentityPartitionMapping",
    "PartitionMapping",
    "TimeWindowPartitionMapping",
    "UpstreamPartitions",
    "infer_mapping",
]
