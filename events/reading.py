"""How facts get out of PostgreSQL's log: as JSON arrays, a row each, by COPY.

That leaves Python the least to do: the rows arrive as bytes that msgspec decodes at once, where a record of
the driver's would be taken apart value by value. They are decoded few at a time, so that what one step
makes is folded, and gone, before it has left the processor's cache: by the thousand it takes three times
as long.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.dialects.postgresql import asyncpg

from events import codec, rows
from events.envelope import Recorded
from events.files.chained import Chained
from events.log import Filter
from events.schema import log

DECODED_AT_ONCE: Final = 250  # rows
# What keeps the planner to the one index that has the rows in order: without statistics, as after a bulk
# append, it would rather sort all that is left of the log for every batch.
SETTINGS: Final = {"enable_sort": "off", "enable_bitmapscan": "off"}

_ENVELOPE: Final = (
    log.c.position, log.c.id, log.c.at, log.c.type, log.c.schema, log.c.actor, log.c.backfill_id,
    log.c.run_id, log.c.causation_id, log.c.correlation_id, log.c.data,
)  # fmt: skip


class Stored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of the log; its fields stand in the order they are asked for."""

    position: int
    id: str
    at: datetime
    type: str
    schema: int
    actor: str
    backfill_id: str | None
    run_id: str | None
    causation_id: str | None
    correlation_id: str | None
    data: msgspec.Raw  # as jsonb writes it


class Hashed(Stored, frozen=True, array_like=True, gc=False):
    """A row with its hash."""

    hash: str  # in hex


_decode_chained: Final = msgspec.json.Decoder(list[Chained]).decode
_decode_stored: Final = msgspec.json.Decoder(list[Stored]).decode
_decode_hashed: Final = msgspec.json.Decoder(list[Hashed]).decode


class Which(msgspec.Struct, frozen=True):
    """Which rows are wanted: those with ``after < position <= upto`` that match."""

    after: int
    upto: int
    matching: Filter | None = None
    newest_first: bool = False

    def selecting(self, limit: int) -> Select[Any]:
        """The statement that reads the first ``limit`` of them, as `Stored`."""
        statement = select(func.json_build_array(*_ENVELOPE))
        statement = statement.where(log.c.position > self.after, log.c.position <= self.upto)
        matching = self.matching or Filter()
        if matching.backfill_id is not None:
            statement = statement.where(log.c.backfill_id == matching.backfill_id)
        if matching.run_id is not None:
            statement = statement.where(log.c.run_id == matching.run_id)
        if matching.types:
            types = sorted(matching.types)
            statement = statement.where(log.c.type == types[0] if len(types) == 1 else log.c.type.in_(types))
        return statement.order_by(log.c.position.desc() if self.newest_first else log.c.position).limit(limit)

    def beyond(self, lines: Sequence[bytes]) -> "Which":
        """What is left of them after those in the lines, of which there is at least one."""
        last = int(lines[-1][1 : lines[-1].index(b",")])
        if self.newest_first:
            return msgspec.structs.replace(self, upto=last - 1)
        return msgspec.structs.replace(self, after=last)


def selecting_hashes(*, after: int, limit: int) -> Select[Any]:
    """The statement that reads up to ``limit`` rows past ``after``, as `Hashed`."""
    statement = select(func.json_build_array(*_ENVELOPE, func.encode(log.c.hash, "hex")))
    return statement.where(log.c.position > after).order_by(log.c.position).limit(limit)


def among(backfills: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row is about one of the backfills or about none at all; every row where none is named."""
    if not backfills:
        return true()
    return or_(log.c.backfill_id.in_(sorted(backfills)), log.c.backfill_id.is_(None))


def selecting_chained(*, after: int, upto: int, limit: int, backfills: Sequence[str] = ()) -> Select[Any]:
    """The statement that reads up to ``limit`` rows past ``after``, as `Chained`."""
    before = log.alias("before")
    previous = select(func.encode(before.c.hash, "hex")).where(before.c.position == log.c.position - 1)
    statement = select(
        func.json_build_array(
            *_ENVELOPE,
            func.encode(log.c.hash, "hex"),
            func.coalesce(previous.scalar_subquery(), rows.NO_HASH.hex()),
        )
    )
    statement = statement.where(log.c.position > after, log.c.position <= upto, among(backfills))
    return statement.order_by(log.c.position).limit(limit)


async def copied(driver: Any, statement: Select[Any]) -> list[bytes]:  # noqa: ANN401 - asyncpg has no types
    """The JSON of each row that the statement selects, over asyncpg's connection."""
    chunks: list[bytes] = []

    async def gather(chunk: bytes) -> None:
        chunks.append(chunk)

    await driver.copy_from_query(as_text(statement), output=gather)
    # COPY doubles backslashes; JSON has none of the other characters that it would mark with one.
    return b"".join(chunks).replace(b"\\\\", b"\\").split(b"\n")[:-1]


def as_text(statement: Select[Any]) -> str:
    """The statement with its values in the text, quoted by SQLAlchemy: COPY takes no parameters."""
    dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def recorded(lines: Sequence[bytes]) -> Iterator[list[Recorded]]:
    """The facts in the rows' JSON, in order, some at a time.

    :raises LogUnreadableError: this version does not know one of them.
    """
    decode = codec.decode
    for first in range(0, len(lines), DECODED_AT_ONCE):
        yield [
            Recorded(
                row.position,
                row.id,
                row.at,
                row.actor,
                decode(row.position, row.type, row.schema, row.data),
                row.backfill_id,
                row.run_id,
                row.causation_id,
                row.correlation_id,
            )
            for row in _decode_stored(_array(lines[first : first + DECODED_AT_ONCE]))
        ]


def hashed(lines: Sequence[bytes]) -> Iterator[Hashed]:
    """The rows with their hashes, in order."""
    for first in range(0, len(lines), DECODED_AT_ONCE):
        yield from _decode_hashed(_array(lines[first : first + DECODED_AT_ONCE]))


def chained(lines: Sequence[bytes]) -> list[Chained]:
    """The rows with their hashes and their predecessors', in order."""
    return _decode_chained(_array(lines))


def _array(lines: Sequence[bytes]) -> bytes:
    return b"[%b]" % b",".join(lines)
