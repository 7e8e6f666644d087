"""The attempts at an asset, written one by one as they are found."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from rich.text import Text

from daemon.cli.audit.forms import ListFormat, csv_writer, markdown_row, markdown_rule, markdown_text
from daemon.cli.output import Format, Output, status_style
from daemon.fact_text import one_line, ranges_text
from projections.audit.attempts import Attempt

DIGEST_SHOWN = 12  # characters, as everywhere
SHOWN_MAX = 300  # characters of metadata or an error, for people

_json = msgspec.json.Encoder(enc_hook=str).encode

CSV_HEADERS = (
    *("at", "outcome", "asset", "partitions", "partition_count", "backfill_id", "run_id", "run_number"),
    *("attempt", "launched_at", "requested_at", "requested_by", "reason", "policy", "code_location"),
    *("code_version", "manifest_digest", "metadata", "error", "canceled_by", "cancel_reason", "position"),
)
MARKDOWN_HEADERS = (
    *("When (UTC)", "Outcome", "Partitions", "Run", "Attempt", "Backfill", "Asked by", "Why"),
    *("Policy", "Code version", "Manifest", "Metadata, or what went wrong"),
)


@contextmanager
def writing(form: ListFormat, asset: str) -> Iterator[Callable[[Attempt], None]]:
    """Gives what writes one attempt to standard output, in this form."""
    match form:
        case ListFormat.TEXT | ListFormat.JSON | ListFormat.JSONL:
            with Output(Format(form.value), out=sys.stdout, err=sys.stderr).lines(block) as write:
                yield write
        case ListFormat.CSV:
            write_row = csv_writer(sys.stdout)
            write_row(CSV_HEADERS)
            yield lambda attempt: write_row(csv_cells(attempt))
        case ListFormat.MARKDOWN:
            head = (
                f"# Audit of {markdown_text(asset)}",
                "",
                markdown_row(MARKDOWN_HEADERS),
                markdown_rule(len(MARKDOWN_HEADERS)),
            )
            sys.stdout.writelines(f"{line}\n" for line in head)
            yield lambda attempt: print(markdown_row(markdown_cells(attempt)), file=sys.stdout)


def block(attempt: Attempt) -> Text:
    """An attempt for people: when and what came of it, then by whom and with what, then what it said."""
    text = Text()
    text.append(f"{second(attempt.at)}  ", style="dim")
    text.append(f"{outcome_text(attempt):<13}", style=status_style(outcome_text(attempt)) or "yellow")
    text.append(partitions_text(attempt), style="bold")
    text.append(f"\n    {run_text(attempt)}")
    text.append(f"\n    {request_text(attempt)}")
    if by := with_text(attempt):
        text.append(f"\n    {by}")
    if said := said_text(attempt):
        text.append(f"\n    {said}", style="" if attempt.outcome == "materialized" else "red")
    return text


def outcome_text(attempt: Attempt) -> str:
    """The outcome in words."""
    return attempt.outcome.replace("_", " ")


def partitions_text(attempt: Attempt) -> str:
    """The first few ranges, and how many partitions there are."""
    return "" if attempt.partitions is None else one_line(ranges_text(attempt.partitions))


def run_text(attempt: Attempt) -> str:
    """Which run and attempt it was, and of which backfill."""
    if attempt.run_id is None:
        return "by no run"
    number = "" if attempt.attempt is None else f", attempt {attempt.attempt:,}"
    return one_line(f"run {attempt.run_id}{number} of backfill {attempt.backfill_id}")


def request_text(attempt: Attempt) -> str:
    """Who asked for it, when and why."""
    if attempt.requested_by is None or attempt.requested_at is None:
        return "the log does not say who asked for it"
    why = f": {attempt.reason}" if attempt.reason else ", without a reason"
    return one_line(f"asked for by {attempt.requested_by} on {second(attempt.requested_at)} UTC{why}")


def with_text(attempt: Attempt) -> str:
    """The policy, code version and manifest."""
    told = [
        attempt.policy,
        None if attempt.code_version is None else f"code version {attempt.code_version}",
        None if attempt.manifest_digest is None else f"manifest {attempt.manifest_digest[:DIGEST_SHOWN]}",
    ]
    return one_line(", ".join(filter(None, told)))


def said_text(attempt: Attempt) -> str:
    """The metadata of what is filled; of the rest, what went wrong or who ended it."""
    told = error_text(attempt)
    if attempt.canceled is not None:
        told = f"canceled {attempt.canceled.told} on {second(attempt.canceled.at)} UTC"
    if attempt.metadata:
        told = _json(attempt.metadata).decode()
    told = one_line(told)
    return told if len(told) <= SHOWN_MAX else f"{told[: SHOWN_MAX - 1]}…"


def error_text(attempt: Attempt) -> str:
    """What went wrong; may be empty."""
    failure = attempt.failure
    if failure is None:
        return ""
    return f"{failure.type}: {failure.message}" if failure.message else failure.type


def second(at: datetime) -> str:
    """A time to the second, UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def markdown_cells(attempt: Attempt) -> tuple[object, ...]:
    """What stands under `MARKDOWN_HEADERS`."""
    return (
        *(second(attempt.at), outcome_text(attempt), partitions_text(attempt), attempt.run_id),
        *(attempt.attempt, attempt.backfill_id, attempt.requested_by, attempt.reason, attempt.policy),
        *(attempt.code_version, (attempt.manifest_digest or "")[:DIGEST_SHOWN], said_text(attempt)),
    )


def csv_cells(attempt: Attempt) -> tuple[object, ...]:
    """What stands under `CSV_HEADERS`: nothing is cut short."""
    keys, canceled = attempt.partitions, attempt.canceled
    pairs = () if keys is None else keys.ranges
    return (
        *(attempt.at.isoformat(), attempt.outcome, attempt.asset),
        ", ".join(first if first == last else f"[{first}...{last}]" for first, last in pairs),
        None if keys is None else keys.count,
        *(attempt.backfill_id, attempt.run_id, attempt.run_number, attempt.attempt),
        *(None if at is None else at.isoformat() for at in (attempt.launched_at, attempt.requested_at)),
        *(attempt.requested_by, attempt.reason, attempt.policy, attempt.code_location),
        *(attempt.code_version, attempt.manifest_digest),
        _json(attempt.metadata).decode() if attempt.metadata else None,
        error_text(attempt),
        *((None, None) if canceled is None else (canceled.by, canceled.reason)),
        attempt.position,
    )
