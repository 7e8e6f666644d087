"""`backfilld run ID`: one run, its facts, and what it printed; and how to end it before its time."""

import os
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.changing import NOT_SERVED
from daemon.cli.errors import RefusedError, did_you_mean
from daemon.cli.invocation import Invocation, command, database_command
from daemon.cli.launch import ReasonOption
from daemon.cli.listing import keys_of_row, partitions_text, styled, took_text
from daemon.cli.log import Shown, line, shown
from daemon.cli.moment import AsOfOption, Moment, time_text
from daemon.cli.records import Records, with_records
from daemon.cli.show_or_command import ShowOrCommand
from daemon.commands import cancel_run
from daemon.launching.output import STANDARD_ERROR_FILE, STANDARD_OUTPUT_FILE
from events.facts import Fact, LeaderElected
from events.log import Filter

LINES_DEFAULT = 20
TAIL_BYTES_MAX = 1024 * 1024
FACTS_SHOWN_MAX = 100
NEAR_SEARCHED_MAX = 1_000  # the newest runs

PRINTED = {"stdout": STANDARD_OUTPUT_FILE, "stderr": STANDARD_ERROR_FILE}

Row = dict[str, Any]

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A run, such as k3v9x2ab-17-1.")]
LinesOption = Annotated[
    int, typer.Option("--lines", min=0, metavar="N", help="How many of its last lines of output; 0 for all.")
]


app = typer.Typer(name="run", cls=ShowOrCommand, no_args_is_help=True, subcommand_metavar="ID | COMMAND ...")


@app.callback()
@command
def run(_invocation: Invocation) -> None:
    """Show one run, as `run ID`; or end one that is under way.

    backfilld run k3v9x2ab-17-1 --lines 100

    backfilld run cancel k3v9x2ab-17-1 --reason 'hangs'
    """


@app.command("show")
@command
def show(
    invocation: Invocation,
    run_id: IdArgument,
    *,
    lines: LinesOption = LINES_DEFAULT,
    as_of: AsOfOption = None,
) -> None:
    """Show one run: what it was to fill, what came of it, and the end of what it printed.

    backfilld run k3v9x2ab-17-1 --lines 100
    """
    from daemon.launching.local import RUNS_FOLDER  # noqa: PLC0415 -- structlog, which --help need not wait for

    async def read(records: Records) -> tuple[Row, list[Shown], Path, Moment | None]:
        found = await records.rows("runs", limit=1, id=run_id)
        if not found:
            raise RefusedError(await unknown(records, run_id))
        facts: list[Shown] = []
        async with aclosing(records.log.read(upto=records.upto, matching=Filter(run_id=run_id))) as batches:
            async for batch in batches:
                facts.extend(shown(recorded) for recorded in batch)
        homes = [invocation.settings.home, *await homes_led_from(records)]
        folders = [home / RUNS_FOLDER / run_id for home in homes]
        folder = next((folder for folder in folders if folder.is_dir()), folders[0])
        return found[0], facts, folder, records.moment

    row, facts, folder, moment = with_records(invocation, read, as_of=as_of)
    # What a run under way had printed by a moment of the past, its files do not tell.
    files = {} if moment is not None and row["ended_at"] is None else PRINTED
    printed = {name: tail(folder / file, lines) for name, file in files.items()}
    value = {
        **row,
        "folder": str(folder),
        "files_removed": row["ended_at"] is not None and not folder.is_dir(),
        "facts": facts,
        **dict.fromkeys(PRINTED),
        **printed,
        "as_of": moment,
    }
    invocation.output.value(value, lambda console: show_run(console, row, facts, folder, printed))
    if not files:
        invocation.output.note("It was under way: what it had printed by then is not kept apart.")


