"""A long and ordinary history for the log: the facts of daily runs, one partition each."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from events.envelope import Event
from events.facts import Fact, PartitionKeys, PartitionMaterialized, RunLaunched, RunStarted, RunSucceeded
from events.ids import new_id

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
FACTS_PER_RUN = 4
RUNS_PER_BACKFILL = 1_000


def history(count: int) -> list[Event]:
    """`count` events: launched, started, materialized, succeeded, run after run."""
    events: list[Event] = []
    number = 0
    while len(events) < count:
        number += 1
        events += events_of_run(number)
    return events[:count]


def events_of_run(number: int) -> Iterator[Event]:
    """The four events of one run."""
    backfill_id = f"b{number // RUNS_PER_BACKFILL:07}"
    run_id = f"{backfill_id}-{number}-1"
    for offset, fact in enumerate(facts_of_run(number)):
        at = BEGAN + timedelta(milliseconds=10 * number + offset)
        yield Event(new_id(at), at, "daemon", fact, backfill_id, run_id)


def facts_of_run(number: int) -> tuple[Fact, ...]:
    """What one run of one day leaves in the log."""
    key = (date(1900, 1, 1) + timedelta(days=number % 50_000)).isoformat()
    day = PartitionKeys(ranges=((key, key),), count=1)
    return (
        RunLaunched(number, 1, ("raw_weather",), day, "weather", "f" * 64),
        RunStarted(pid=1000 + number, host="localhost"),
        PartitionMaterialized("raw_weather", day, metadata={"rows": 2, "precipitation_mm": 10.9}),
        RunSucceeded(duration_s=0.012),
    )
