"""The rows of the listed tables as they were at a position, at a cost bounded by what is listed.

The tables stand at the log's head. What they say of a run that had ended by then is what they said then; a
run that was under way then is in the world of then. Of backfills the world has all that is listed.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from projections.backfill.state import Backfill, LiveRun
from projections.tables.changes import Row, partitions_total
from projections.world import World

LIVE_STATUSES = frozenset({"launched", "running"})


class RunRows(Protocol):
    """Reads rows of runs, newest first."""

    async def __call__(
        self,
        *,
        where: Mapping[str, str | Collection[str]],
        limit: int,
        upto: int | None,
        without: Collection[str],
    ) -> list[dict[str, Any]]:
        """See `projections.tables.store.ProjectionStore.rows`."""
        ...


async def run_rows(
    read: RunRows,
    world: World,
    *,
    where: Mapping[str, str | Collection[str]],
    limit: int,
    before: int | None = None,
) -> list[dict[str, Any]]:
    """The rows of runs as they were in that world, newest first, from the rows of its log's head.

    :param before: only runs that were launched before this position.
    """
    live = live_runs(world)
    status = where.get("status")
    chosen: dict[str, str | Collection[str]] = {**where}
    without: Collection[str] = ()
    if status in LIVE_STATUSES:
        del chosen["status"]
        chosen["id"] = [
            run_id
            for run_id, run in live.items()
            if status_then(run) == status and _is_meant(run_id, where.get("id"))
        ]
    elif status is not None:
        without = live
    upto = world.position if before is None else min(world.position, before - 1)
    rows = await read(where=chosen, limit=limit, upto=upto, without=without)
    return [run_row_then(row, live.get(row["id"])) for row in rows]


def _is_meant(run_id: str, ids: str | Collection[str] | None) -> bool:
    return ids is None or (run_id == ids if isinstance(ids, str) else run_id in ids)


def backfill_rows(world: World, *, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """The rows of the backfills, the newest first; ``limit`` 0 means all.

    :param before: only backfills that were asked for before this position.
    """
    known = world.known
    everything = (*known.active.values(), *known.ended.values())
    newest_first = sorted(
        (each for each in everything if before is None or each.request_position < before),
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


def unfilled_then(unfilled: Iterable[Row], under_way: Iterable[Row]) -> list[Row]:
    """The rows of runs that had not succeeded by then, newest first, of those that have not succeeded since.

    :param under_way: the rows, as they were then, of the runs that were under way.
    """
    found = {row["run_id"]: row for row in unfilled}
    found |= {row["id"]: row | {"run_id": row["id"]} for row in under_way}
    return sorted(found.values(), key=lambda row: -row["position"])


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
