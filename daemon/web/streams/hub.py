"""One follow of the log for all who look on, begun with the first of them and ended after the last."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

import anyio

from daemon.web.streams.told import HEARTBEAT_EVERY_S, Told
from events.facts import TokenRevoked
from events.log import Log

WAITING_MAX: Final = 100  # batches for one who looks on; who is slower than that is left behind
HAND_OUT_EVERY_S: Final = 0.1  # at the most

Batch = Sequence[Told]


class Onlooker:
    """One who looks on."""

    def __init__(self) -> None:
        self._sender, self._receiver = anyio.create_memory_object_stream[Batch](WAITING_MAX)
        self.is_left_behind = False  # what comes now is not all that there was
        self.position = 0  # of the newest fact that was there to be handed out
        self.is_over = False  # nothing comes any more; whoever wants to go on has to come anew

    async def batch(self) -> Batch:
        """What is recorded next; nothing where nothing is for a while, or where it is over or left behind."""
        with anyio.move_on_after(HEARTBEAT_EVERY_S):
            try:
                return await self._receiver.receive()
            except anyio.EndOfStream:
                return ()
        return ()

    def waiting(self) -> list[Told]:
        """What was recorded meanwhile."""
        found: list[Told] = []
        with suppress(anyio.WouldBlock, anyio.EndOfStream):
            while True:
                found += self._receiver.receive_nowait()
        return found

    def hand(self, batch: Batch) -> None:
        """Give a batch, if there is room for it."""
        self.position = batch[-1].position
        if self.is_left_behind or self.is_over:
            return
        try:
            self._sender.send_nowait(batch)
        except anyio.WouldBlock:
            self.is_left_behind = True
            self._sender.close()

    def end(self) -> None:
        """Let nothing come any more."""
        self.is_over = True
        self._sender.close()

    def leave(self) -> None:
        """Forget what has not been looked at."""
        self._sender.close()
        self._receiver.close()


class Hub:
    """Hands what is recorded to those who look on, as it is recorded."""

    def __init__(self, log: Log) -> None:
        """Nobody looks on yet, and nothing is followed."""
        self._log = log
        self._onlookers: set[Onlooker] = set()
        self._wanted = anyio.Event()
        self._unwanted = anyio.Event()
        self._following = anyio.Event()  # whatever is recorded from here on is handed out
        self._is_closed = False
        self._endings: list[Callable[[], None]] = []

    @property
    def onlookers(self) -> int:
        """How many there are."""
        return len(self._onlookers)

    def when_over(self, call: Callable[[], None]) -> None:
        """Have something called whenever it is over for all who look on."""
        self._endings.append(call)

    async def run(self) -> None:
        """Follow the log whenever somebody looks on, for ever."""
        while True:
            await self._wanted.wait()
            if not self._onlookers:
                continue  # They were gone again.
            self._unwanted = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow, self._following)
                await self._unwanted.wait()
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def looking_on(self) -> AsyncGenerator[Onlooker]:
        """One who looks on: whatever is recorded from the block's beginning on comes.

        It is over when the hub is closed, or when a token is revoked: it could be theirs.
        """
        onlooker = Onlooker()
        if self._is_closed:
            onlooker.end()
        else:
            self._onlookers.add(onlooker)
            self._wanted.set()
        try:
            await self._following.wait()
            yield onlooker
        finally:
            onlooker.leave()
            self._onlookers.discard(onlooker)
            if not self._onlookers:
                self._wanted, self._following = anyio.Event(), anyio.Event()
                self._unwanted.set()

    def close(self) -> None:
        """Let nobody look on any more."""
        self._is_closed = True
        self._following.set()
        self._end_all()

    async def _follow(self, following: anyio.Event) -> None:
        async with aclosing(self._batches(following)) as batches:
            async for batch in batches:
                for onlooker in list(self._onlookers):
                    onlooker.hand(batch)
                if any(isinstance(told.recorded.fact, TokenRevoked) for told in batch):
                    self._end_all()

    async def _batches(self, following: anyio.Event) -> AsyncGenerator[Batch]:
        head = await self._log.wait_past(-1)  # as `follow` it waits for a log that is away
        following.set()
        async with aclosing(self._log.follow(after=head)) as batches:
            async for batch in batches:
                yield [Told(recorded) for recorded in batch]
                # What comes meanwhile is handed out together, which is what many onlookers cost.
                await anyio.sleep(HAND_OUT_EVERY_S)

    def _end_all(self) -> None:
        for onlooker in list(self._onlookers):
            onlooker.end()
        for call in self._endings:
            call()
