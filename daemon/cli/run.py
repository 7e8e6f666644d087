"""`backfilld run ID`: one run, its facts, and what it printed; and how to end it before its time."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.changing import NOT_SERVED
from daemon.cli.invocation import Invocation, command, database_command
from daemon.cli.launch import ReasonOption
from daemon.cli.listing import partitions_text, styled, time_text, took_text
from daemon.cli.log.shown import line
from daemon.cli.opening import ask
from daemon.cli.show_or_command import ShowOrCommand
from daemon.cli.typed import AsOfOption
from daemon.operations.fields import meaning_of
from daemon.operations.interventions import CancelingRun, cancel_run
from daemon.operations.run import LINES_SHOWN, RunAsked, RunShown
from daemon.operations.run import run as show_one
from daemon.operations.run_output import PRINTED

FACTS_SHOWN_MAX = 100

IdArgument = Annotated[
    str,
    typer.Argument(metavar="ID", help=meaning_of(RunAsked, "run_id")),
]
LinesOption = Annotated[
    int,
    typer.Option(
        "--lines",
        min=0,
        metavar="N",
        help=meaning_of(RunAsked, "lines"),
    ),
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
    lines: LinesOption = LINES_SHOWN,
    as_of: AsOfOption = None,
) -> None:
    """Show one run: what it was to fill, what came of it, and the end of what it printed.

    backfilld run k3v9x2ab-17-1 --lines 100
    """
    kept_for = invocation.settings.daemon.keep_run_files
    found = ask(invocation, show_one, RunAsked(run_id=run_id, lines=lines, as_of=as_of))
    invocation.output.value(found, lambda console: show_run(console, found, kept_for=kept_for))
    if not found.output_is_known:
        invocation.output.note("It was under way: what it had printed by then is not kept apart.")


@app.command("cancel")
@database_command
def cancel(invocation: Invocation, run_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """End one run of a backfill; the others go on. What it filled stays, and it is not tried again.

    It is asked to end, and killed with all that it started if it does not. What is not filled by then is
    canceled in its backfill, and what needs that is skipped.

    backfilld run cancel k3v9x2ab-17-1 --reason 'hangs'
    """
    found = ask(invocation, cancel_run, CancelingRun(run_id=run_id, reason=reason))
    already = f"had ended already ({found.status})" if found.has_ended else "was being canceled already"
    words = "is being canceled" if found.changed else already
    value = {
        "id": run_id,
        "backfill_id": found.backfill_id,
        "status": found.status,
        "changed": found.changed,
    }
    invocation.output.value(value, lambda console: console.print(f"Run {run_id} {words}."))
    if not found.has_ended and not found.is_served:
        invocation.output.note(NOT_SERVED, style="yellow")


def show_run(console: Console, found: RunShown, *, kept_for: str) -> None:
    """Prints a run for people.

    :param kept_for: how long the files of runs are kept, as configured.
    """
    head = Text()
    head.append(f"Run {found.id} ", style="bold")
    head.append(found.status, style=styled(found))
    took = took_text(found)
    attempt = f"attempt {found.attempt}, " if found.attempt > 1 else ""
    head.append(f", {attempt}after {took}" if took else "")
    console.print(head)
    partitions = "" if found.partitions is None else f" {partitions_text(found)}"
    console.print(f"{', '.join(found.assets)}{partitions}", soft_wrap=True)
    if found.error:
        console.print(Text(found.error, style="red"), soft_wrap=True)
    console.print()
    for fact in found.facts[:FACTS_SHOWN_MAX]:
        console.print(line(fact), soft_wrap=True)
    if len(found.facts) > FACTS_SHOWN_MAX:
        console.print(f"{len(found.facts) - FACTS_SHOWN_MAX:,} more facts; -o json shows all.")
    console.print()
    if found.files_removed:
        console.print(
            f"Its files are not in {found.folder} any more. It ended on {time_text(found.ended_at)} UTC, and "
            f"the daemon removes the files of a run some time after its end (keep_run_files: {kept_for}, "
            f"unless `backfilld up --keep-run-files` says otherwise). What it reported stays in the log.",
            soft_wrap=True,
        )
        return
    if found.elsewhere is not None:
        console.print(Text(found.elsewhere.told), soft_wrap=True)
        return
    console.print(f"Its files are in {found.folder}.", soft_wrap=True)
    if found.output_is_known:
        show_printed(console, found)


def show_printed(console: Console, found: RunShown) -> None:
    """Prints the end of what a run printed."""
    told = {"stdout": found.stdout, "stderr": found.stderr}
    for name, file in PRINTED.items():
        text = told[name]
        console.print()
        if text is None:
            console.print(f"There is no {name} of it in {found.folder}.", soft_wrap=True)
        elif not text:
            console.print(f"It printed nothing to {name}.")
        else:
            console.print(Text(f"{Path(found.folder) / file}:", style="bold"), soft_wrap=True)
            console.print(Text(text), soft_wrap=True)