@app.command("cancel")
@database_command
def cancel(invocation: Invocation, run_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """End one run of a backfill; the others go on. What it filled stays, and it is not tried again.

    It is asked to end, and killed with all that it started if it does not. What is not filled by then is
    canceled in its backfill, and what needs that is skipped.

    backfilld run cancel k3v9x2ab-17-1 --reason 'hangs'
    """

    async def call(records: Records) -> tuple[Sequence[Fact], Row, bool]:
        world = await records.world()
        facts = await records.record(
            world,
            run_id.split("-", 1)[0],
            lambda at_head: cancel_run(at_head, run_id, reason),
            run_id=run_id,
        )
        found = await records.rows("runs", limit=1, id=run_id)
        if not found:
            raise RefusedError(await unknown(records, run_id))
        return facts, found[0], await records.is_served()

    facts, row, is_served = with_records(invocation, call)
    has_ended = row["ended_at"] is not None
    already = f"had ended already ({row['status']})" if has_ended else "was being canceled already"
    words = "is being canceled" if facts else already
    status = row["status"] if has_ended else "canceling"
    value = {"id": run_id, "backfill_id": row["backfill_id"], "status": status, "changed": bool(facts)}
    invocation.output.value(value, lambda console: console.print(f"Run {run_id} {words}."))
    if not has_ended and not is_served:
        invocation.output.note(NOT_SERVED, style="yellow")


async def homes_led_from(records: Records) -> list[Path]:
    """The homes that the log was led from, the newest first: a standby's runs may lie in another's."""
    homes: dict[str, None] = {}
    elections = Filter(types=frozenset({LeaderElected.__name__}))
    async with aclosing(records.log.read(matching=elections, newest_first=True)) as batches:
        async for batch in batches:
            for recorded in batch:
                if isinstance(recorded.fact, LeaderElected) and recorded.fact.home is not None:
                    homes[recorded.fact.home] = None
    return [Path(home) for home in homes]


async def unknown(records: Records, run_id: str) -> str:
    """The sentence for a run that does not exist, with near ids; those of the same backfill come first."""
    backfill_id = run_id.split("-", 1)[0]
    if records.moment is not None:
        async with aclosing(records.log.read(matching=Filter(run_id=run_id))) as batches:
            async for batch in batches:
                return f"run {run_id} was launched later, at {time_text(batch[0].at)}."
    rows = await records.rows("runs", limit=NEAR_SEARCHED_MAX, backfill_id=backfill_id)
    rows = rows or await records.rows("runs", limit=NEAR_SEARCHED_MAX)
    hint = did_you_mean(run_id, (row["id"] for row in rows)) or " `backfilld runs` lists what there is."
    return f"there is no run {run_id!r}.{hint}"


def tail(file: Path, lines: int) -> str | None:
    """The last lines of a file (0: all, up to a mebibyte); None if there is no such file."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - TAIL_BYTES_MAX, 0))
            text = stream.read(TAIL_BYTES_MAX).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return "\n".join(text.rstrip().splitlines()[-lines:])


def show_run(
    console: Console, row: Row, facts: list[Shown], folder: Path, printed: dict[str, str | None]
) -> None:
    """Prints a run for people."""
    head = Text()
    head.append(f"Run {row['id']} ", style="bold")
    head.append(row["status"], style=styled(row))
    took = took_text(row)
    attempt = f"attempt {row['attempt']}, " if row["attempt"] > 1 else ""
    head.append(f", {attempt}after {took}" if took else "")
    console.print(head)
    assets = ", ".join(row["assets"])
    keys = keys_of_row(row)
    console.print(f"{assets}{'' if keys is None else f' {partitions_text(row)}'}", soft_wrap=True)
    if row["error"]:
        console.print(Text(row["error"], style="red"), soft_wrap=True)
    console.print()
    for fact in facts[:FACTS_SHOWN_MAX]:
        console.print(line(fact), soft_wrap=True)
    if len(facts) > FACTS_SHOWN_MAX:
        console.print(f"{len(facts) - FACTS_SHOWN_MAX:,} more facts; -o json shows all.")
    console.print()
    if row["ended_at"] is not None and not folder.is_dir():
        console.print(
            f"Its files are not in {folder} any more: the daemon removes them some time after a run's end "
            f"(keep_run_files). What it reported stays in the log.",
            soft_wrap=True,
        )
        return
    console.print(f"Its files are in {folder}.", soft_wrap=True)
    for name, text in printed.items():
        console.print()
        if text is None:
            console.print(f"There is no {name} of it in {folder}.", soft_wrap=True)
        elif not text:
            console.print(f"It printed nothing to {name}.")
        else:
            file = folder / PRINTED[name]
            console.print(Text(f"{file}:", style="bold"), soft_wrap=True)
            console.print(Text(text), soft_wrap=True)
