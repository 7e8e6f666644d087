"""The facts of the log as they are recorded: each once, in order, also over connections that broke."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from daemon.operations.errors import UsageError
from daemon.operations.typed import digits_typed
from daemon.web.streams.hub import Batch, Hub
from daemon.web.streams.told import HEARTBEAT, STREAM_MAX_S, Told
from events.log import Filter, Log
from events.matching import Matcher


async def facts_after(log: Log, hub: Hub, position: int, matching: Filter) -> AsyncGenerator[bytes]:
    """Events for the facts past the position, until it is time to come anew.

    What was there before is read from the log, what is recorded then comes from the hub. Where the hub has
    left something out, because the reader was too slow for it, the log is read again.

    :raises LogUnavailableError: the log cannot be read.
    """
    yield b": behind position %d\n\n" % position
    matcher = Matcher(matching)
    ends_at = anyio.current_time() + STREAM_MAX_S
    # The hub might stop following between two who look on, and a token be revoked just then.
    async with hub.looking_on() as watching:
        watching.is_left_behind = True  # It takes nothing, and learns that it is over.

        def is_over() -> bool:
            return watching.is_over or anyio.current_time() > ends_at

        while not is_over():
            async with hub.looking_on() as onlooker:
                head = await log.head()
                async with aclosing(_read(log, position, head, matching)) as events:
                    async for event in events:
                        yield event
                        if is_over():
                            return
                position = max(position, head)
                while not onlooker.is_left_behind:
                    batch = await onlooker.batch()
                    if is_over() or (batch and batch[0].position > position + 1):
                        break
                    yield await _told(log, batch, position, matching, matcher) if batch else HEARTBEAT
                    position = max(position, batch[-1].position) if batch else position


async def _told(log: Log, batch: Batch, position: int, matching: Filter, matcher: Matcher) -> bytes:
    """The events of what the hub has handed out, in one piece; none where nothing of it is asked for."""
    if matching.asset is None:
        found = (told.event for told in batch if told.position > position and matcher.matches(told.recorded))
        return b"".join(found)
    # What an asset has to do with follows from older facts, which the log knows.
    async with aclosing(_read(log, position, batch[-1].position, matching)) as events:
        return b"".join([event async for event in events])


async def _read(log: Log, after: int, upto: int, matching: Filter) -> AsyncGenerator[bytes]:
    async with aclosing(log.read(after=after, upto=upto, matching=matching)) as batches:
        async for batch in batches:
            for recorded in batch:
                yield Told(recorded).event


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
