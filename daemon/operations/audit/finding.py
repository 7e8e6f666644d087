"""The facts that an audit of an asset needs, found without reading the log where that can be."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from daemon.operations.records import Records
from events.envelope import Recorded
from events.log import Filter, Log
from projections.audit.asked import Asked
from projections.audit.attempts import TYPES

if TYPE_CHECKING:
    from projections.tables.attempts import AttemptsAt

KEYS_MAX = 1_000
LOOKED_UP_MAX = 2_000  # facts and runs; for more, reading the log once is quicker
GAP_MAX = 100  # facts that are read and left aside rather than asking once more


async def facts_about(
    records: Records, asked: Asked, *, upto: int, after: int = 0
) -> AsyncIterator[Recorded]:
    """The facts of runs that may be about the partitions, in the log's order, between two positions.

    Few are looked up by the tables; for many, all facts of runs are read as they come.
    """
    keys = asked.keys(KEYS_MAX)
    is_narrow = asked.sets is None or keys is not None
    found = await records.attempts_at(asked.asset, keys, most=LOOKED_UP_MAX) if is_narrow else None
    if found is None:
        async with aclosing(
            records.log.read(after=after, upto=upto, matching=Filter(types=TYPES))
        ) as batches:
            async for batch in batches:
                for recorded in batch:
                    yield recorded
        return
    for recorded in await looked_up(records.log, found):
        if after < recorded.position <= upto:
            yield recorded


async def looked_up(log: Log, found: "AttemptsAt") -> list[Recorded]:
    """The facts at these places, in the log's order."""
    wanted, facts = frozenset(found.positions), dict[int, Recorded]()
    for first, last in stretches(found.positions):
        async with aclosing(log.read(after=first - 1, upto=last)) as batches:
            async for batch in batches:
                facts |= {each.position: each for each in batch if each.position in wanted}
    for run_id in found.run_ids:
        async with aclosing(log.read(matching=Filter(run_id=run_id))) as batches:
            async for batch in batches:
                facts |= {each.position: each for each in batch}
    return [facts[position] for position in sorted(facts)]


def stretches(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of ascending positions that are near to each other.

    >>> list(stretches([1, 2, 50, 1000]))
    [(1, 50), (1000, 1000)]
    """
    first = last = 0
    for position in positions:
        if first and position - last > GAP_MAX:
            yield first, last
            first = 0
        first, last = first or position, position
    if first:
        yield first, last
