"""How events get into PostgreSQL's log: one statement for a whole batch, under the head row's lock.

The writer remembers where the log ended, computes positions and hashes from there, and sends one statement
that moves the head *if it is still there* and inserts the rows. Whoever else wrote in between makes the
statement do nothing; then the writer looks where the head is now and computes again.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import anyio
import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events import rows
from events.envelope import Event
from events.log import Appended, HeadMoved
from events.rows import Row

APPEND_TIMEOUT_S: Final = 60.0
CHANNEL: Final = "backfilld_log"
_MISSES_MAX: Final = 2

_APPEND: Final = f"""
WITH moved AS (
    UPDATE log_head SET position = $1::bigint + $3::bigint, hash = $4::bytea
    WHERE position = $1::bigint AND hash = $2::bytea
    RETURNING position
), written AS (
    INSERT INTO log (position, id, at, type, schema, actor, backfill_id, run_id, causation_id, correlation_id,
                     data, hash)
    SELECT $1::bigint + number, id, at, type, schema, actor, backfill_id, run_id, causation_id, correlation_id,
           data::jsonb, hash
    FROM moved, unnest($5::uuid[], $6::timestamptz[], $7::text[], $8::int[], $9::text[], $10::text[],
                       $11::text[], $12::uuid[], $13::uuid[], $14::text[], $15::bytea[])
         WITH ORDINALITY AS given(id, at, type, schema, actor, backfill_id, run_id, causation_id,
                                  correlation_id, data, hash, number)
)
SELECT position, pg_notify('{CHANNEL}', position::text) FROM moved
"""
_HEAD: Final = "SELECT position, hash FROM log_head ORDER BY position LIMIT 1"
_LOCK: Final = "SELECT position, hash FROM log_head ORDER BY position LIMIT 1 FOR UPDATE"
_KNOWN: Final = """
SELECT id::text, position FROM log WHERE id = ANY($1::uuid[]) ORDER BY position LIMIT cardinality($1::uuid[])
"""


class Head(NamedTuple):
    """Where the log ends."""

    position: int
    hash: bytes


class Writer:
    """Appends over a connection of its own, one append at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = anyio.Lock()
        self._borrowed: AsyncConnection | None = None
        self._driver: Any = None  # asyncpg's connection; it ships no types
        self._head: Head | None = None

    async def append(self, events: Sequence[Event], expected_head: int | None) -> Appended | HeadMoved:
        """See `Log.append`; errors are the driver's."""
        given = [rows.row_of(event) for event in events]
        async with self._turn:
            # Shielded, because a cancellation would leave open whether the rows were written.
            with anyio.fail_after(APPEND_TIMEOUT_S, shield=True):
                try:
                    await self._connect()
                    return await self._append(given, expected_head)
                except BaseException:
                    await self.close()
                    raise

    async def close(self) -> None:
        """Gives the connection up. The next append makes a new one."""
        borrowed, driver = self._borrowed, self._driver
        self._borrowed = self._driver = self._head = None
        if driver is not None:
            driver.terminate()
        if borrowed is not None:
            await borrowed.invalidate()
            await borrowed.close()

    async def _connect(self) -> None:
        if self._driver is not None and self._driver.is_closed():
            await self.close()
        if self._driver is None:
            self._borrowed = await self._engine.connect()
            self._driver = (await self._borrowed.get_raw_connection()).driver_connection

    async def _append(self, given: list[Row], expected_head: int | None) -> Appended | HeadMoved:
        known: dict[str, int] = {}
        misses = 0
        while True:
            fresh = rows.unwritten(given, known)
            head = self._head
            if head is None or (expected_head is not None and expected_head != head.position):
                head = await self._look(_HEAD)
            if expected_head is not None and expected_head != head.position:
                known = await self._known(given)
                if given and not rows.unwritten(given, known):
                    return _appended(given, known, head.position)
                return HeadMoved(head.position)
            if not fresh:
                return _appended(given, known, head.position)
            try:
                written = await self._write(fresh, head, locked=misses >= _MISSES_MAX)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "log_id_key":
                    raise
                known = await self._known(given)
                continue
            if written is not None:
                return _appended(given, known | written, 0)
            misses += 1
            self._head = None

    async def _write(self, fresh: list[Row], head: Head, *, locked: bool) -> dict[str, int] | None:
        """The positions of the rows written, or None if the head was not there any more."""
        if not locked:
            return await self._send(fresh, head)
        async with self._driver.transaction():
            return await self._send(fresh, await self._look(_LOCK))

    async def _send(self, fresh: list[Row], head: Head) -> dict[str, int] | None:
        hashes = list(rows.chain(head.position + 1, head.hash, fresh))
        ids, ats, types, schemas, actors, backfills, runs, causes, stories, data = zip(*fresh, strict=True)
        texts = [each.decode() for each in data]
        moved = await self._driver.fetchval(
            _APPEND, head.position, head.hash, len(fresh), hashes[-1],
            ids, ats, types, schemas, actors, backfills, runs, causes, stories, texts, hashes,
        )  # fmt: skip
        if moved is None:
            return None
        self._head = Head(moved, hashes[-1])
        return {row_id: position for position, row_id in enumerate(ids, head.position + 1)}

    async def _look(self, statement: str) -> Head:
        found = await self._driver.fetchrow(statement)
        self._head = Head(found["position"], found["hash"])
        return self._head

    async def _known(self, given: Collection[Row]) -> dict[str, int]:
        found = await self._driver.fetch(_KNOWN, [row.id for row in given])
        return {each["id"]: each["position"] for each in found}


def _appended(given: list[Row], positions: dict[str, int], head: int) -> Appended:
    found = tuple(positions[row.id] for row in given)
    return Appended(found, max(found, default=head))
