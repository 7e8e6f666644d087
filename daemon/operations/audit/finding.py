"""The facts that an audit of an asset needs, found without reading the log where that can be."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from daemon.operations.log.finding import singly
from daemon.operations.records import Records
from events.envelope import Recorded
from events.log import Filter, Log
from projections.audit.asked import Asked
from projections.audit.attempts import TYPES

if TYPE_CHECKING:
    from projections.tables.attempts import AttemptsAt

KEYS_MAX = 1_000
LOOKED_UP_MAX = 2_000  # facts and runs; for more, reading the log once is quicker
RUNS_AT_ONCE = 500  # that are looked up by one question


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
    for recorded in await looked_up(records.log, found, after=after, upto=upto):
        yield recorded


async def looked_up(log: Log, found: "AttemptsAt", *, after: int, upto: int) -> list[Recorded]:
    """The facts at these places between two positions, in the log's order."""
    facts = {each.position: each async for each in facts_of_runs(log, found.run_ids, after=after, upto=upto)}
    if found.positions:
        single = log.read(after=after, upto=upto, matching=Filter(positions=frozenset(found.positions)))
        facts |= {each.position: each async for each in singly(single)}
    return [facts[position] for position in sorted(facts)]


async def facts_of_runs(
    log: Log, run_ids: Sequence[str], *, after: int = 0, upto: int | None = None
) -> AsyncIterator[Recorded]:
    """The facts of these runs, some runs after others. A question for each of a thousand takes seconds."""
    for first in range(0, len(run_ids), RUNS_AT_ONCE):
        some = Filter(run_ids=frozenset(run_ids[first : first + RUNS_AT_ONCE]))
        async for recorded in singly(log.read(after=after, upto=upto, matching=some)):
            yield recorded
