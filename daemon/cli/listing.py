"""`backfilld backfills` and `backfilld runs`: what was asked for and what was launched, newest first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import Annotated, Any

import typer

from daemon.cli.errors import UsageError, did_you_mean
from daemon.cli.fact_text import one_line, ranges_text
from daemon.cli.following import duration_text
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.moment import AsOfOption
from daemon.cli.output import Column, Format, Output, status_style
from daemon.cli.records import Records, with_records
from events.facts import PartitionKeys

LIMIT_DEFAULT = 50
RUN_STATUSES = ("launched", "running", "succeeded", "failed", "canceled", "lost")
REASON_SHOWN_MAX = 60  # characters
SLOW_S = 1.0  # that people wait without being told what for

Row = dict[str, Any]

BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help="Only runs of this backfill.", show_default=False),
]
StatusOption = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help=f"Only runs that are {', '.join(RUN_STATUSES)}.",
        show_default=False,
    ),
]


@command
def backfills(
    invocation: Invocation, *, limit: LimitOption = LIMIT_DEFAULT, as_of: AsOfOption = None
) -> None:
    """List the backfills, the newest first."""

    async def read(records: Records) -> list[Row]:
        with told_if_slow(invocation.output):
            return await records.rows("backfills", limit=limit and limit + 1)

    empty = "No backfill was ever launched." if as_of is None else "No backfill had been launched by then."
    answer(invocation, with_records(invocation, read, as_of=as_of), BACKFILL_COLUMNS, limit, empty)


@command
def runs(
    invocation: Invocation,
    *,
    backfill: BackfillOption = None,
    status: StatusOption = None,
    limit: LimitOption = LIMIT_DEFAULT,
    as_of: AsOfOption = None,
) -> None:
    """List the runs, the newest first; each attempt is a run of its own.

    backfilld runs --backfill k3v9x2ab --status failed

    backfilld runs --status running --as-of 2h
    """
    if status is not None and status not in RUN_STATUSES:
        known = ", ".join(RUN_STATUSES)
        raise UsageError(f"no run is ever {status!r}, but {known}.{did_you_mean(status, RUN_STATUSES)}")

    async def read(records: Records) -> list[Row]:
        with told_if_slow(invocation.output):
            return await records.rows("runs", limit=limit and limit + 1, backfill_id=backfill, status=status)

    empty = "No run was ever launched." if backfill is None and status is None else "No such run."
    answer(invocation, with_records(invocation, read, as_of=as_of), RUN_COLUMNS, limit, empty)


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


def answer(invocation: Invocation, rows: list[Row], columns: list[Column], limit: int, empty: str) -> None:
    """Answers with the rows up to the limit, and tells people where there are more."""
    shown = rows[:limit] if limit else rows
    invocation.output.table(shown, columns, empty=empty)
    if len(shown) < len(rows) and invocation.output.form is Format.TEXT:
        invocation.output.note(f"Only the newest {limit:,} are shown; --limit 0 shows all.")


def done_text(row: Row) -> str:
    """How much of a backfill is materialized."""
    return f"{row['partitions_materialized']:,}/{row['partitions_total']:,}"


def asked_text(row: Row) -> str:
    """What was asked for, as typed."""
    return " ".join([*row["selection"], row["partitions_text"]])


def time_text(at: datetime | None) -> str | None:
    """A time to the second, UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def keys_of_row(row: Row) -> PartitionKeys | None:
    """The partitions of a run."""
    plain = row["partitions"]
    if plain is None:
        return None
    return PartitionKeys(tuple((first, last) for first, last in plain["ranges"]), plain["count"])


def partitions_text(row: Row) -> str:
    """The partitions of a run as range text, the first few of them."""
    keys = keys_of_row(row)
    return "" if keys is None else ranges_text(keys)


def took_text(row: Row) -> str | None:
    """How long a run took, from its launch."""
    if row["ended_at"] is None:
        return None
    return duration_text((row["ended_at"] - row["launched_at"]).total_seconds())


def error_text(row: Row) -> str | None:
    """The beginning of what went wrong."""
    if row["error"] is None:
        return None
    text = one_line(row["error"])
    return text if len(text) <= REASON_SHOWN_MAX else f"{text[: REASON_SHOWN_MAX - 1]}…"


def styled(row: Row) -> str:
    """The colour of a row's status."""
    return status_style(row["status"])


BACKFILL_COLUMNS = [
    Column("id", lambda row: row["id"], style="bold"),
    Column("status", lambda row: row["status"], style=styled),
    Column("filled", done_text, justify="right"),
    Column("runs", lambda row: f"{row['runs_total']:,}", justify="right"),
    Column("asked for", asked_text),
    Column("at (UTC)", lambda row: time_text(row["requested_at"])),
    Column("by", lambda row: row["requested_by"]),
    Column("reason", lambda row: row["reason"]),
]

RUN_COLUMNS = [
    Column("id", lambda row: row["id"], style="bold"),
    Column("status", lambda row: row["status"], style=styled),
    Column("assets", lambda row: ", ".join(row["assets"])),
    Column("partitions", partitions_text),
    Column("launched (UTC)", lambda row: time_text(row["launched_at"])),
    Column("took", took_text, justify="right"),
    Column("error", error_text, style="red"),
]
