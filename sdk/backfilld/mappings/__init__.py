"""Which partitions of one asset the partitions of another need."""

from backfilld.mappings.all_partitions import AllPartitionMapping
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.mappings.identity import IdentityPartitionMapping

__all__ = ["AllPartitionMapping", "IdentityPartitionMapping", "PartitionMapping", "UpstreamPartitions"]
