"""What user code imports to declare partitioned assets.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backfilld.asset_key import AssetKey
    from backfilld.assets import AssetDefinition, AssetDep, asset
    from backfilld.context import AssetExecutionContext
    from backfilld.definitions import Definitions
    from backfilld.errors import (
        BackfilldError,
        InvalidDefinitionError,
        InvalidInvocationError,
        RangeTextError,
        UnknownPartitionKeyError,
    )
    from backfilld.jobs import JobDefinition, define_asset_job
    from backfilld.mappings import (
        AllPartitionMapping,
        DimensionPartitionMapping,
        IdentityPartitionMapping,
        LastPartitionMapping,
        MultiPartitionMapping,
        MultiToSingleDimensionPartitionMapping,
        PartitionMapping,
        SpecificPartitionsPartitionMapping,
        StaticPartitionMapping,
        TimeWindowPartitionMapping,
    )
    from backfilld.partitions import (
        DailyPartitionsDefinition,
        DynamicPartitionsDefinition,
        HourlyPartitionsDefinition,
        MonthlyPartitionsDefinition,
        MultiPartitionKey,
        MultiPartitionsDefinition,
        PartitionKeyRange,
        PartitionsDefinition,
        ScheduleType,
        StaticPartitionsDefinition,
        TimeWindow,
        TimeWindowPartitionsDefinition,
        WeeklyPartitionsDefinition,
    )
    from backfilld.policies import BackfillPolicy, Backoff, Jitter, RetryPolicy
    from backfilld.results import MaterializeResult
    from backfilld.selection import AssetSelection

_HOMES = {
    "AllPartitionMapping": "mappings",
    "AssetDefinition": "assets",
    "AssetDep": "assets",
    "AssetExecutionContext": "context",
    "AssetKey": "asset_key",
    "AssetSelection": "selection",
    "BackfillPolicy": "policies",
    "BackfilldError": "errors",
    "Backoff": "policies",
    "DailyPartitionsDefinition": "partitions",
    "Definitions": "definitions",
    "DimensionPartitionMapping": "mappings",
    "DynamicPartitionsDefinition": "partitions",
    "HourlyPartitionsDefinition": "partitions",
    "IdentityPartitionMapping": "mappings",
    "InvalidDefinitionError": "errors",
    "InvalidInvocationError": "errors",
    "Jitter": "policies",
    "JobDefinition": "jobs",
    "LastPartitionMapping": "mappings",
    "MaterializeResult": "results",
    "MonthlyPartitionsDefinition": "partitions",
    "MultiPartitionKey": "partitions",
    "MultiPartitionMapping": "mappings",
    "MultiPartitionsDefinition": "partitions",
    "MultiToSingleDimensionPartitionMapping": "mappings",
    "PartitionKeyRange": "partitions",
    "PartitionMapping": "mappings",
    "PartitionsDefinition": "partitions",
    "RangeTextError": "errors",
    "RetryPolicy": "policies",
    "ScheduleType": "partitions",
    "SpecificPartitionsPartitionMapping": "mappings",
    "StaticPartitionMapping": "mappings",
    "StaticPartitionsDefinition": "partitions",
    "TimeWindow": "partitions",
    "TimeWindowPartitionMapping": "mappings",
    "TimeWindowPartitionsDefinition": "partitions",
    "UnknownPartitionKeyError": "errors",
    "WeeklyPartitionsDefinition": "partitions",
    "asset": "assets",
    "define_asset_job": "jobs",
}

__all__ = [
    "AllPartitionMapping",
    "AssetDefinition",
    "AssetDep",
    "AssetExecutionContext",
    "AssetKey",
    "AssetSelection",
    "BackfillPolicy",
    "BackfilldError",
    "Backoff",
    "DailyPartitionsDefinition",
    "Definitions",
    "DimensionPartitionMapping",
    "DynamicPartitionsDefinition",
    "HourlyPartitionsDefinition",
    "IdentityPartitionMapping",
    "InvalidDefinitionError",
    "InvalidInvocationError",
    "Jitter",
    "JobDefinition",
    "LastPartitionMapping",
    "MaterializeResult",
    "MonthlyPartitionsDefinition",
    "MultiPartitionKey",
    "MultiPartitionMapping",
    "MultiPartitionsDefinition",
    "MultiToSingleDimensionPartitionMapping",
    "PartitionKeyRange",
    "PartitionMapping",
    "PartitionsDefinition",
    "RangeTextError",
    "RetryPolicy",
    "ScheduleType",
    "SpecificPartitionsPartitionMapping",
    "StaticPartitionMapping",
    "StaticPartitionsDefinition",
    "TimeWindow",
    "TimeWindowPartitionMapping",
    "TimeWindowPartitionsDefinition",
    "UnknownPartitionKeyError",
    "WeeklyPartitionsDefinition",
    "asset",
    "define_asset_job",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'backfilld' has no attribute {name!r}")
    found = getattr(import_module(f"backfilld.{home}"), name)
    globals()[name] = found
    return found
