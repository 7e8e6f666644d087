"""Fetching ahead: while one page is decoded and folded, the next is already on its way."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

from events.errors import LogError

Page = TypeVar("Page")


async def fetched_ahead(pages: AsyncGenerator[Page, None], tasks: TaskGroup) -> AsyncGenerator[Page, None]:
    """The pages, each one fetched, in a task of the group, while the one before it is looked at.

    No task outlives this generator, however it is closed. A generator must not have a task group of its own:
    whoever leaves it unfinished would leave the group in another task than it was entered in.
    """
    send, receive = anyio.create_memory_object_stream[Page | LogError](0)
    fetching = anyio.CancelScope()

    async def fetch() -> None:
        # The receiver may be gone before the cancellation comes.
        with fetching, send, suppress(anyio.BrokenResourceError):
            try:
                async with aclosing(pages):
                    async for page in pages:
                        await send.send(page)
            except LogError as error:
                await send.send(error)

    tasks.start_soon(fetch)
    try:
        with receive:
            async for found in receive:
                if isinstance(found, LogError):
                    raise found
                yield found
    finally:
        fetching.cancel()
