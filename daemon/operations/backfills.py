"""What was asked for, newest first."""

from datetime import datetime

import msgspec

from daemon.operations.fields import Limit
from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import position_cursor
from daemon.operations.records import Records

LISTED = 50


class BackfillsAsked(ListQuestion, frozen=True, kw_only=True):
    """Which backfills."""

    limit: Limit = LISTED


class BackfillRow(msgspec.Struct, frozen=True):
    """A backfill as JSON shows it in a list."""

    id: str
    status: str
    requested_at: datetime
    requested_by: str
    reason: str | None
    selection: tuple[str, ...]
    partitions_text: str  # as typed
    runs_total: int
    partitions_total: int
    partitions_materialized: int
    ended_at: datetime | None
    position: int  # of its request in the log


@operation("GET", "/backfills")
async def backfills(records: Records, asked: BackfillsAsked) -> Page[BackfillRow]:
    """List the backfills, the newest first.

    :raises UsageError: the cursor is none.
    """
    limit, before = asked.limit, position_cursor(asked.cursor)
    found = await records.rows("backfills", limit=limit and limit + 1, before=before)
    rows = msgspec.convert(found[: limit or None], list[BackfillRow])
    return Page(rows, str(rows[-1].position) if len(found) > len(rows) else None)
