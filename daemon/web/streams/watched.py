"""Streams to those who are let in, for as long as they are."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from daemon.web.access import Identity
from daemon.web.identifying import Identifying
from daemon.web.streams.hub import Hub


async def while_let_in(
    hub: Hub, identifying: Identifying, identity: Identity, events: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """The events until a token is revoked, which may be theirs, or theirs expires. They come anew for more.

    :raises LogError: it cannot be read whether they are let in.
    """
    async with aclosing(events), hub.looking_on() as watching:
        watching.is_left_behind = True  # It takes nothing, and learns that it is over.
        # Only now is no revocation missed any more, and one may have come since the request was let in.
        if not await identifying.is_still_let_in(identity):
            return
        async for event in events:
            if watching.is_over or identifying.has_expired(identity):
                return
            yield event
