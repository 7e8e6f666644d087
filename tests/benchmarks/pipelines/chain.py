"""Two daily assets that cannot share a run, since the second needs the day before of the first."""

from backfilld import (
    AssetDep,
    AssetExecutionContext,
    DailyPartitionsDefinition,
    TimeWindowPartitionMapping,
    asset,
)

days = DailyPartitionsDefinition(start_date="2000-01-01")


@asset(partitions_def=days)
def first(context: AssetExecutionContext) -> None:
    """Does nothing."""


@asset(
    partitions_def=days,
    deps=[AssetDep(first, partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))],
)
def second(context: AssetExecutionContext) -> None:
    """Does nothing, after the day before of `first`."""
