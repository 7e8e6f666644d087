"""`backfilld projections`: whether the tables and snapshots say what the log says, and to make them anew."""

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.opening import ask
from daemon.fact_text import counted
from daemon.operations.operation import Question
from daemon.operations.projections import check_projections, rebuild_projections
from projections.tables.checked import Checked, Difference

VALUE_CHARACTERS_MAX = 200  # of each value that people are shown

app = typer.Typer(
    name="projections",
    help="Check the tables and snapshots against the log they are made from, or make them anew.",
    no_args_is_help=True,
)


@app.command("check")
@database_command
def check(invocation: Invocation) -> None:
    """Fold the log anew and compare: exits with 1 if a table or snapshot says something else.

    The tables of backfills, runs and materializations are compared at the position they stand at, and the
    newest snapshots at theirs. Nothing is changed, and a daemon may go on meanwhile.
    """
    checked = ask(invocation, check_projections, Question())
    invocation.output.value(checked, lambda console: show(console, checked))
    if checked.differences:
        raise typer.Exit(ExitCode.UNSUCCESSFUL)


@app.command("rebuild")
@database_command
def rebuild(invocation: Invocation) -> None:
    """Make the tables anew from the log, beside the old ones, and put them in their place at once.

    A daemon goes on meanwhile. Snapshots that do not say what the log says are replaced too. If this is
    interrupted, all is as it was.
    """
    rebuilt = ask(invocation, rebuild_projections, Question())
    text = f"The tables are made anew from {rebuilt.position:,} facts: {rows_text(rebuilt.rows)}."
    if rebuilt.snapshots_mended:
        text += (
            f" {counted(rebuilt.snapshots_mended, 'snapshot')} did not say what the log says and does now: "
            f"restart a daemon that may have started from one."
        )
    invocation.output.value(rebuilt, lambda console: console.print(text, soft_wrap=True))


def show(console: Console, checked: Checked) -> None:
    """Prints what was compared, and each difference."""
    for difference in checked.differences:
        console.print(line(difference), soft_wrap=True)
    behind = f", of {checked.head:,} in the log" if checked.head > checked.position else ""
    compared = (
        f"{rows_text(checked.rows)} at position {checked.position:,}{behind}, and "
        f"{counted(checked.snapshots, 'snapshot')}, were compared with {counted(checked.facts, 'fact')}"
    )
    if not checked.differences:
        console.print(Text(f"The tables say what the log says: {compared}.", style="green"), soft_wrap=True)
        return
    console.print(
        Text(f"The tables do not say what the log says: {compared}. ", style="red").append(
            f"{counted(checked.rows_differing, 'row')} and "
            f"{counted(checked.snapshots_differing, 'snapshot')} differ; `backfilld projections rebuild` "
            f"makes them anew."
        ),
        soft_wrap=True,
    )


def line(difference: Difference) -> Text:
    """A difference on one line for people."""
    text = Text(f"{difference.table} {difference.key}", style="bold")
    if difference.column is not None:
        text.append(f" {difference.column}: ", style="cyan")
        return text.append(f"there is {shown(difference.there)}, the log says {shown(difference.log)}")
    if difference.there is None:
        return text.append(f": it is not there, the log says {shown(difference.log)}")
    return text.append(f": it is there and the log knows nothing of it, {shown(difference.there)}")


def shown(value: object) -> str:
    """A value as JSON, cut where it is long."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}…"


def rows_text(rows: dict[str, int]) -> str:
    """How many rows each table has.

    >>> rows_text({"backfills": 1, "runs": 1200})
    '1 backfill, 1,200 runs'
    """
    return ", ".join(counted(count, table.removesuffix("s")) for table, count in rows.items())
