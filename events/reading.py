"""How rows get out of PostgreSQL's log: by COPY, which is the cheapest way to many of them in Python."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql

from events.log import Filter
from events.rows import Row
from events.schema import log

_NULL: Final = "\\N"
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COLUMNS: Final = (
    log.c.position, log.c.id, log.c.at, log.c.type, log.c.schema, log.c.actor, log.c.backfill_id, log.c.run_id,
    log.c.causation_id, log.c.correlation_id, log.c.data,
)  # fmt: skip


class Stored(NamedTuple):
    """A row as it stands in the log."""

    position: int
    row: Row


def selecting(
    *, after: int, upto: int, matching: Filter | None, newest_first: bool, limit: int
) -> Select[Any]:
    """The statement that reads up to ``limit`` rows with ``after < position <= upto``."""
    statement = select(*_COLUMNS).where(log.c.position > after, log.c.position <= upto)
    if matching is not None and matching.backfill_id is not None:
        statement = statement.where(log.c.backfill_id == matching.backfill_id)
    if matching is not None and matching.run_id is not None:
        statement = statement.where(log.c.run_id == matching.run_id)
    if matching is not None and matching.types:
        statement = statement.where(log.c.type.in_(sorted(matching.types)))
    order = log.c.position.desc() if newest_first else log.c.position
    return statement.order_by(order).limit(limit)


async def copy_rows(driver: Any, statement: Select[Any]) -> list[Stored]:
    """The rows the statement selects, over asyncpg's connection."""
    chunks: list[bytes] = []

    async def gather(chunk: bytes) -> None:
        chunks.append(chunk)

    # COPY takes no parameters, so the values stand in the text, quoted by SQLAlchemy.
    text = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    await driver.copy_from_query(str(text), output=gather)
    return list(_parse(b"".join(chunks).decode()))


def _parse(text: str) -> Iterator[Stored]:
    """Rows from COPY's text format: a line per row, tabs between columns, backslashes before odd characters."""
    for line in text.split("\n")[:-1]:
        position, row_id, at, kind, schema, actor, backfill, run, cause, story, data = line.split("\t")
        yield Stored(
            int(position),
            Row(
                row_id,
                datetime.fromisoformat(at),
                kind,
                int(schema),
                _text(actor),
                None if backfill == _NULL else _text(backfill),
                None if run == _NULL else _text(run),
                None if cause == _NULL else cause,
                None if story == _NULL else story,
                # JSON has no raw control characters, so that backslashes are all there is to undo.
                data.replace("\\\\", "\\").encode(),
            ),
        )


def _text(field: str) -> str:
    if "\\" not in field:
        return field
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), field)
