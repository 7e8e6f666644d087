"""Which part of a log an export takes, and what it then says of itself."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select

from events import rows
from events.files.chained import FileError, Header
from events.reading import among
from events.schema import log, log_head

_HASHES_AT_ONCE = 50_000

Fetch = Callable[[Select[Any]], Awaitable[Sequence[Any]]]  # what a statement selects


class Part(msgspec.Struct, frozen=True):
    """A part of a log: positions, both ends among them, or backfills."""

    first: int = 1
    last: int | None = None  # None: the head
    backfills: tuple[str, ...] = ()


async def header(fetch: Fetch, part: Part, at: datetime) -> Header:
    """What an export of the part, begun at that time, says of itself.

    :raises FileError: there is no such part.
    """
    if part.backfills:
        return await _selection(fetch, part, at)
    position, digest = (await fetch(select(log_head.c.position, log_head.c.hash).limit(1)))[0]
    last = position if part.last is None else part.last
    if last > position or (part.first > last and (part.first, last) != (1, 0)):
        raise FileError(
            f"there are no facts {part.first:,} to {last:,} in the log, which ends at {position:,}."
        )
    return Header(
        exported_at=at,
        first=part.first,
        last=last,
        count=last - part.first + 1,
        previous=await _hash_at(fetch, part.first - 1),
        digest=digest.hex() if last == position else await _hash_at(fetch, last),
    )


async def _selection(fetch: Fetch, part: Part, at: datetime) -> Header:
    last = 0
    for backfill_id in part.backfills:
        newest = select(func.max(log.c.position)).where(log.c.backfill_id == backfill_id)
        found = (await fetch(newest))[0][0]
        if found is None:
            raise FileError(f"there is no backfill {backfill_id}; `backfilld backfills` lists them.")
        last = max(last, found)
    hashes, count, first, after = hashlib.sha256(), 0, 0, 0
    while after < last:
        page = await fetch(
            select(log.c.position, log.c.hash)
            .where(log.c.position > after, log.c.position <= last, among(part.backfills))
            .order_by(log.c.position)
            .limit(_HASHES_AT_ONCE)
        )
        for _, row_hash in page:
            hashes.update(row_hash)
        first = first or page[0].position
        count += len(page)
        after = page[-1].position
    return Header(
        exported_at=at,
        first=first,
        last=last,
        count=count,
        previous=await _hash_at(fetch, first - 1),
        digest=hashes.hexdigest(),
        backfills=tuple(dict.fromkeys(part.backfills)),
    )


async def _hash_at(fetch: Fetch, position: int) -> str:
    if position == 0:
        return rows.NO_HASH.hex()
    found = await fetch(select(log.c.hash).where(log.c.position == position))
    if not found:
        raise FileError(f"the log has no position {position}; `backfilld log verify` says more.")
    return bytes(found[0][0]).hex()
