"""How large a log is, and of what: counts and sizes, of a database and of a file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from typing import Any

import msgspec

from events.files.chained import Chained


class Amount(msgspec.Struct, frozen=True):
    """So many facts, and the bytes of their data: as a database stores it, compressed; in a file as JSON."""

    facts: int
    data_bytes: int


class Relation(msgspec.Struct, frozen=True):
    """What a table takes on the disk."""

    table_bytes: int  # what does not fit into a row included
    index_bytes: int


class Measured(msgspec.Struct, frozen=True):
    """A log by numbers. What is missing for a file is None."""

    facts: int
    data_bytes: int
    by_type: dict[str, Amount]  # most facts first
    by_day: dict[date, Amount]  # UTC, in order
    tables: dict[str, Relation] | None = None  # of the database, the largest first
    indexes: dict[str, int] | None = None  # of the log: bytes, the largest first
    database_bytes: int | None = None


def measured_rows(pages: Iterable[Sequence[Chained]]) -> Measured:
    """The numbers of the log in a file."""
    return summed(
        (row.type, row.at.astimezone(UTC).date(), 1, len(bytes(row.data))) for page in pages for row in page
    )


def summed(amounts: Iterable[tuple[str, date, int, int]]) -> Measured:
    """The numbers of a log, of (type, day, facts, bytes) in any order and however often."""
    facts_of: tuple[Counter[Any], Counter[Any]] = Counter(), Counter()
    bytes_of: tuple[Counter[Any], Counter[Any]] = Counter(), Counter()
    for kind, day, facts, data_bytes in amounts:
        for at, key in enumerate((kind, day)):
            facts_of[at][key] += facts
            bytes_of[at][key] += data_bytes
    return Measured(
        facts_of[0].total(),
        bytes_of[0].total(),
        {kind: Amount(facts, bytes_of[0][kind]) for kind, facts in facts_of[0].most_common()},
        {day: Amount(facts_of[1][day], bytes_of[1][day]) for day in sorted(facts_of[1])},
    )
