"""Every attempt ever made at partitions of an asset."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from daemon.operations.audit.finding import facts_about
from daemon.operations.errors import UnknownError, did_you_mean
from daemon.operations.fields import AssetKey, Cursor, Limit, said
from daemon.operations.operation import Page, Question, operation
from daemon.operations.paging import no_cursor
from daemon.operations.records import Records
from projections.audit.asked import asked_of, is_known
from projections.audit.attempts import Attempt, Attempts

CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


class AboutAsset(Question, frozen=True, kw_only=True):
    """Partitions of an asset, a page of attempts at a time."""

    asset: AssetKey
    partitions: Annotated[
        str | None,
        said("Only these: '2024-01-05, [2024-02-01...2024-02-29]'. Those it had once are found too."),
    ] = None
    limit: Limit = 100
    cursor: Cursor = None


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
    last, start = places_of(asked.cursor)
    found: list[Attempt] = []
    following: str | None = None
    attempts, facts = await _telling(records, asked.asset, asked.partitions, after=start - 1)
    async for told in facts:
        if told.position <= last:
            continue
        if following is not None:
            return Page(found, following)
        found += told.attempts
        if asked.limit and len(found) >= asked.limit:
            # What is still under way here must be read again for the page that follows, and nothing else.
            following = f"{told.position}-{attempts.open_since or told.position + 1}"
    return Page(found)


def places_of(cursor: str | None) -> tuple[int, int]:
    """The position of the last fact that was told, and that of the first that is to be read again.

    :raises UsageError: the cursor has none.
    """
    if cursor is None:
        return 0, 1
    places = CURSOR.fullmatch(cursor)
    if places is None:
        raise no_cursor(cursor)
    return int(places[1]), int(places[2])


async def attempts_at(records: Records, asset: str, partitions: str | None) -> AsyncIterator[Told]:
    """All of them, as they are found.

    :raises UnknownError: there is no such asset.
    :raises RangeTextError: that is no text of partitions.
    """
    _, facts = await _telling(records, asset, partitions)
    return facts


async def _telling(
    records: Records, asset: str, partitions: str | None, *, after: int = 0
) -> tuple[Attempts, AsyncIterator[Told]]:
    """What tells of them, of the facts after a position, and what it tells."""
    records.need_all_facts("all attempts at an asset")
    world = await records.world()
    if not is_known(world, asset):
        hint = did_you_mean(asset, world.catalog.assets) or " `backfilld assets` lists what there is."
        raise UnknownError(f"there is no asset {asset!r}.{hint}")
    asked = asked_of(world, asset, partitions, records.now())
    attempts, upto = Attempts(world, asked), world.position

    async def told() -> AsyncIterator[Told]:
        async for recorded in facts_about(records, asked, upto=upto, after=after):
            if found := tuple(attempts.told(recorded)):
                yield Told(recorded.position, found)

    return attempts, told()
