"""A backfill as it is on record in a log elsewhere, whose facts are asked for."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from daemon.cli.asker import Asker
from daemon.cli.elsewhere import ElsewhereAsker
from daemon.cli.log.elsewhere import pages_of
from daemon.cli.recorded_here import Recording
from daemon.cli.replay_shown import Played
from daemon.operations.log.listing import LogQuestion, log
from daemon.operations.log.shown import recorded
from daemon.operations.status import BackfillAsked
from daemon.operations.status import backfill as backfill_standing
from events.facts import (
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
)
from projections.world import World, evolve

PLANNED_BY: Final = tuple(  # types of fact that say what a request stands for
    fact.__name__
    for fact in (
        *(DefinitionsLoaded, DefinitionsFailed, DefinitionsWithdrawn),
        *(DynamicPartitionsAdded, DynamicPartitionsRemoved),
    )
)


async def recording_elsewhere(asker: Asker, backfill_id: str) -> Recording:
    """The recording of a backfill.

    :raises UnknownError: there is no such backfill.
    """
    assert isinstance(asker, ElsewhereAsker), "an address was named"
    standing = await asker.ask(backfill_standing, BackfillAsked(backfill_id=backfill_id))
    (newest,) = (await asker.ask(log, LogQuestion(limit=1))).items
    lasted = (standing.ended_at or datetime.fromisoformat(newest.at)) - standing.requested_at
    return Recording(lasted.total_seconds(), _played(asker, backfill_id, upto=newest.position))


async def _played(asker: ElsewhereAsker, backfill_id: str, *, upto: int) -> AsyncIterator[Played]:
    world: World | None = None
    its_facts = LogQuestion(backfill=backfill_id, last=upto, newest_first=False, limit=0)
    async for page in pages_of(asker, its_facts):
        for each in page.items:
            if world is None:
                world = await _world_before(asker, each.position)
            fact = recorded(each)
            evolve(world, fact)
            then = world.backfill(backfill_id)
            if then is not None:
                yield Played(fact, then)


async def _world_before(asker: ElsewhereAsker, position: int) -> World:
    """The world before a request, with no more in it than the request needs to be understood."""
    world = World()
    before = LogQuestion(type=PLANNED_BY, last=position - 1, newest_first=False, limit=0)
    if position > 1:
        async for page in pages_of(asker, before):
            for each in page.items:
                evolve(world, recorded(each))
    return world
