"""The kinds of partitions an asset may have."""

from backfilld.partitions.base import (
    UNPARTITIONED,
    PartitionKeyRange,
    Partitions,
    PartitionsDefinition,
    TimeWindow,
)
from backfilld.partitions.common_schedules import (
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.partitions.dynamic import DynamicKeys, DynamicPartitions, DynamicPartitionsDefinition
from backfilld.partitions.multi import MultiPartitionsDefinition, PartitionDimensionDefinition
from backfilld.partitions.pairs import MultiPartitionKey, MultiPartitions
from backfilld.partitions.static import StaticPartitions, StaticPartitionsDefinition
from backfilld.partitions.time_window import (
    ScheduleType,
    TimeWindowPartitions,
    TimeWindowPartitionsDefinition,
)

__all__ = [
    "UNPARTITIONED",
    "DailyPartitionsDefinition",
    "DynamicKeys",
    "DynamicPartitions",
    "DynamicPartitionsDefinition",
    "HourlyPartitionsDefinition",
    "MonthlyPartitionsDefinition",
    "MultiPartitionKey",
    "MultiPartitions",
    "MultiPartitionsDefinition",
    "PartitionDimensionDefinition",
    "PartitionKeyRange",
    "Partitions",
    "PartitionsDefinition",
    "ScheduleType",
    "StaticPartitions",
    "StaticPartitionsDefinition",
    "TimeWindow",
    "TimeWindowPartitions",
    "TimeWindowPartitionsDefinition",
    "WeeklyPartitionsDefinition",
]
