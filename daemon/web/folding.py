"""Folding the log on a thread of its own, so that whoever else is served meanwhile need not wait for it."""

import gc
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from anyio import get_cancelled_exc_class, to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from events.log import Log
from events.postgres import PostgresLog
from projections.tables.checked import Checked
from projections.tables.rebuilding import Rebuilt
from projections.tables.store import ProjectionStore
from projections.world import World

SWITCH_S: Final = 0.001  # that a thread may go on while another waits to; Python's own 5 ms add up

Found = TypeVar("Found")


class FoldingAside(ProjectionStore):
    """A store that works out on another thread what takes a fold of the log.

    There it has an event loop and connections of its own, and the log at ``url``, whichever it is asked with.
    A world that it has folded is nobody else's.
    """

    def __init__(self, url: str, thread: BlockingPortal, log: Log, store: ProjectionStore) -> None:
        """``log`` and ``store`` are those of the thread."""
        super().__init__(url)
        self._thread = thread
        self._its_log = log
        self._its_store = store

    async def load_world(self, log: Log, *, upto: int | None = None) -> World:  # noqa: ARG002 -- as it says
        """See `ProjectionStore.load_world`. That of the head is taken to be kept for good."""
        world = await self._there(lambda log, store: store.load_world(log, upto=upto))
        if upto is None:
            # Looking through it for garbage, again and again, would take 0.1 s in which nobody goes on.
            gc.freeze()
        return world

    async def check(self, log: Log) -> Checked:  # noqa: ARG002 -- as it says
        """See `ProjectionStore.check`."""
        return await self._there(lambda log, store: store.check(log))

    async def rebuild(self, log: Log) -> Rebuilt | None:  # noqa: ARG002 -- as it says
        """See `ProjectionStore.rebuild`."""
        return await self._there(lambda log, store: store.rebuild(log))

    async def _there(self, work: Callable[[Log, ProjectionStore], Awaitable[Found]]) -> Found:
        working = self._thread.start_task_soon(work, self._its_log, self._its_store)
        try:
            return await to_thread.run_sync(working.result, abandon_on_cancel=True)
        except get_cancelled_exc_class():
            working.cancel()
            raise


def be_ready_for_threads() -> None:
    """See to it that threads of this process hardly make each other wait. To be called once it is set up."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def folding_aside(url: str) -> AsyncGenerator[FoldingAside]:
    """The store, whose thread ends with this context."""
    with (
        start_blocking_portal() as thread,
        thread.wrap_async_context_manager(PostgresLog(url)) as log,
        thread.wrap_async_context_manager(ProjectionStore(url)) as its_store,
    ):
        async with FoldingAside(url, thread, log, its_store) as store:
            yield store
