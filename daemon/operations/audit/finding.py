"""The facts that an audit of an asset needs, found without reading the log where that can be."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from daemon.operations.log.finding import singly
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import RunLaunched, RunSucceeded
from events.log import Filter, Log
from projections.audit.asked import Asked
from projections.audit.attempts import TYPES

if TYPE_CHECKING:
    from projections.tables.attempts import Place

KEYS_MAX = 1_000
TOLD_AT_ONCE = 100  # facts, which take milliseconds, before whoever else is served goes on
LOOKED_UP_MAX = 20_000  # facts and runs; for more, reading the log once is quicker
ENDS = frozenset({RunLaunched.__name__, RunSucceeded.__name__})  # of runs that succeeded
AT_ONCE = 500  # of these that are looked up by one question


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
    async with aclosing(looked_up(records.log, found, after=after, upto=upto)) as facts:
        async for recorded in facts:
            yield recorded


async def looked_up(
    log: Log, places: Sequence["Place"], *, after: int, upto: int
) -> AsyncGenerator[Recorded, None]:
    """The facts at these places between two positions, in the log's order; who needs few waits for few."""
    left = [place for place in places if place.filled is None or place.filled > after]
    held: dict[int, Recorded] = {}
    for begin in range(0, len(left), AT_ONCE):
        some, rest = left[begin : begin + AT_ONCE], left[begin + AT_ONCE :][:1]
        async with aclosing(_at(log, some, after=after, upto=upto)) as facts:
            held |= {recorded.position: recorded async for recorded in facts}
        # Nothing is told of a place before its first fact.
        complete = rest[0].first if rest else upto + 1
        for number, position in enumerate(sorted(held), 1):
            if position >= complete:
                break
            yield held.pop(position)
            if number % TOLD_AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()


async def _at(
    log: Log, places: Sequence["Place"], *, after: int, upto: int
) -> AsyncGenerator[Recorded, None]:
    """The facts at these places, in any order: of a run that filled partitions its ends too."""
    filled = frozenset(place.filled for place in places if place.filled is not None)
    if filled:
        async for recorded in singly(log.read(after=after, upto=upto, matching=Filter(positions=filled))):
            yield recorded
    for is_whole, types in ((False, ENDS), (True, frozenset[str]())):
        some = {place.run_id: None for place in places if (place.filled is None) is is_whole}
        run_ids = [run_id for run_id in some if run_id is not None]
        async for recorded in facts_of_runs(log, run_ids, after=after, upto=upto, types=types):
            yield recorded


async def facts_of_runs(
    log: Log,
    run_ids: Sequence[str],
    *,
    after: int = 0,
    upto: int | None = None,
    types: frozenset[str] = frozenset(),
) -> AsyncIterator[Recorded]:
    """The facts of these runs, some runs after others. A question for each of a thousand takes seconds."""
    for first in range(0, len(run_ids), AT_ONCE):
        some = Filter(run_ids=frozenset(run_ids[first : first + AT_ONCE]), types=types)
        async for recorded in singly(log.read(after=after, upto=upto, matching=some)):
            yield recorded
