"""How backfills stand, told while it changes: worked out once for all who look at the same one."""

from collections.abc import AsyncGenerator, Iterable
from typing import Final

import anyio
import msgspec

from daemon.clock import Clock
from daemon.operations.live import LiveWorld
from daemon.operations.standing import BackfillStanding, standing_of
from daemon.web.streams.channel import Channel
from daemon.web.streams.hub import Hub, Onlooker
from daemon.web.streams.told import Told, encoder, event_of
from events.errors import LogUnavailableError

TOLD_EVERY_S: Final = 0.25  # at the most


class Progress:
    """The standing of every backfill that somebody looks at."""

    def __init__(self, hub: Hub, live: LiveWorld, clock: Clock) -> None:
        """Nobody looks yet."""
        self._hub = hub
        self._live = live
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._told: dict[str, BackfillStanding] = {}
        self._wanted = anyio.Event()
        hub.when_over(self._end)

    async def run(self) -> None:
        """Tell how backfills stand whenever somebody looks, for ever."""
        while True:
            await self._wanted.wait()
            async with self._hub.looking_on() as onlooker:
                try:
                    await self._tell_all(onlooker)
                except LogUnavailableError:
                    self._end()  # Whoever looks comes again.
            if not self._channels:
                self._wanted = anyio.Event()

    async def standings(self, backfill_id: str) -> AsyncGenerator[bytes]:
        """Events: how it stands now, then whenever that has changed, and at last that it has ended.

        :raises LogUnavailableError: the log cannot be read.
        """
        channel = self._channels.setdefault(backfill_id, Channel())
        with channel.viewed():
            self._wanted.set()
            standing, event = await self._standing(backfill_id)
            self._tell_all_of(channel, backfill_id, standing, event)
            seen = channel.number
            yield event
            if standing.ended_at is not None:
                return
            async for event in channel.events(seen):
                yield event

    def _end(self) -> None:
        # Whether or not `run` looks on just then: it leaves the hub and comes again.
        for channel in self._channels.values():
            channel.end()
        self._channels.clear()
        self._told.clear()

    async def _tell_all(self, onlooker: Onlooker) -> None:
        changed = set(self._channels)  # What came before somebody looked on is not missed.
        while not onlooker.is_over and not onlooker.is_left_behind:
            for backfill_id in changed & self._channels.keys():
                await self._tell(backfill_id)
            self._forget()
            if not self._channels:
                return
            batch = await onlooker.batch()
            if batch:
                await anyio.sleep(TOLD_EVERY_S)
            changed = self._touched([*batch, *onlooker.waiting()])

    def _touched(self, batch: Iterable[Told]) -> set[str]:
        touched = {told.recorded.backfill_id for told in batch}
        # What is about no backfill may be what one waits for.
        return set(self._channels) if None in touched else {each for each in touched if each is not None}

    async def _tell(self, backfill_id: str) -> None:
        standing, event = await self._standing(backfill_id)
        channel = self._channels.get(backfill_id)
        if channel is None:
            return
        self._tell_all_of(channel, backfill_id, standing, event)
        if standing.ended_at is not None:
            channel.end()
            del self._channels[backfill_id]
            del self._told[backfill_id]

    def _tell_all_of(
        self, channel: Channel, backfill_id: str, standing: BackfillStanding, event: bytes
    ) -> None:
        """Tell the viewers of a channel how the backfill stands, unless that is what they were told last."""
        before = self._told.get(backfill_id)
        self._told[backfill_id] = standing
        if before is not None and _lasting(before) != _lasting(standing):
            channel.tell(event)

    async def _standing(self, backfill_id: str) -> tuple[BackfillStanding, bytes]:
        """How it stands, and the event that tells it."""
        world = await self._live.at_head()
        backfill = world.backfill(backfill_id)
        assert backfill is not None, "whoever looks at a backfill has found it"
        standing = standing_of(world, backfill, self._clock.now())
        event = event_of("progress", encoder.encode(standing), world.position)
        if standing.ended_at is not None:
            event += event_of("end", b"{}", world.position)
        return standing, event

    def _forget(self) -> None:
        for backfill_id in [name for name, channel in self._channels.items() if not channel.viewers]:
            del self._channels[backfill_id]
            self._told.pop(backfill_id, None)


def _lasting(standing: BackfillStanding) -> BackfillStanding:
    """What of it changes by facts, not merely by time."""
    return msgspec.structs.replace(standing, elapsed_s=0.0, runs_per_s=None, left_s=None)
