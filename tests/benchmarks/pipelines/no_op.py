"""Daily partitions whose runs do nothing: what is left is what a run costs."""

from backfilld import AssetExecutionContext, DailyPartitionsDefinition, asset

days = DailyPartitionsDefinition(start_date="2000-01-01")


@asset(partitions_def=days)
def no_op(context: AssetExecutionContext) -> None:
    """Does nothing."""


@asset(partitions_def=days, pool="warehouse")
def pooled(context: AssetExecutionContext) -> None:
    """Does nothing, within the limits of a pool."""
