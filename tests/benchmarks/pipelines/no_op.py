"""Daily partitions whose runs do nothing: what is left is what a run costs."""

from backfilld import AssetExecutionContext, DailyPartitionsDefinition, asset


@asset(partitions_def=DailyPartitionsDefinition(start_date="2000-01-01"))
def no_op(context: AssetExecutionContext) -> None:
    """Does nothing."""
