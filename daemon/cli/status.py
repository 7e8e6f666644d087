"""`backfilld status`: is a daemon there, what goes on, and how far one backfill has come."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.asker import Asker
from daemon.cli.errors import ExitCode
from daemon.cli.following import display_on, exit_code, left_running_text, outcome_text, runs_text
from daemon.cli.invocation import Invocation, command
from daemon.cli.opening import ask, with_asker
from daemon.cli.output import Column, Format, Output, status_style, table_of
from daemon.cli.seen import seen_in
from daemon.cli.typed import AsOfOption
from daemon.fact_text import counted, one_line, ranges_text
from daemon.not_loaded_text import problem_text, remedy_text
from daemon.operations.errors import UsageError
from daemon.operations.operation import PastQuestion
from daemon.operations.standing import BackfillStanding, Standing
from daemon.operations.status import BackfillAsked
from daemon.operations.status import backfill as backfill_of
from daemon.operations.status import status as status_of_all
from daemon.time_text import duration_text, rate_text
from events.facts import LeaderElected
from projections.backfill.state import Intervention
from projections.progress import AssetCounts
from projections.world import NotLoaded

IdArgument = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="A backfill; without one, what goes on.", show_default=False),
]
WatchOption = Annotated[
    bool, typer.Option("--watch", "-w", help="Stay until it ends; exit with 1 if it does not succeed.")
]


@command
def status(
    invocation: Invocation,
    backfill_id: IdArgument = None,
    *,
    watch: WatchOption = False,
    as_of: AsOfOption = None,
) -> None:
    """Show whether a daemon runs and what it does, or how far one backfill has come.

    backfilld status

    backfilld status k3v9x2ab --watch

    backfilld status k3v9x2ab --as-of 2h
    """
    output = invocation.output
    if watch and as_of is not None:
        raise UsageError("--watch looks at what is to come and --as-of at what was: give one of them.")
    if backfill_id is None:
        if watch:
            raise UsageError("--watch follows one backfill; name it: backfilld status ID --watch.")
        standing = ask(invocation, status_of_all, PastQuestion(as_of=as_of))
        output.value(standing, lambda console: show_all(console, standing))
        return
    asked = BackfillAsked(
        backfill_id=backfill_id, with_daemon=output.form is Format.TEXT and not watch, as_of=as_of
    )
    try:
        found = watched(invocation, asked) if watch else ask(invocation, backfill_of, asked)
    except KeyboardInterrupt:
        output.note(left_running_text(backfill_id))
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    show_one(output, found)
    raise typer.Exit(exit_code(seen_in(found)) if watch else ExitCode.OK)


def show_all(console: Console, standing: Standing) -> None:
    """Prints what goes on for people."""
    console.print(daemon_text(standing))
    is_served = None if standing.daemon is None else standing.daemon.serving
    show_not_loaded(console, standing.code_locations_not_loaded, is_served=is_served)
    if not standing.backfills:
        was = "was" if standing.daemon is None else "is"
        console.print(f"No backfill {was} under way; `backfilld backfills` lists those that were.")
        return
    columns = [
        Column("backfill", lambda row: row.id, style="bold"),
        Column("status", lambda row: row.status, style=lambda row: status_style(row.status)),
        Column("done", lambda row: f"{percent_of(row)} %", justify="right"),
        Column("partitions", lambda row: f"{row.partitions_settled:,}/{row.partitions_targeted:,}"),
        Column("runs", lambda row: f"{row.runs_done:,}/{row.runs_total:,}"),
        Column("left", lambda row: None if row.left_s is None else duration_text(row.left_s)),
        Column("selection", lambda row: " ".join(row.selection)),
    ]
    console.print()
    console.print(table_of(standing.backfills, columns))


def show_not_loaded(console: Console, not_loaded: Mapping[str, NotLoaded], *, is_served: bool | None) -> None:
    """Prints why code locations are not loaded, and what to do about it; of the past (None) nothing is."""
    for name, state in not_loaded.items():
        console.print(Text(problem_text(name, state), style="red"), soft_wrap=True)
        if is_served is not None:
            console.print(remedy_text(state, is_served=is_served), soft_wrap=True)


def percent_of(row: BackfillStanding) -> int:
    """How much of it is done."""
    return 100 * row.partitions_settled // row.partitions_targeted if row.partitions_targeted else 100


def daemon_text(standing: Standing) -> Text:
    """Who serves the log, and where it stands."""
    daemon = standing.daemon
    if daemon is None:
        return Text(f"{led_text(standing.led_by)} The log had {counted(standing.position, 'fact')}.")
    log = f"the log has {counted(standing.position, 'fact')}"
    waiting = "".join(f"{each} stands by; " for each in daemon.standbys)
    if not daemon.serving:
        if waiting:
            return Text(f"No daemon leads; {waiting}{log}.", style="yellow")
        return Text(f"No daemon runs: `backfilld up` starts one. {log.capitalize()}.", style="yellow")
    who = f"version {daemon.version}, process {daemon.pid} on {daemon.host}" if daemon.version else "starting"
    return Text(f"A daemon runs ({who}); {waiting}{log}.", style="green")


def led_text(leader: LeaderElected | None) -> str:
    """Who had taken the lead last, and that no more is known of the daemons of the past."""
    if leader is None:
        return "No daemon had ever run."
    return (
        f"The last daemon to take the lead was process {leader.pid} on {leader.host}, version "
        f"{leader.version}; which ones still ran is not on record."
    )


def watched(invocation: Invocation, asked: BackfillAsked) -> BackfillStanding:
    """The backfill once it has ended, shown meanwhile."""
    output = invocation.output

    async def call(asker: Asker) -> BackfillStanding:
        before = await asker.ask(backfill_of, msgspec.structs.replace(asked, with_daemon=True))
        if before.ended_at is None and not before.is_served:
            output.note(
                "No daemon runs: nothing happens until one does, with `backfilld up`.", style="yellow"
            )
        with display_on(output) as display:
            await asker.follow(asked.backfill_id, display)
        return await asker.ask(backfill_of, asked)

    return with_asker(invocation, call)


def show_one(output: Output, standing: BackfillStanding) -> None:
    """Answers with one backfill."""
    is_past = standing.as_of is not None or standing.is_served is None
    is_served = standing.ended_at is not None or standing.is_served is True

    def show(console: Console) -> None:
        show_standing(console, standing)
        show_not_loaded(console, standing.waits_for, is_served=None if is_past else is_served)
        if not is_past:
            output.note(next_step(standing, is_served=is_served))

    output.value(standing, show)


def show_standing(console: Console, standing: BackfillStanding) -> None:
    """Prints one backfill for people."""
    head = Text()
    head.append(f"Backfill {standing.id} ", style="bold")
    head.append(standing.status, style=status_style(standing.status))
    console.print(head)
    why = f", because: {standing.reason}" if standing.reason else ""
    console.print(
        f"{' '.join(standing.selection)}, {standing.partitions}, asked for by {standing.requested_by} on "
        f"{standing.requested_at:%Y-%m-%d %H:%M:%S} UTC{why}",
        soft_wrap=True,
    )
    console.print()
    console.print(table_of(list(standing.progress.items()), PROGRESS_COLUMNS))
    console.print()
    how = outcome_text(seen_in(standing)) if standing.ended_at else pace_text(standing)
    console.print(f"{how}.", soft_wrap=True)
    for what, intervention in (("Paused", standing.paused), ("Canceled", standing.canceled)):
        if intervention is not None:
            console.print(intervention_text(what, intervention), soft_wrap=True)
    for failure in standing.failures:
        partitions = "" if failure.partitions is None else f" {ranges_text(failure.partitions)}"
        told = f"Run {failure.run_id} failed, {', '.join(failure.assets)}{partitions}: {failure.reason}"
        console.print(Text(told, style="red"), soft_wrap=True)


def intervention_text(what: str, intervention: Intervention) -> str:
    """Who did it, when and why, in a sentence."""
    told = one_line(f"{what} on {intervention.at:%Y-%m-%d %H:%M:%S} UTC {intervention.told}")
    return told if told.endswith(".") else f"{told}."


def count_column(name: str) -> Column:
    """The column of one of the counts; nothing where it counts none."""

    def cell(row: tuple[str, AssetCounts]) -> str | None:
        count = getattr(row[1], name)
        return f"{count:,}" if count else None

    return Column(name.replace("_", " "), cell, justify="right", style=status_style(name.replace("_", " ")))


PROGRESS_COLUMNS = [
    Column("asset", lambda row: row[0], style="bold"),
    *(count_column(field.name) for field in msgspec.structs.fields(AssetCounts)),
]


def pace_text(standing: BackfillStanding) -> str:
    """How fast a backfill under way goes, and when it will be done."""
    told = [f"{percent_of(standing)} % done", runs_text(seen_in(standing).progress)]
    if under_way := standing.runs_in_progress - standing.runs_held:
        told.append(f"{under_way:,} under way")
    if standing.runs_held:
        told.append(f"{standing.runs_held:,} launched and not begun")
    if standing.runs_per_s and standing.status == "running" and not standing.waits_for:
        told.append(rate_text(standing.runs_per_s, "runs"))
    if standing.left_s is not None:
        told.append(f"{duration_text(standing.left_s)} left")
    return ", ".join(told)


def next_step(standing: BackfillStanding, *, is_served: bool) -> str:
    """What a person may do now."""
    if standing.ended_at is None and not is_served:
        return "No daemon runs: nothing happens until one does, with `backfilld up`."
    own = standing.id
    look = (
        f"`backfilld run {standing.failures[0].run_id}` shows what it printed; " if standing.failures else ""
    )
    return {
        "running": f"`backfilld status {own} --watch` follows it, `backfilld cancel {own}` ends it.",
        "paused": f"`backfilld resume {own}` lets it go on.",
        "canceling": "The runs under way are being ended.",
        "succeeded": "`backfilld assets` shows how all of it stands.",
        "failed": f"{look}once mended, `backfilld retry {own}` runs the rest.",
        "canceled": f"`backfilld retry {own}` fills what was not reached.",
    }[standing.status]
