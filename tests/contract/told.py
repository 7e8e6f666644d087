"""Events to tell a log in its tests."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from events.envelope import Event, Recorded
from events.facts import Fact, RunSucceeded
from events.ids import derived_id
from events.log import Log

T0 = datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def event(
    name: str, fact: Fact | None = None, *, backfill_id: str | None = None, run_id: str | None = None
) -> Event:
    """An event whose id follows from ``name``: the same name is the same event."""
    return Event(
        id=derived_id(T0, name),
        at=T0 + timedelta(seconds=len(name)),
        actor="tester",
        fact=RunSucceeded(duration_s=1.5) if fact is None else fact,
        backfill_id=backfill_id,
        run_id=run_id,
    )


def events(
    prefix: str, count: int, *, backfill_id: str | None = None, run_id: str | None = None
) -> list[Event]:
    """``count`` events of one prefix."""
    return [event(f"{prefix}{number}", backfill_id=backfill_id, run_id=run_id) for number in range(count)]


def ids(told: Sequence[Event | Recorded]) -> list[str]:
    """Who they are, in order."""
    return [each.id for each in told]


def positions(read: Sequence[Recorded]) -> list[int]:
    """Where they stand, in order."""
    return [each.position for each in read]


async def everything(log: Log) -> list[Recorded]:
    """The whole log."""
    return await gathered(log.read())


async def gathered(batches: AsyncIterator[Sequence[Recorded]]) -> list[Recorded]:
    """All that is in the batches."""
    return [recorded async for batch in batches for recorded in batch]
