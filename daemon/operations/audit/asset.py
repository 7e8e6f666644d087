"""Every attempt ever made at partitions of an asset."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from daemon.operations.audit.finding import facts_about
from daemon.operations.errors import UnknownError, did_you_mean
from daemon.operations.operation import Page, Question, operation
from daemon.operations.records import Records
from projections.audit.asked import asked_of, is_known
from projections.audit.attempts import Attempt, Attempts

LIMIT_MAX = 1_000
Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]


class AboutAsset(Question, frozen=True, kw_only=True):
    """Partitions of an asset, a page of attempts at a time."""

    asset: str
    partitions: str | None = None  # as typed; None: all
    limit: Limit = 100
    cursor: int = 0  # the position of the last fact that was told


class Told(msgspec.Struct, frozen=True):
    """The attempts that one fact tells of."""

    position: int
    attempts: tuple[Attempt, ...]


@operation("GET", "/audit")
async def audit(records: Records, asked: AboutAsset) -> Page[Attempt]:
    """Tell every attempt at partitions of an asset, oldest first: what filled them, and what did not.

    :raises UnknownError: there is no such asset.
    :raises RangeTextError: that is no text of partitions.
    """
    found: list[Attempt] = []
    last = asked.cursor
    async for told in await attempts_at(records, asked.asset, asked.partitions):
        if told.position <= asked.cursor:
            continue
        if len(found) >= asked.limit:
            return Page(found, str(last))
        found += told.attempts
        last = told.position
    return Page(found)


async def attempts_at(records: Records, asset: str, partitions: str | None) -> AsyncIterator[Told]:
    """All of them, as they are found.

    :raises UnknownError: there is no such asset.
    :raises RangeTextError: that is no text of partitions.
    """
    records.need_all_facts("all attempts at an asset")
    world = await records.world()
    if not is_known(world, asset):
        hint = did_you_mean(asset, world.catalog.assets) or " `backfilld assets` lists what there is."
        raise UnknownError(f"there is no asset {asset!r}.{hint}")
    asked = asked_of(world, asset, partitions, records.now())
    attempts, upto = Attempts(world, asked), world.position

    async def told() -> AsyncIterator[Told]:
        async for recorded in facts_about(records, asked, upto=upto):
            if found := tuple(attempts.told(recorded)):
                yield Told(recorded.position, found)

    return told()
