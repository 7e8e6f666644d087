"""Exports made without a database: events as the rows that a log makes of them, and files with these."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Raw

from events import rows
from events.envelope import Event
from events.files.chained import Chained, Header
from events.files.opening import writer_for

EXPORTED_AT = datetime(2026, 1, 31, 6, 0, 0, 250_000, tzinfo=UTC)


def chained(events: Sequence[Event], *, after: int = 0, previous: bytes = rows.NO_HASH) -> list[Chained]:
    """The rows of a log that goes on with these events."""
    plain = [rows.row_of(event) for event in events]
    found, before = [], previous
    for position, (row, row_hash) in enumerate(
        zip(plain, rows.chain(after + 1, previous, plain), strict=True), after + 1
    ):
        found.append(Chained(position, *row[:9], Raw(row.data), row_hash.hex(), before.hex()))
        before = row_hash
    return found


def rehashed(changed: Sequence[Chained]) -> list[Chained]:
    """The rows as somebody makes them who knows the formula: each hash is right for what is there."""
    found: list[Chained] = []
    before = bytes.fromhex(changed[0].previous)
    for position, row in enumerate(changed, changed[0].position):
        (row_hash,) = rows.chain(position, before, (row.row(),))
        found.append(Chained(position, *row.row()[:9], row.data, row_hash.hex(), before.hex()))
        before = row_hash
    return found


def header_of(told: Sequence[Chained], *, backfills: tuple[str, ...] = ()) -> Header:
    """What an export of these rows says of itself."""
    hashes = hashlib.sha256(b"".join(bytes.fromhex(row.hash) for row in told))
    last = told[-1].hash if told else rows.NO_HASH.hex()
    return Header(
        exported_at=EXPORTED_AT,
        first=told[0].position if told else 1,
        last=told[-1].position if told else 0,
        count=len(told),
        previous=told[0].previous if told else rows.NO_HASH.hex(),
        digest=hashes.hexdigest() if backfills else last,
        backfills=backfills,
    )


def write(path: Path, told: Sequence[Chained], header: Header | None = None) -> Path:
    """The file with these rows, whatever is wrong with them."""
    with path.open("wb") as stream:
        writer = writer_for(path)(stream, header_of(told) if header is None else header)
        writer.write(told)
        writer.close()
    return path
