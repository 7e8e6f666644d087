"""The rows of the listed tables as they were at a position, at a cost bounded by what is listed.

The tables stand at the log's head. What they say of a run that had ended by then is what they said then; a
run that was under way then is in the world of then. Of backfills the world has all that is listed.
"""

from typing import Any

from projections.backfill.state import Backfill, LiveRun
from projections.tables.changes import Row, partitions_total
from projections.world import World

LIVE_STATUSES = frozenset({"launched", "running"})


def backfill_rows(world: World, *, limit: int) -> list[dict[str, Any]]:
    """The rows of the backfills, the newest first; ``limit`` 0 means all."""
    known = world.known
    newest_first = sorted(
        (*known.active.values(), *known.ended.values()),
        key=lambda backfill: backfill.request_position,
        reverse=True,
    )
    return [_backfill_row(backfill) for backfill in newest_first[: limit or None]]


def _backfill_row(backfill: Backfill) -> Row:
    request = backfill.request
    return {
        "id": backfill.id,
        "status": backfill.status,
        "requested_at": backfill.requested_at,
        "requested_by": backfill.requested_by,
        "reason": request.reason,
        "selection": list(request.selection),
        "partitions_text": request.partitions_text,
        "runs_total": request.runs_total,
        "partitions_total": partitions_total(request),
        "partitions_materialized": sum(len(each.materialized) for each in backfill.assets.values()),
        "ended_at": backfill.completed_at,
        "position": backfill.request_position,
    }


def live_runs(world: World) -> dict[str, LiveRun]:
    """The runs under way, by their ids."""
    return {run_id: run for backfill in world.known.active.values() for run_id, run in backfill.live.items()}


def status_then(run: LiveRun) -> str:
    """The status of a run under way."""
    return "launched" if run.started_at is None else "running"


def run_row_then(row: Row, run: LiveRun | None) -> Row:
    """The row of a run as it was while that was under way; as it is for one that had ended (None)."""
    if run is None:
        return row
    return row | {
        "status": status_then(run),
        "started_at": run.started_at,
        "ended_at": None,
        "error": run.reason or None,
    }
