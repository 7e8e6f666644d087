"""Appending and reading that outlast a database that is away."""

from collections.abc import Sequence
from contextlib import aclosing

import anyio
import structlog

from events.envelope import Event
from events.errors import LogUnavailableError
from events.log import Appended, HeadMoved, Log
from projections.world import World, evolve

RETRY_FIRST_S = 0.05
RETRY_MAX_S = 5.0

log = structlog.get_logger(__name__)


async def append_surely(
    event_log: Log, events: Sequence[Event], *, expected_head: int | None = None
) -> Appended | HeadMoved:
    """The log's answer, however long it takes.

    While the log is away the same events are tried again, under the same ids, so an append whose outcome is
    not known is settled and never made twice. Ends only with an answer or by being cancelled.
    """
    delay_s = RETRY_FIRST_S
    while True:
        try:
            return await event_log.append(events, expected_head=expected_head)
        except LogUnavailableError as error:
            log.warning("log.unavailable", reason=error.reason, retry_in_s=delay_s, events=len(events))
            await anyio.sleep(delay_s)
            delay_s = min(delay_s * 2, RETRY_MAX_S)


async def catch_up(event_log: Log, world: World) -> None:
    """Fold everything recorded since into the world, however long it takes to get it."""
    delay_s = RETRY_FIRST_S
    while True:
        try:
            async with aclosing(event_log.read(after=world.position)) as batches:
                async for batch in batches:
                    for recorded in batch:
                        evolve(world, recorded)
        except LogUnavailableError as error:
            log.warning("log.unavailable", reason=error.reason, retry_in_s=delay_s)
            await anyio.sleep(delay_s)
            delay_s = min(delay_s * 2, RETRY_MAX_S)
        else:
            return
