"""Where in the log a time lies."""

from contextlib import aclosing
from datetime import datetime
from typing import Final

from events.envelope import Recorded
from events.log import Log

LATE_MAX: Final = 5_000  # facts that may have been recorded late in one go; more of them may mislead a search


async def fact_at(log: Log, position: int) -> Recorded | None:
    """The fact at a position; None where there is none."""
    async with aclosing(log.read(after=position - 1, upto=position)) as batches:
        async for batch in batches:
            return batch[0]
    return None


async def fact_by(log: Log, position: int, *, after: int = 0) -> Recorded | None:
    """The newest fact up to a position and past ``after``; only a log with gaps has none at the position."""
    found = await fact_at(log, position)
    if found is None:
        async with aclosing(log.read(after=after, upto=position, newest_first=True)) as batches:
            async for batch in batches:
                return batch[0]
    return found


async def position_by(log: Log, at: datetime) -> int:
    """The position of the last fact that was known at a time; 0 for a time before the first one.

    That is the one before the first fact that happened later. Facts do not quite stand in the order of their
    times: what runs did while no daemon was there is recorded once one is, behind facts that are later.
    """
    low, high = 0, await log.head()
    while low < high:
        middle = (low + high + 1) // 2
        recorded = await fact_by(log, middle, after=low)
        if recorded is None or recorded.at <= at:
            low = middle
        else:
            high = middle - 1
    while (later := await _first_later(log, low, at)) is not None:
        low = later - 1
    return low


async def _first_later(log: Log, upto: int, at: datetime) -> int | None:
    """The position of the first fact after a time, among the last ones up to a position."""
    found = None
    after = max(upto - LATE_MAX, 0)
    async with aclosing(log.read(after=after, upto=upto, newest_first=True)) as batches:
        async for batch in batches:
            for recorded in batch:
                if recorded.at > at:
                    found = recorded.position
    return found
