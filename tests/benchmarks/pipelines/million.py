"""Assets of a million partitions each: hours, names, and pairs."""

from datetime import UTC, datetime, timedelta

from backfilld import (
    BackfillPolicy,
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    asset,
)

BEGIN = datetime(1900, 1, 1, tzinfo=UTC)
AT_ONCE = BackfillPolicy.single_run()


@asset(
    partitions_def=HourlyPartitionsDefinition(start_date=BEGIN, end_date=BEGIN + timedelta(hours=1_000_000)),
    backfill_policy=AT_ONCE,
)
def hourly() -> None:
    """Does nothing."""


@asset(
    partitions_def=StaticPartitionsDefinition([f"customer-{number:07}" for number in range(1_000_000)]),
    backfill_policy=AT_ONCE,
)
def static() -> None:
    """Does nothing."""


@asset(
    partitions_def=MultiPartitionsDefinition(
        {
            "customer": StaticPartitionsDefinition([f"customer-{number:04}" for number in range(1_000)]),
            "date": DailyPartitionsDefinition(start_date=BEGIN, end_date=BEGIN + timedelta(days=1_000)),
        }
    ),
    backfill_policy=AT_ONCE,
)
def pairs() -> None:
    """Does nothing."""
