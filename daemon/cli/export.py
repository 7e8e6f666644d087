"""`backfilld export`: the log, or a part of it, in a file that proves itself."""

import sys
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from anyio import to_thread
from rich.text import Text

from daemon.cli.invocation import Invocation, database_command
from daemon.clock import SystemClock
from daemon.fact_text import counted
from daemon.operations.errors import OperationError, UsageError

if TYPE_CHECKING:
    from events.extracting import Part
    from events.files.chained import Header
    from events.files.port import RowWriter
    from events.postgres import PostgresLog

STANDARD_OUTPUT = Path("-")

TargetArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Ends in .jsonl (JSON Lines of CloudEvents) or .parquet; - writes the lines to standard output.",
        show_default=False,
    ),
]
BackfillsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--backfill",
        metavar="ID",
        help="Only this backfill and what is needed to understand it; may be repeated.",
    ),
]
FirstOption = Annotated[
    int | None, typer.Option("--from", min=1, metavar="POSITION", help="From this position on.")
]
LastOption = Annotated[
    int | None, typer.Option("--to", min=1, metavar="POSITION", help="Up to this position, and with it.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


class Exported(msgspec.Struct, frozen=True):
    """What was written, as JSON shows it."""

    file: str
    first: int
    last: int
    facts: int
    digest: str
    backfills: tuple[str, ...]


@database_command
def export(
    invocation: Invocation,
    target: TargetArgument,
    *,
    backfills: BackfillsOption = None,
    first: FirstOption = None,
    last: LastOption = None,
    force: ForceOption = False,
) -> None:
    """Write the log, or a part of it, to a file that `verify` checks and `--file` reads without a database.

    backfilld export log.jsonl

    backfilld export audit.parquet --backfill k3v9x2ab
    """
    from events.extracting import Part  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for

    if backfills and (first is not None or last is not None):
        raise UsageError("--backfill says which facts are wanted; leave --from and --to out.")
    part = Part(first or 1, last, tuple(backfills or ()))
    now = SystemClock().now()
    if target == STANDARD_OUTPUT:
        from events.files.jsonlines import JsonLinesWriter  # noqa: PLC0415 -- as above

        stream = Utf8Stream()
        invocation.with_log(
            lambda log: extracted(log, part, now, lambda header: JsonLinesWriter(stream, header))
        )
        return
    header = to_file(invocation, part, now, target, is_forced=force)
    exported = Exported(str(target), header.first, header.last, header.count, header.digest, header.backfills)
    invocation.output.value(exported, lambda console: console.print(told(exported), soft_wrap=True))


def to_file(
    invocation: Invocation, part: "Part", now: datetime, target: Path, *, is_forced: bool
) -> "Header":
    """What the file that was written says of itself. Nothing is left where it could not be written whole.

    :raises FileError: it cannot be written, or the log has no such part.
    :raises OperationError: the log is not as it was written.
    """
    from events.files.opening import writer_for  # noqa: PLC0415 -- as above
    from events.files.port import replaced  # noqa: PLC0415 -- as above

    open_writer = writer_for(target)
    with replaced(target, is_forced=is_forced) as stream:
        return invocation.with_log(
            lambda log: extracted(log, part, now, lambda header: open_writer(stream, header))
        )


async def extracted(
    log: "PostgresLog", part: "Part", now: datetime, open_writer: "Callable[[Header], RowWriter]"
) -> "Header":
    """What was written says of itself; every row was checked on the way.

    :raises OperationError: the log is not as it was written.
    """
    from events.files.chained import NotAsWrittenError  # noqa: PLC0415 -- as above

    header = await log.extract(part, now)
    writer = open_writer(header)
    written = 0
    try:
        async with aclosing(log.rows_of(header)) as pages:
            async for page in pages:
                await to_thread.run_sync(writer.write, page)
                written += len(page)
    except NotAsWrittenError as error:
        raise OperationError(f"{error}. Nothing was exported.") from error
    if written != header.count:
        raise OperationError(
            f"the log is not as it was written: of {header.count:,} facts {written:,} are there. Nothing was "
            "exported; `backfilld log verify` says more."
        )
    await to_thread.run_sync(writer.close)
    return header


def told(exported: Exported) -> Text:
    """What was written, for people."""
    facts = counted(exported.facts, "fact")
    if exported.backfills:
        which = f"of {', '.join(exported.backfills)} and what they need, between {exported.first:,} and"
        return Text(f"{exported.file} holds {facts} {which} {exported.last:,}; it is a selection.")
    return Text(
        f"{exported.file} holds {facts}, positions {exported.first:,} to {exported.last:,}.\n"
        f"Its digest is {exported.digest}."
    )


class Utf8Stream:
    """Standard output as a stream of bytes, whatever stands in its place."""

    def write(self, text: bytes) -> int:
        """Writes it all."""
        return sys.stdout.write(text.decode())

    def flush(self) -> None:
        """Lets it out."""
        sys.stdout.flush()
