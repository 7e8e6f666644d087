"""Pulses that say what has changed, for pages that then look again: each made once, for everybody."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final

import anyio
import msgspec

from daemon.web.streams.channel import Channel
from daemon.web.streams.hub import Hub, Onlooker
from daemon.web.streams.told import Told, encoder, event_of
from events.errors import LogError
from events.facts import (
    BackfillRequested,
    Fact,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunLaunched,
)
from events.log import Log

PULSE_EVERY_S: Final = 0.5  # at the most
LED_ASKED_EVERY_S: Final = 5.0  # whether a daemon is there, which no fact tells
NAMED_MAX: Final = 50  # backfills or assets in a pulse; where more have changed, any may have


class Changed(msgspec.Struct, frozen=True):
    """What has changed since the last pulse, as JSON says it."""

    position: int  # of the newest fact
    backfills: tuple[str, ...] | None  # None: any
    assets: tuple[str, ...] | None  # that the facts name; None: any


class Changes:
    """Pulses, made while anybody wants them."""

    def __init__(self, hub: Hub, is_led: Callable[[], Awaitable[bool]]) -> None:
        """Nobody wants any yet.

        :param is_led: whether a daemon is there now.
        """
        self._hub = hub
        self._is_led = is_led
        self._was_led: bool | None = None  # None: nobody has asked yet
        self._channel = Channel()
        self._wanted = anyio.Event()
        self._ready = anyio.Event()  # nothing that is recorded from here on is missed
        self._missed: int | None = None  # a position: something before it
        self._told = 0  # the position up to which everything is told
        hub.when_over(self._end)

    async def run(self) -> None:
        """Make pulses whenever somebody wants them, for ever."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_daemon)
            await self._run()

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            async with self._hub.looking_on() as onlooker:
                self._ready.set()
                await self._pulse(onlooker)
            # What is handed out before it looks on again, they may have missed too.
            self._missed = onlooker.position if self._channel.viewers else None
            if not self._channel.viewers:
                self._wanted, self._ready = anyio.Event(), anyio.Event()

    async def pulses(self, log: Log, after: int) -> AsyncGenerator[bytes]:
        """Events, until it is time to come anew; the first one at once, if the log is past ``after``."""
        channel = self._channel
        with channel.viewed():
            self._wanted.set()
            await self._ready.wait()
            seen = channel.number
            head = await log.head()
            yield b": what changes from now on\n\n"
            if head > after:
                yield _event(Changed(head, None, None))
            async for event in channel.events(seen):
                yield event

    async def _watch_daemon(self) -> None:
        """Have a pulse when a daemon comes or goes: one that is killed leaves no fact."""
        while True:
            await self._wanted.wait()
            try:
                is_led = await self._is_led()
            except LogError:
                is_led = None  # Nobody knows; that the log is away, whoever looks on is told otherwise.
            if None not in {is_led, self._was_led} and is_led is not self._was_led:
                self._channel.tell(_event(Changed(self._told, None, None)))
            self._was_led = self._was_led if is_led is None else is_led
            await anyio.sleep(LED_ASKED_EVERY_S)

    def _end(self) -> None:
        # Whether or not `run` looks on just then: it leaves the hub and comes again.
        self._channel.end()
        self._channel = Channel()

    async def _pulse(self, onlooker: Onlooker) -> None:
        if self._missed is not None:
            self._channel.tell(_event(Changed(self._missed, None, None)))
        while self._channel.viewers and not onlooker.is_over and not onlooker.is_left_behind:
            batch = [*await onlooker.batch(), *onlooker.waiting()]
            if batch:
                self._told = batch[-1].position
                anything = _event(Changed(self._told, None, None))
                self._channel.tell(_event(changed_by(batch)), instead=anything)
                await anyio.sleep(PULSE_EVERY_S)


def changed_by(batch: Iterable[Told]) -> Changed:
    """What these facts have changed."""
    backfills: dict[str, None] = {}
    assets: dict[str, None] = {}
    position = 0
    has_changed_anything = False
    for told in batch:
        recorded, position = told.recorded, told.position
        if recorded.backfill_id is None:
            has_changed_anything = True  # Definitions, pools and keys concern whoever uses them.
        else:
            backfills[recorded.backfill_id] = None
            assets |= dict.fromkeys(named_by(recorded.fact))
    return Changed(
        position,
        None if has_changed_anything or len(backfills) > NAMED_MAX else tuple(backfills),
        None if has_changed_anything or len(assets) > NAMED_MAX else tuple(assets),
    )


def named_by(fact: Fact) -> tuple[str, ...]:
    """The assets that a fact names."""
    match fact:
        case PartitionMaterialized() | PartitionFailed() | PartitionSkipped():
            return (fact.asset,)
        case RunLaunched():
            return fact.assets
        case BackfillRequested():
            return tuple(asset for group in fact.groups for asset in group.assets)
        case _:
            return ()


def _event(changed: Changed) -> bytes:
    return event_of("changed", encoder.encode(changed), changed.position)
