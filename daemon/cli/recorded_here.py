"""A backfill as it is on record in the log that is open here."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import NamedTuple

from daemon.cli.replay_shown import Played
from daemon.operations.records import Records
from events.log import Filter
from projections.backfill.state import Backfill
from projections.world import evolve


class Recording(NamedTuple):
    """A backfill as it is on record."""

    lasted_s: float  # up to now, if it has not ended
    frames: AsyncIterator[Played]  # its facts in order, each with the backfill as it was right after it


async def recording_here(records: Records, backfill_id: str) -> Recording:
    """The recording of a backfill.

    :raises UnknownError: there is no such backfill.
    """
    world = await records.world()
    backfill = await records.backfill(world, backfill_id)
    lasted = (backfill.completed_at or world.known.at) - backfill.requested_at
    return Recording(lasted.total_seconds(), _played(records, backfill, upto=world.position))


async def _played(records: Records, backfill: Backfill, *, upto: int) -> AsyncIterator[Played]:
    world = await records.world_at(backfill.request_position - 1)
    its_facts = Filter(backfill_id=backfill.id)
    async with aclosing(records.log.read(after=world.position, upto=upto, matching=its_facts)) as batches:
        async for batch in batches:
            for recorded in batch:
                evolve(world, recorded)
                then = world.backfill(backfill.id)
                if then is not None:
                    yield Played(recorded, then)
