"""`backfilld backfills` and `backfilld runs`: what was asked for and what was launched, newest first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import Annotated

import typer

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import ask
from daemon.cli.output import Column, Format, Output, status_style
from daemon.cli.typed import AsOfOption
from daemon.fact_text import one_line, ranges_text
from daemon.operations.backfills import LISTED as BACKFILLS_LISTED
from daemon.operations.backfills import BackfillRow, BackfillsAsked
from daemon.operations.backfills import backfills as list_backfills
from daemon.operations.fields import meaning_of
from daemon.operations.operation import Page
from daemon.operations.runs import LISTED as RUNS_LISTED
from daemon.operations.runs import RunRow, RunsAsked, check_status
from daemon.operations.runs import runs as list_runs
from daemon.time_text import duration_text

REASON_SHOWN_MAX = 60  # characters
SLOW_S = 1.0  # that people wait without being told what for

BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help=meaning_of(RunsAsked, "backfill"), show_default=False),
]
StatusOption = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help=meaning_of(RunsAsked, "status"),
        show_default=False,
    ),
]


@command
def backfills(
    invocation: Invocation, *, limit: LimitOption = BACKFILLS_LISTED, as_of: AsOfOption = None
) -> None:
    """List the backfills, the newest first."""
    with told_if_slow(invocation.output):
        found = ask(invocation, list_backfills, BackfillsAsked(limit=limit, as_of=as_of))
    empty = "No backfill was ever launched." if as_of is None else "No backfill had been launched by then."
    answer(invocation, found, BACKFILL_COLUMNS, empty)


@command
def runs(
    invocation: Invocation,
    *,
    backfill: BackfillOption = None,
    status: StatusOption = None,
    limit: LimitOption = RUNS_LISTED,
    as_of: AsOfOption = None,
) -> None:
    """List the runs, the newest first; each attempt is a run of its own.

    backfilld runs --backfill k3v9x2ab --status failed

    backfilld runs --status running --as-of 2h
    """
    check_status(status)  # What makes no sense needs no log to say so.
    asked = RunsAsked(backfill=backfill, status=status, limit=limit, as_of=as_of)
    with told_if_slow(invocation.output):
        found = ask(invocation, list_runs, asked)
    empty = "No run was ever launched." if backfill is None and status is None else "No such run."
    answer(invocation, found, RUN_COLUMNS, empty)


@contextmanager
def told_if_slow(output: Output) -> Iterator[None]:
    """Has people told what takes so long, if it does: the first look after an import goes over the whole log.

    By a thread, since the event loop is busy meanwhile.
    """
    timer = Timer(SLOW_S, output.note, ["The lists are being brought up to date with the log ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def answer(
    invocation: Invocation, found: Page[BackfillRow] | Page[RunRow], columns: Sequence[Column], empty: str
) -> None:
    """Answers with the rows, and tells people where there are more."""
    invocation.output.table(found.items, columns, empty=empty)
    if found.next is not None and invocation.output.form is Format.TEXT:
        invocation.output.note(f"Only the newest {len(found.items):,} are shown; --limit 0 shows all.")


def done_text(row: BackfillRow) -> str:
    """How much of a backfill is materialized."""
    return f"{row.partitions_materialized:,}/{row.partitions_total:,}"


def asked_text(row: BackfillRow) -> str:
    """What was asked for, as typed."""
    return " ".join([*row.selection, row.partitions_text])


def time_text(at: datetime | None) -> str | None:
    """A time to the second, UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def partitions_text(row: RunRow) -> str:
    """The partitions of a run as range text, the first few of them."""
    return "" if row.partitions is None else ranges_text(row.partitions)


def took_text(row: RunRow) -> str | None:
    """How long a run took, from its launch."""
    if row.ended_at is None:
        return None
    return duration_text((row.ended_at - row.launched_at).total_seconds())


def error_text(row: RunRow) -> str | None:
    """The beginning of what went wrong."""
    if row.error is None:
        return None
    text = one_line(row.error)
    return text if len(text) <= REASON_SHOWN_MAX else f"{text[: REASON_SHOWN_MAX - 1]}…"


def styled(row: BackfillRow | RunRow) -> str:
    """The colour of a row's status."""
    return status_style(row.status)


BACKFILL_COLUMNS = [
    Column("id", lambda row: row.id, style="bold"),
    Column("status", lambda row: row.status, style=styled),
    Column("filled", done_text, justify="right"),
    Column("runs", lambda row: f"{row.runs_total:,}", justify="right"),
    Column("asked for", asked_text),
    Column("at (UTC)", lambda row: time_text(row.requested_at)),
    Column("by", lambda row: row.requested_by),
    Column("reason", lambda row: row.reason),
]

RUN_COLUMNS = [
    Column("id", lambda row: row.id, style="bold"),
    Column("status", lambda row: row.status, style=styled),
    Column("assets", lambda row: ", ".join(row.assets)),
    Column("partitions", partitions_text),
    Column("launched (UTC)", lambda row: time_text(row.launched_at)),
    Column("took", took_text, justify="right"),
    Column("error", error_text, style="red"),
]
