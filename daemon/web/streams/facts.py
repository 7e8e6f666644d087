"""The facts of the log as they are recorded: each once, in order, also over connections that broke."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Final

import anyio

from daemon.operations.errors import UsageError
from daemon.operations.typed import digits_typed
from daemon.web.streams.hub import Batch, Hub
from daemon.web.streams.told import HEARTBEAT_EVERY_S, STREAM_MAX_S, Told, sign_of_life
from events.envelope import Recorded
from events.log import Filter, Log
from events.matching import Matcher

READ_AT_ONCE: Final = 100_000  # positions: between two such parts a reader can be told how far it is

Touches = Callable[[Recorded], Awaitable[bool]]


class Wanted:
    """Which facts a stream tells."""

    def __init__(self, log: Log, matching: Filter, touches: Touches | None = None) -> None:
        """Those that match; of those, where ``touches`` is given, the ones of which it is true."""
        self._log = log
        self._matching = matching
        self._touches = touches
        self._matcher = Matcher(matching)

    async def read(self, after: int, upto: int) -> AsyncGenerator[bytes]:
        """Their events, one by one, as the log has them.

        :raises LogUnavailableError: the log cannot be read.
        """
        async with aclosing(self._log.read(after=after, upto=upto, matching=self._matching)) as batches:
            async for batch in batches:
                for recorded in batch:
                    if self._touches is None or await self._touches(recorded):
                        yield Told(recorded).event

    async def of(self, batch: Batch, after: int) -> bytes:
        """Their events of what the hub has handed out, in one piece; empty where there are none."""
        if self._matching.asset is None:
            matches = self._matcher.matches
            return b"".join(each.event for each in batch if each.position > after and matches(each.recorded))
        # What an asset has to do with follows from older facts, which the log knows.
        async with aclosing(self.read(after, batch[-1].position)) as events:
            return b"".join([event async for event in events])


async def facts_after(log: Log, hub: Hub, position: int, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Events for the facts past the position, until it is time to come anew.

    What was there before is read from the log, what is recorded then comes from the hub. Where the hub has
    left something out, because the reader was too slow for it, the log is read again. Whoever waits long for
    a fact is told how far the log has been looked through: that is where they go on, should they lose us.

    :raises LogUnavailableError: the log cannot be read.
    """
    yield sign_of_life(position, "what is recorded from here on")
    ends_at = anyio.current_time() + STREAM_MAX_S
    told_at = anyio.current_time()
    is_over = False
    while not is_over:
        async with hub.looking_on() as onlooker:
            head = await log.head()
            for upto in parts_of(position, head):
                async with aclosing(wanted.read(position, upto)) as events:
                    async for event in events:
                        yield event
                        told_at = anyio.current_time()
                        if onlooker.is_over or told_at > ends_at:
                            return
                position = upto
                if anyio.current_time() > told_at + HEARTBEAT_EVERY_S:
                    yield sign_of_life(position)
                    told_at = anyio.current_time()
            while not onlooker.is_left_behind:
                batch = await onlooker.batch()
                is_over = onlooker.is_over or anyio.current_time() > ends_at
                if is_over or (batch and batch[0].position > position + 1):
                    break
                found = await wanted.of(batch, position) if batch else b""
                position = max(position, batch[-1].position) if batch else position
                if found or anyio.current_time() >= told_at + HEARTBEAT_EVERY_S:
                    yield found or sign_of_life(position)
                    told_at = anyio.current_time()


def parts_of(position: int, head: int) -> Iterator[int]:
    """Where the parts end in which the log is read from a position on, its head the last of them."""
    while position < head:
        position = min(position + READ_AT_ONCE, head)
        yield position


def resumed(after: int | None, last_event_id: str | None, head: int) -> int:
    """The position to go on behind: that of the last event that arrived, else the one asked for, else now.

    :raises UsageError: it is no position.
    """
    if not last_event_id:
        return head if after is None else after
    position = digits_typed(last_event_id)
    if position is None:
        raise UsageError(f"Last-Event-ID: {last_event_id[:40]!r} is no position of the log.")
    return position
