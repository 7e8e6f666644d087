"""What was launched, newest first; each attempt is a run of its own."""

from datetime import datetime
from typing import Annotated

import msgspec

from daemon.operations.errors import UsageError, did_you_mean
from daemon.operations.fields import Limit, said
from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import position_cursor
from daemon.operations.records import Records
from events.facts import PartitionKeys

LISTED = 50
RUN_STATUSES = ("launched", "running", "succeeded", "failed", "canceled", "lost")


class RunsAsked(ListQuestion, frozen=True, kw_only=True):
    """Which runs."""

    backfill: Annotated[str | None, said("Only runs of this backfill.")] = None
    status: Annotated[str | None, said(f"Only runs that are {', '.join(RUN_STATUSES)}.")] = None
    asset: Annotated[str | None, said("Only runs that fill this asset.")] = None
    limit: Limit = LISTED


class RunRow(msgspec.Struct, frozen=True):
    """A run as JSON shows it in a list."""

    id: str
    backfill_id: str
    status: str
    number: int  # in its backfill's plan
    attempt: int  # from 1
    assets: tuple[str, ...]
    partitions: PartitionKeys | None
    code_location: str
    launched_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    position: int  # of its launch in the log


@operation("GET", "/runs")
async def runs(records: Records, asked: RunsAsked) -> Page[RunRow]:
    """List the runs, the newest first; each attempt is a run of its own.

    :raises UsageError: there is no such status, or the cursor is none.
    """
    check_status(asked.status)
    limit, before = asked.limit, position_cursor(asked.cursor)
    found = await records.rows(
        "runs",
        limit=limit and limit + 1,
        before=before,
        backfill_id=asked.backfill,
        status=asked.status,
        asset=asked.asset,
    )
    rows = msgspec.convert(found[: limit or None], list[RunRow])
    return Page(rows, str(rows[-1].position) if len(found) > len(rows) else None)


def check_status(status: str | None) -> None:
    """Nothing, for what a run's status may be.

    :raises UsageError: no run ever has that status.
    """
    if status is not None and status not in RUN_STATUSES:
        known = ", ".join(RUN_STATUSES)
        raise UsageError(f"no run is ever {status!r}, but {known}.{did_you_mean(status, RUN_STATUSES)}")
