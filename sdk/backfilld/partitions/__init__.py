"""The kinds of partitions an asset may have."""

from backfilld.partitions.base import (
    UNPARTITIONED,
    PartitionKeyRange,
    Partitions,
    PartitionsDefinition,
    TimeWindow,
)
from backfilld.partitions.static import StaticPartitions, StaticPartitionsDefinition

__all__ = [
    "UNPARTITIONED",
    "PartitionKeyRange",
    "Partitions",
    "PartitionsDefinition",
    "StaticPartitions",
    "StaticPartitionsDefinition",
    "TimeWindow",
]
