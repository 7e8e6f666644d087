"""The lead of a log, kept by a thread of its own, so that long work in the daemon's loop loses no lease."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

import anyio
import structlog
from anyio.from_thread import BlockingPortal, start_blocking_portal

from events.attendance import Attendance, Attendant
from events.errors import LogError, LogUnavailableError
from events.leadership import Leadership

RENEW_EVERY_S: Final = 1.0  # a third of the lease
ASK_EVERY_S: Final = 0.4  # how late a standby learns that the lock is free
# A standby whose own session went too leaves the lock to the one that had it: a database that was restarted
# changes no leader that is alive.
YIELD_S: Final = 2 * RENEW_EVERY_S
UNBLOCK_AFTER_S: Final = 1.0  # no append of ours keeps the others waiting for so long

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Lease:
    """The lead of the log at ``url``, to be waited for, kept and given up. An async context manager."""

    def __init__(self, url: str, attendant: Attendant, *, revive: Callable[[], None] | None = None) -> None:
        """Nothing is connected yet.

        :param revive: starts the database again where it is ours to start; may take its time.
        """
        self._leadership = Leadership(url, attendant=attendant)
        self._revive = revive
        self._portal: BlockingPortal
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(self._leadership))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def try_to_lead(self) -> bool:
        """See `Leadership.try_to_lead`."""
        return await self._called(self._leadership.try_to_lead)

    async def attendance(self) -> Attendance:
        """See `Leadership.attendance`."""
        return await self._called(self._leadership.attendance)

    async def attend(self) -> None:
        """Leave the lead to others, and be there all the same, for ever."""
        await self._called(self._leadership.give_up)
        while True:
            with suppress(LogUnavailableError):
                await self._called(self._leadership.attend)
            await anyio.sleep(RENEW_EVERY_S)

    async def wait(self) -> None:
        """Nothing, once this daemon leads, however long that takes; a database that is away is waited for."""
        while True:
            try:
                while not await self.try_to_lead():  # noqa: ASYNC110 - another process holds the lock.
                    await anyio.sleep(ASK_EVERY_S)
            except LogUnavailableError as error:
                await self._until_back(error)
            else:
                return

    async def keep(self) -> None:
        """Nothing, once another daemon has taken the lead; until then the lease is renewed."""
        await self._called(self._renew)

    async def free_the_head(self) -> None:
        """End, for ever, whatever keeps everybody from appending, such as what a stopped leader began."""
        while True:
            await anyio.sleep(UNBLOCK_AFTER_S)
            # What was ended is told also where whoever waited for it is through already.
            with suppress(LogUnavailableError), anyio.move_on_after(UNBLOCK_AFTER_S, shield=True):
                ended = await self._called(self._leadership.free_the_head)
                if ended:
                    log.warning("log.freed", sessions_ended=ended)

    async def _called(self, function: Callable[[], Awaitable[Answer]]) -> Answer:
        """What the function returns, awaited in the thread."""
        future = self._portal.start_task_soon(function)
        try:
            return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)
        finally:
            future.cancel()

    async def _until_back(self, error: LogUnavailableError) -> None:
        while True:
            await self._called(partial(self._put_up_with, error))
            await anyio.sleep(ASK_EVERY_S)
            try:
                await self.attendance()
            except LogUnavailableError as again:
                error = again
            else:
                await anyio.sleep(YIELD_S)
                return

    async def _renew(self) -> None:
        while await self._still_leads():  # noqa: ASYNC110 - time is what is waited for.
            await anyio.sleep(RENEW_EVERY_S)

    async def _still_leads(self) -> bool:
        """Whether nobody else is known to lead. A lock that went with its session is taken again at once."""
        try:
            return await self._leadership.try_to_lead()
        except LogUnavailableError as error:
            reason = error
        try:
            return await self._leadership.try_to_lead()
        except LogUnavailableError:
            await self._put_up_with(reason)
        return True

    async def _put_up_with(self, error: LogUnavailableError) -> None:
        """Say that the database is away, and start it where that is ours to do; blocks this thread alone."""
        log.warning("leadership.unknown", reason=error.reason)
        if self._revive is None:
            return
        try:
            self._revive()
        except LogError as failure:
            log.warning("database.not_started", reason=str(failure))
