"""How events get into PostgreSQL's log, under the head row's lock, in one of two ways.

A few events go in one statement. The writer remembers where the log ended, computes positions and hashes
from there, and sends a statement that moves the head *if it is still there* and inserts the rows. Whoever
else wrote in between makes it do nothing; then the writer looks where the head is now and computes again.

Many events, and few that have lost that race too often, take the lock first and are then sent by COPY, row
by row as they are encoded, so that Python and PostgreSQL work side by side.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import anyio
import asyncpg
from anyio.lowlevel import checkpoint
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events import adopting, rows
from events.adopting import Head
from events.envelope import Event
from events.errors import FactNotStorableError
from events.files.chained import Chained
from events.log import Appended, HeadMoved
from events.rows import Row

CHANNEL: Final = "backfilld_log"
_ONE_STATEMENT_MAX: Final = 32  # events
_MISSES_MAX: Final = 2
_SENT_EVERY: Final = 400  # rows of a COPY
_UNSENT_BYTES_MAX: Final = 1_100 << 10  # two of the pieces, of 512 KB, that asyncpg makes

_COLUMNS: Final = ("position", *Row._fields, "hash")
_TYPES: Final = (
    "bigint", "uuid", "timestamptz", "text", "int", "text", "text", "text", "uuid", "uuid", "jsonb", "bytea",
)  # fmt: skip
_HEAD: Final = "SELECT position, hash FROM log_head ORDER BY position LIMIT 1"
_LOCK: Final = "SELECT position, hash FROM log_head ORDER BY position LIMIT 1 FOR UPDATE"
_MOVE: Final = "UPDATE log_head SET position = $1, hash = $2"
_NOTIFY: Final = "SELECT pg_notify($1, $2)"
_KNOWN: Final = """
SELECT id::text, position FROM log WHERE id = ANY($1::uuid[]) ORDER BY position LIMIT cardinality($1::uuid[])
"""


class Writer:
    """Appends over a connection of its own, one append at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = anyio.Lock(fast_acquire=True)
        self._borrowed: AsyncConnection | None = None
        self._driver: Any = None  # asyncpg's connection; it ships no types
        self._head: Head | None = None

    async def append(self, events: Sequence[Event], expected_head: int | None) -> Appended | HeadMoved:
        """See `Log.append`; errors are the driver's."""
        # Shielded, because a cancellation would leave open whether the rows were written. The driver bounds
        # the time that each statement takes.
        async with self._turn:
            with anyio.CancelScope(shield=True):
                try:
                    if self._driver is None or self._driver.is_closed():
                        await self._connect()
                    answer = await self._append(events, expected_head)
                except FactNotStorableError:
                    raise
                except BaseException:
                    # Nobody knows what the server made of it: the next append begins from scratch.
                    await self.close()
                    raise
        return answer

    async def adopt(self, pages: Iterable[list[Chained]], end: Head) -> bool:
        """See `PostgresLog.adopt`. One transaction: whatever happens, no part of the rows is left alone."""
        async with self._turn:
            try:
                if self._driver is None or self._driver.is_closed():
                    await self._connect()
                async with self._driver.transaction():
                    if await self._look(_LOCK) != Head(0, rows.NO_HASH):
                        return False
                    records = adopting.records(pages, end)
                    await self._driver.copy_records_to_table(
                        "log", records=records, columns=_COLUMNS, timeout=adopting.TIMEOUT_S
                    )
                    await adopting.check(self._driver, end)
                    await self._driver.execute(_MOVE, *end)
                    await self._driver.execute(_NOTIFY, CHANNEL, str(end.position))
                self._head = end
            except BaseException:
                await self.close()
                raise
        return True

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
        await self.close()
        self._borrowed = await self._engine.connect()
        driver: Any = (await self._borrowed.get_raw_connection()).driver_connection
        # jsonb's binary form is a version and the text, which we have as bytes.
        await driver.set_type_codec(
            "jsonb", schema="pg_catalog", format="binary", encoder=b"\x01".__add__, decoder=bytes
        )
        # By default encoding stops until a piece is sent, and PostgreSQL has nothing to do while it goes on.
        driver._transport.set_write_buffer_limits(_UNSENT_BYTES_MAX)  # noqa: SLF001 - there is no option for it
        self._driver = driver

    async def _append(self, events: Sequence[Event], expected_head: int | None) -> Appended | HeadMoved:
        known: dict[str, int] = {}
        misses = 0
        while True:
            fresh = _unwritten(events, known)
            head = self._head
            if head is None or _differs(expected_head, head):
                head = await self._look(_HEAD)
            if _differs(expected_head, head):
                known = await self._known(events)
                if not events or _unwritten(events, known):
                    return HeadMoved(head.position)
                return _appended(events, known)
            if not fresh:
                return _appended(events, known) if events else Appended((), head.position)
            try:
                if len(fresh) > _ONE_STATEMENT_MAX or misses > _MISSES_MAX:
                    first = await self._copy(fresh, expected_head)
                else:
                    first = await self._send([rows.row_of(event) for event in fresh], head)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "log_id_key":
                    raise
                known = await self._known(events)
                continue
            if first is None:
                misses += 1
            elif len(fresh) == len(events):
                return Appended(tuple(range(first, first + len(fresh))), first + len(fresh) - 1)
            else:
                known.update({event.id: position for position, event in enumerate(fresh, first)})
                return _appended(events, known)

    async def _send(self, fresh: list[Row], head: Head) -> int | None:
        """The position of the first row written, or None if the head was somewhere else."""
        hashes = list(rows.chain(head.position + 1, head.hash, fresh))
        last = Head(head.position + len(fresh), hashes[-1])
        values: list[object] = [*head, *last]
        for position, (row, row_hash) in enumerate(zip(fresh, hashes, strict=True), head.position + 1):
            values += (position, *row, row_hash)
        if await self._driver.fetchval(_statement(len(fresh)), *values) is None:
            self._head = None
            return None
        self._head = last
        return head.position + 1

    async def _copy(self, fresh: list[Event], expected_head: int | None) -> int | None:
        """As `_send`, but nobody else can write in between: without an expectation it never returns None."""
        async with self._driver.transaction():
            head = last = await self._look(_LOCK)
            if _differs(expected_head, head):
                return None

            async def records() -> AsyncIterator[tuple[object, ...]]:
                nonlocal last
                for number, event in enumerate(fresh):
                    row = rows.row_of(event)
                    (row_hash,) = rows.chain(last.position + 1, last.hash, (row,))
                    last = Head(last.position + 1, row_hash)
                    yield (last.position, *row, row_hash)
                    if number % _SENT_EVERY == 0:
                        await checkpoint()  # Lets out what has been encoded.

            await self._driver.copy_records_to_table("log", records=records(), columns=_COLUMNS)
            await self._driver.execute(_MOVE, *last)
            await self._driver.execute(_NOTIFY, CHANNEL, str(last.position))
        self._head = last
        return head.position + 1

    async def _look(self, statement: str) -> Head:
        found = await self._driver.fetchrow(statement)
        self._head = Head(found["position"], found["hash"])
        return self._head

    async def _known(self, events: Sequence[Event]) -> dict[str, int]:
        """The positions of those that are in the log, by their ids."""
        for event in events:
            rows.check_id(event.id)
        found = await self._driver.fetch(_KNOWN, [event.id for event in events])
        return {each["id"]: each["position"] for each in found}


