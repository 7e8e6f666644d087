"""Events as rows of the log, and the chain of hashes through them.

The hash of a row is SHA-256 over the hash of the row before it (32 bytes; zeros before the first row) and
the row's *line*: the JSON array, without spaces,

    [position, id, at, type, schema, actor, backfill_id, run_id, causation_id, correlation_id, data]

where ``at`` is RFC 3339 in UTC (as in "2026-01-31T06:00:00.250000Z", without a fraction of zero) and
``data`` is canonical (`events.codec`). So a row that is changed, removed, put in or moved no longer fits,
whoever did it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from events import codec
from events.envelope import Event, Recorded
from events.errors import FactNotStorableError

NO_HASH: Final = bytes(32)
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_encode: Final = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """An event as it is stored, but for its position and hash, which depend on where it lands."""

    id: str
    at: datetime  # UTC
    type: str
    schema: int
    actor: str
    backfill_id: str | None
    run_id: str | None
    causation_id: str | None
    correlation_id: str | None
    data: bytes  # canonical JSON


def row_of(event: Event) -> Row:
    """The event as a row.

    :raises FactNotStorableError: an id is no UUID in lower-case hex with hyphens, the time has no zone, or
        the fact holds what cannot be read again.
    """
    check_id(event.id)
    if event.causation_id is not None:
        _check_other(event.causation_id)
    if event.correlation_id is not None:
        _check_other(event.correlation_id)
    if event.at.tzinfo is None:
        raise FactNotStorableError(f"expected an aware time, found {event.at!r} without a time zone")
    type_name, schema, data = codec.encode(event.fact)
    return Row(
        event.id,
        event.at if event.at.tzinfo is UTC else event.at.astimezone(UTC),
        type_name,
        schema,
        codec.storable_text(event.actor),
        None if event.backfill_id is None else codec.storable_text(event.backfill_id),
        None if event.run_id is None else codec.storable_text(event.run_id),
        event.causation_id,
        event.correlation_id,
        data,
    )


def check_id(text: str) -> None:
    """Nothing, if it is an id that the log gives back as it is.

    :raises FactNotStorableError: it is not.
    """
    if _ID.fullmatch(text) is None:
        raise FactNotStorableError(f"expected a UUID in lower-case hex with hyphens, found {text!r}")


# Many events in a row have one cause, and all of a story its beginning.
_check_other: Final = lru_cache(maxsize=256)(check_id)


def recorded(position: int, row: Row) -> Recorded:
    """What a reader of the log gets for ``row`` at ``position``.

    :raises LogUnreadableError: this version does not know the fact.
    """
    return Recorded(
        position,
        row.id,
        row.at,
        row.actor,
        codec.decode(position, row.type, row.schema, row.data),
        row.backfill_id,
        row.run_id,
        row.causation_id,
        row.correlation_id,
    )


def chain(position: int, previous: bytes, rows: Iterable[Row]) -> Iterator[bytes]:
    """The hash of each row, the first standing at ``position`` and following the hash ``previous``."""
    for at_position, row in enumerate(rows, position):
        line = _encode((at_position, *row[:9], Raw(row.data)))
        previous = hashlib.sha256(previous + line).digest()
        yield previous


def unwritten(given: Iterable[Row], known: Mapping[str, int]) -> list[Row]:
    """The rows whose ids are not among the known, each id once, in the order given."""
    fresh: dict[str, Row] = {}
    for row in given:
        if row.id not in known:
            fresh.setdefault(row.id, row)
    return list(fresh.values())
