"""`backfilld plan`: what a launch would do, shown without doing it."""

import shlex
from typing import Annotated

import typer
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from daemon.cli.asking import (
    AllOption,
    FailedOption,
    LatestOption,
    MissingOption,
    PartitionsOption,
    RequireUpstreamOption,
    RootOption,
    SelectionArgument,
    StrictOption,
    WithUpstreamOption,
)
from daemon.cli.invocation import Invocation, command
from daemon.cli.opening import ask
from daemon.cli.output import Column, Format, table_of
from daemon.cli.whatif_text import show_estimate
from daemon.fact_text import counted
from daemon.operations.fields import meaning_of
from daemon.operations.launching import Launched
from daemon.operations.plan import RUNS_LISTED, PlanAsked
from daemon.operations.plan import plan as plan_it
from daemon.operations.planning import ask_of
from daemon.operations.typed import roots_typed
from daemon.plan_text import left_out_text, numbers_text, which, which_uncounted
from daemon.planning.choice import Exactly, arguments
from daemon.planning.listed import ListedPlan
from daemon.planning.planned import Ask

RUNS_LISTED_FOR_PEOPLE = 10

RunsLimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=0,
        metavar="N",
        help=f"List at most N runs; 0 for all. {RUNS_LISTED} by default, {RUNS_LISTED_FOR_PEOPLE} as text.",
        show_default=False,
    ),
]

EstimateOption = Annotated[bool, typer.Option("--estimate", help=meaning_of(PlanAsked, "estimate"))]


@command
def plan(
    invocation: Invocation,
    selection: SelectionArgument,
    *,
    partitions: PartitionsOption = None,
    all_: AllOption = False,
    missing: MissingOption = False,
    failed: FailedOption = False,
    latest: LatestOption = False,
    root: RootOption = None,
    strict: StrictOption = False,
    require_upstream: RequireUpstreamOption = False,
    with_upstream: WithUpstreamOption = False,
    limit: RunsLimitOption = None,
    estimate: EstimateOption = False,
) -> None:
    """Show what `launch` would run, and launch nothing.

    backfilld plan daily_sales --partitions '2024-03-*'

    backfilld plan '*report' --missing  (the asset report and everything upstream)

    backfilld plan daily_sales --all --estimate
    """
    is_text = invocation.output.form is Format.TEXT
    wanted = PlanAsked(
        selection=tuple(selection),
        partitions=tuple(partitions or ()),
        all=all_,
        missing=missing,
        failed=failed,
        latest=latest,
        roots=roots_typed(root),
        strict=strict,
        require_upstream=require_upstream,
        with_upstream=with_upstream,
        limit=limit if limit is not None else RUNS_LISTED_FOR_PEOPLE if is_text else RUNS_LISTED,
        estimate=estimate,
        as_ranges=is_text,
        max_concurrent_runs=invocation.settings.daemon.max_concurrent_runs if estimate else None,
    )
    found = ask(invocation, plan_it, wanted)

    def show(console: Console) -> None:
        show_plan(console, found)
        if found.estimate is not UNSET:
            show_estimate(console, found.estimate)

    invocation.output.value(found, show)
    if is_text:
        invocation.output.note(f"Nothing was launched; this does it: {launch_command(ask_of(wanted))}")


def show_plan(console: Console, found: ListedPlan) -> None:
    """Prints the targets, the first runs, and what one should know; from a plan that is told as ranges."""
    targets = [
        Column("asset", lambda row: row[0], style="bold"),
        Column("partitions", lambda row: f"{row[1].count:,}", justify="right"),
        Column("which", lambda row: which_uncounted(row[1].keys)),
        Column("how", lambda row: row[1].policy),
    ]
    console.print(table_of(list(found.targets.items()), targets))
    runs = [
        Column("run", lambda run: f"{run.number:,}", justify="right"),
        Column("assets", lambda run: ", ".join(run.assets), style="bold"),
        Column("partitions", lambda run: which(run.keys)),
        Column("after runs", lambda run: numbers_text(run.after_ranges), style="dim"),
    ]
    count = len(found.runs)
    console.print()
    console.print(table_of(found.runs, runs))
    console.print()
    first = "; the first is listed" if count == 1 else f"; the first {count:,} are listed"
    total = sum(target.count for target in found.targets.values())
    console.print(
        f"{counted(found.runs_total, 'run')} for {counted(total, 'partition')} of "
        f"{counted(len(found.targets), 'asset')}{first if count < found.runs_total else ''}."
    )
    show_remarks(console, found)


def show_remarks(console: Console, found: ListedPlan | Launched) -> None:
    """Prints the warnings of a plan, and what it leaves out; from a plan that is told as ranges."""
    for warning in found.warnings:
        console.print(Text(f"Warning: {warning}.", style="yellow"), soft_wrap=True)
    for left in found.left_out:
        what = left_out_text(left.asset, left.upstream, left.keys)
        console.print(Text(f"{what}: {left.reason}.", style="yellow"), soft_wrap=True)


def launch_command(ask: Ask) -> str:
    """The command line that launches what was planned."""
    assert not isinstance(ask.choice, Exactly), "nobody types which partitions those are"
    chosen = arguments(ask.choice)
    flags = {
        "--strict": ask.strict,
        "--require-upstream": ask.require_upstream,
        "--with-upstream": ask.with_upstream,
    }
    wanted = [flag for flag, is_wanted in flags.items() if is_wanted]
    return shlex.join(["backfilld", "launch", *ask.selection, *chosen, *wanted])