@cache
def _statement(count: int) -> str:
    """The statement that writes ``count`` rows if the head is where it is expected."""
    width = len(_COLUMNS)
    values = ", ".join(
        "({})".format(", ".join(f"${5 + row * width + column}::{kind}" for column, kind in enumerate(_TYPES)))
        for row in range(count)
    )
    columns = ", ".join(_COLUMNS)
    return f"""
WITH moved AS (
    UPDATE log_head SET position = $3::bigint, hash = $4::bytea
    WHERE position = $1::bigint AND hash = $2::bytea
    RETURNING position
), written AS (
    INSERT INTO log ({columns})
    SELECT given.* FROM moved, (VALUES {values}) AS given
)
SELECT position, pg_notify('{CHANNEL}', position::text) FROM moved
"""  # noqa: S608 - constants of this module


def _differs(expected_head: int | None, head: Head) -> bool:
    return expected_head is not None and expected_head != head.position


def _unwritten(events: Sequence[Event], known: Mapping[str, int]) -> list[Event]:
    """The events whose ids are not among the known, each id once, in the order given."""
    fresh: dict[str, Event] = {}
    for event in events:
        if event.id not in known:
            fresh.setdefault(event.id, event)
    return list(fresh.values())


def _appended(events: Sequence[Event], positions: Mapping[str, int]) -> Appended:
    found = tuple([positions[event.id] for event in events])
    return Appended(found, max(found))
