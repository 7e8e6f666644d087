"""From facts to the rows they add and change. Pure; `projections.tables.store` writes them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from events.envelope import Recorded
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunCanceled,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
)

VERSION = 2  # raised with every change to what the rows say: the tables are then filled anew

Row = dict[str, Any]

_RUN_STATUS = {
    RunStarted: "running",
    RunSucceeded: "succeeded",
    RunFailed: "failed",
    RunCanceled: "canceled",
    RunLost: "lost",
}
_BACKFILL_STATUS = {
    BackfillPaused: "paused",
    BackfillResumed: "running",
    BackfillCancelRequested: "canceling",
}


class Changes(msgspec.Struct):
    """What a batch of facts does to the tables: rows that are new, and columns that change in old ones."""

    new_backfills: dict[str, Row] = {}
    new_runs: dict[str, Row] = {}
    new_materializations: list[Row] = []
    backfills: dict[str, Row] = {}
    runs: dict[str, Row] = {}
    materialized: dict[str, int] = {}  # backfill -> partitions more

    def backfill(self, backfill_id: str | None) -> Row:
        """The row of a backfill, or the columns of it that change."""
        return _row(self.new_backfills, self.backfills, backfill_id or "")

    def run(self, run_id: str | None) -> Row:
        """The row of a run, or the columns of it that change."""
        return _row(self.new_runs, self.runs, run_id or "")


def _row(new: dict[str, Row], old: dict[str, Row], key: str) -> Row:
    return new[key] if key in new else old.setdefault(key, {})


def changes(facts: Iterable[Recorded]) -> Changes:
    """What these facts, in the log's order, do to the tables."""
    made = Changes()
    for recorded in facts:
        _apply(made, recorded)
    return made


def _apply(made: Changes, recorded: Recorded) -> None:
    fact = recorded.fact
    match fact:
        case PartitionMaterialized():
            _materialized(made, recorded, fact)
        case RunLaunched():
            _launched(made, recorded, fact)
        case RunStarted():
            made.run(recorded.run_id).update(status="running", started_at=recorded.at)
        case RunSucceeded() | RunFailed() | RunCanceled() | RunLost():
            made.run(recorded.run_id).update(status=_RUN_STATUS[type(fact)], ended_at=recorded.at)
            if isinstance(fact, RunLost):
                made.run(recorded.run_id)["error"] = fact.reason
            elif isinstance(fact, RunFailed):
                made.run(recorded.run_id)["error"] = _said(fact)
        case PartitionFailed():
            made.run(recorded.run_id)["error"] = _said(fact)
        case BackfillRequested():
            _requested(made, recorded, fact)
        case BackfillPaused() | BackfillResumed() | BackfillCancelRequested():
            made.backfill(recorded.backfill_id)["status"] = _BACKFILL_STATUS[type(fact)]
        case BackfillCompleted():
            made.backfill(recorded.backfill_id).update(status=fact.outcome, ended_at=recorded.at)
        case _:
            pass


def _said(fact: PartitionFailed | RunFailed) -> str:
    return f"{fact.failure.type}: {fact.failure.message}" if fact.failure.message else fact.failure.type


def _materialized(made: Changes, recorded: Recorded, fact: PartitionMaterialized) -> None:
    backfill_id = recorded.backfill_id or ""
    count = 1 if fact.partitions is None else fact.partitions.count
    made.materialized[backfill_id] = made.materialized.get(backfill_id, 0) + count
    made.new_materializations.append(
        {
            "position": recorded.position,
            "asset": fact.asset,
            "partitions": _plain(fact.partitions),
            "backfill_id": recorded.backfill_id,
            "run_id": recorded.run_id,
            "at": recorded.at,
            "code_version": fact.code_version,
            "metadata": fact.metadata,
        }
    )


def _launched(made: Changes, recorded: Recorded, fact: RunLaunched) -> None:
    made.new_runs[recorded.run_id or ""] = {
        "id": recorded.run_id,
        "backfill_id": recorded.backfill_id,
        "status": "launched",
        "number": fact.number,
        "attempt": fact.attempt,
        "assets": list(fact.assets),
        "partitions": _plain(fact.partitions),
        "code_location": fact.code_location,
        "launched_at": recorded.at,
        "position": recorded.position,
    }


def _requested(made: Changes, recorded: Recorded, fact: BackfillRequested) -> None:
    made.new_backfills[recorded.backfill_id or ""] = {
        "id": recorded.backfill_id,
        "status": "running",
        "requested_at": recorded.at,
        "requested_by": recorded.actor,
        "reason": fact.reason,
        "selection": list(fact.selection),
        "partitions_text": fact.partitions_text,
        "runs_total": fact.runs_total,
        "partitions_total": partitions_total(fact),
        "partitions_materialized": 0,
        "position": recorded.position,
    }


def partitions_total(request: BackfillRequested) -> int:
    """How many partitions were asked for, over all assets; an unpartitioned asset counts one."""
    return sum(
        len(group.assets) * (1 if group.partitions is None else group.partitions.count)
        for group in request.groups
    )


def _plain(keys: PartitionKeys | None) -> Row | None:
    return None if keys is None else {"count": keys.count, "ranges": [list(pair) for pair in keys.ranges]}
