"""What the page of a backfill says, from the log's state alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from daemon.deciding.explaining import Reason, Upstream, Waiting, reason_text, why_waiting
from daemon.fact_text import counted, one_line, ranges_text
from daemon.not_loaded_text import problem_text, remedy_text
from daemon.operations.failed_runs import FailedRun
from daemon.operations.standing import BackfillStanding, standing_of
from daemon.plan_text import which as which_of
from daemon.time_text import duration_text, rate_text
from daemon.web.pages.backfill.progress import ASSETS_SHOWN_MAX, Row, row_of, rows_of, total_of
from daemon.web.pages.lasting import Lasting, lasting
from daemon.web.pages.looking import Look
from events.facts import PartitionKeys
from projections.backfill.state import Backfill

WAITING_SHOWN_MAX: Final = 12
LOOKED_AT_MAX: Final = 500  # runs that wait in as many stretches, or pieces of runs
SUCCESSORS_SHOWN_MAX: Final = 20


class Wait(msgspec.Struct, frozen=True):
    """Runs that are not launched, and why."""

    what: str
    reasons: tuple[str, ...]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill as its page shows it."""

    backfill: Backfill
    standing: BackfillStanding
    total: Row
    assets: tuple[Row, ...]
    assets_more: int
    pace: tuple[str, ...]  # how fast it goes, and what is left
    notes: tuple[str, ...]  # why it does not go on
    waiting: tuple[Wait, ...]
    waiting_more: int
    how: tuple[tuple[str, str], ...]  # it is run: what people set, and to what
    successors: tuple[str, ...]  # the retries of it


class RunShown(msgspec.Struct, frozen=True):
    """A run in a list."""

    id: str
    status: str
    assets: tuple[str, ...]
    which: str
    launched_at: datetime
    took: Lasting
    error: str


def run_shown(row: Mapping[str, Any], now: datetime) -> RunShown:
    """A row of the table of runs."""
    keys = row["partitions"]
    return RunShown(
        id=row["id"],
        status=row["status"],
        assets=tuple(row["assets"]),
        which=which_of(None if keys is None else msgspec.convert(keys, PartitionKeys)),
        launched_at=row["launched_at"],
        took=lasting(row["started_at"] or row["launched_at"], row["ended_at"], now),
        error=one_line(row["error"] or ""),
    )


def view_of(seen: Look, backfill: Backfill, failures: tuple[FailedRun, ...]) -> View:
    """The backfill as it stands in the world that is looked at."""
    world, now = seen.world, seen.records.now()
    standing = standing_of(world, backfill, now, failures)
    is_over = backfill.completed is not None
    waits = _waits([] if is_over else why_waiting(world, backfill, now, looked_at_max=LOOKED_AT_MAX))
    return View(
        backfill=backfill,
        standing=standing,
        total=row_of("all together", total_of(standing.progress)),
        assets=rows_of(standing.progress),
        assets_more=max(0, len(standing.progress) - ASSETS_SHOWN_MAX),
        pace=tuple(_pace(backfill, standing)),
        notes=tuple(_notes(seen, backfill, standing)),
        waiting=tuple(wait for wait, _ in waits[:WAITING_SHOWN_MAX]),
        waiting_more=sum(runs for _, runs in waits[WAITING_SHOWN_MAX:]),
        how=tuple(_how(backfill)),
        successors=tuple(_successors(seen, backfill.id)),
    )


def _pace(backfill: Backfill, standing: BackfillStanding) -> Iterator[str]:
    yield f"{standing.runs_done:,} of {counted(standing.runs_total, 'run')} done"
    if under_way := standing.runs_in_progress - standing.runs_held:
        yield f"{under_way:,} under way"
    if standing.runs_held:
        yield f"{standing.runs_held:,} launched and not begun"
    if standing.ended_at is not None:
        yield f"took {duration_text(standing.elapsed_s)}"
        return
    if standing.runs_per_s and backfill.launching and not standing.waits_for:
        yield rate_text(standing.runs_per_s, "runs")
    if standing.left_s is not None and standing.runs_done:
        yield f"{duration_text(standing.left_s)} left"


def _notes(seen: Look, backfill: Backfill, standing: BackfillStanding) -> Iterator[str]:
    if standing.canceled is not None:
        what = "Being canceled since" if backfill.completed is None else "Canceled on"
        yield f"{what} {standing.canceled.at:%Y-%m-%d %H:%M:%S} UTC {standing.canceled.told}."
    if backfill.completed is not None:
        return
    is_served = seen.daemon is not None and seen.daemon.serving
    if backfill.unplannable is not None:
        yield f"It cannot be planned: {backfill.unplannable}."
    if standing.paused is not None:
        yield f"Paused on {standing.paused.at:%Y-%m-%d %H:%M:%S} UTC {standing.paused.told}."
    for name, state in standing.waits_for.items():
        yield problem_text(name, state)
        if seen.moment is None:
            yield remedy_text(state, is_served=is_served)
    if seen.daemon is not None and not is_served:
        yield "No daemon runs: it goes on when one does, with `backfilld up`."


def _waits(waiting: Sequence[Waiting]) -> list[tuple[Wait, int]]:
    """What is waited for, once for all runs of the same assets and reasons, and how many these are."""
    counts: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
    for each in waiting:
        counts[each.assets, tuple(map(_reason_text, each.reasons))] += each.runs
    return [
        (Wait(f"{', '.join(assets)} · {counted(runs, 'run' if reasons else 'more run')}", reasons), runs)
        for (assets, reasons), runs in counts.items()
    ]


def _reason_text(reason: Reason) -> str:
    keys = reason.partitions if isinstance(reason, Upstream) else None
    return reason_text(reason) + ("" if keys is None else f": {ranges_text(keys)}")


def _how(backfill: Backfill) -> Iterator[tuple[str, str]]:
    most = backfill.max_concurrent_runs
    yield "order", backfill.order.replace("_", " ")
    yield "at the same time", "as many runs as the daemon allows" if most is None else counted(most, "run")
    yield "priority", f"{backfill.priority:,}"
    if backfill.only_between is not None:
        yield "only between", backfill.only_between
    if backfill.retries_max is not None:
        yield "retries of a run", f"{backfill.retries_max:,} at most"
    if backfill.request.tags:
        yield "tags", ", ".join(f"{name}={value}" for name, value in sorted(backfill.request.tags.items()))


def _successors(seen: Look, backfill_id: str) -> Iterator[str]:
    known = seen.world.known
    for other in (*known.active.values(), *known.ended.values()):
        if other.request.parent_backfill_id == backfill_id:
            yield other.id
