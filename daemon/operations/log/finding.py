"""Finding the facts that are asked for, in the order they are asked for."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from daemon.operations.log.question import Order, Question
from events.envelope import Recorded
from events.errors import LogUnavailableError
from events.facts import BackfillRequested
from events.log import Filter, Log
from events.matching import Matcher


class Source(Protocol):
    """Where the facts that match come from."""

    def read(self, *, after: int, upto: int, newest_first: bool = False) -> AsyncGenerator[Recorded, None]:
        """Those with ``after < position <= upto``, one by one."""
        ...

    async def make_ready(self, upto: int) -> None:
        """Learn from what is recorded up to a position what `is_one` has to know."""
        ...

    async def is_one(self, recorded: Recorded) -> bool:
        """Whether a fact is one; to be asked of every fact behind that position, in turn."""
        ...


class Matching:
    """The facts of a log that a filter means."""

    def __init__(self, log: Log, matching: Filter) -> None:
        self._log = log
        self._matching = matching
        self._matcher = Matcher(matching)

    async def read(
        self, *, after: int, upto: int, newest_first: bool = False
    ) -> AsyncGenerator[Recorded, None]:
        """See `Source`."""
        found = self._log.read(after=after, upto=upto, matching=self._matching, newest_first=newest_first)
        async for recorded in singly(found):
            yield recorded

    async def make_ready(self, upto: int) -> None:
        """See `Source`: which runs are about an asset, the requests of their backfills say."""
        asset = self._matching.asset
        if asset is not None:
            requests = Filter(asset=asset, types=frozenset({BackfillRequested.__name__}))
            async for recorded in singly(self._log.read(upto=upto, matching=requests)):
                self._matcher.learn(recorded)

    async def is_one(self, recorded: Recorded) -> bool:
        """See `Source`."""
        return self._matcher.matches(recorded)


class Found(msgspec.Struct):
    """What was found by now, for whoever is told where to go on."""

    head: int  # of the log
    count: int = 0
    first: int = 0  # position of the one that was written first
    last: int = 0
    are_more: bool = False  # than the limit let through


async def answered(source: Source, question: Question, found: Found, *, upto: int) -> AsyncIterator[Recorded]:
    """The facts that are asked for, up to a position; ``found`` tells how far it has come."""
    limit, is_last = question.limit, question.order is Order.LAST
    from_end = question.order is Order.NEWEST_FIRST or (is_last and limit > 0)
    async with aclosing(source.read(after=question.after, upto=upto, newest_first=from_end)) as read:
        taken: list[Recorded] = []
        async for recorded in read:
            if limit and found.count == limit:
                found.are_more = True
                break
            found.count += 1
            found.first = found.first or recorded.position
            found.last = recorded.position
            if is_last and from_end:
                taken.append(recorded)
            else:
                yield recorded
    for recorded in reversed(taken):
        yield recorded


async def following(log: Log, source: Source, *, after: int) -> AsyncIterator[Recorded]:
    """The facts that match past ``after``, and then those that come, for ever.

    None is left out and none comes twice, whatever becomes of the database meanwhile.
    """
    head = await log.head()
    await source.make_ready(head)
    async with aclosing(source.read(after=after, upto=head)) as found:
        try:
            async for recorded in found:
                yield recorded
                after = recorded.position
            after = max(after, head)
        except LogUnavailableError:
            pass  # What is left of them is among what follows.
    async with aclosing(log.follow(after=after)) as batches:
        async for batch in batches:
            for recorded in batch:
                if await source.is_one(recorded):
                    yield recorded


async def singly(batches: AsyncGenerator[Sequence[Recorded], None]) -> AsyncGenerator[Recorded, None]:
    """The facts one by one; the batches are closed in the end."""
    async with aclosing(batches) as each:
        async for batch in each:
            for recorded in batch:
                yield recorded
