"""`backfilld plan`: what a launch would do, shown without doing it."""

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from backfilld.ranges import Ranges
from daemon.cli.asking import (
    AllOption,
    FailedOption,
    MissingOption,
    PartitionsOption,
    RequireUpstreamOption,
    SelectionArgument,
    StrictOption,
    WithUpstreamOption,
    choice_of,
    planned,
)
from daemon.cli.fact_text import counted, ranges_text
from daemon.cli.invocation import Invocation, command
from daemon.cli.output import Column, Format, table_of
from daemon.cli.records import Records, with_records
from daemon.cli.whatif_text import show_estimate
from daemon.planning.choice import RangeText
from daemon.planning.planned import Ask, PlannedBackfill
from daemon.whatif.estimating import Estimate
from daemon.whatif.estimating import estimate as estimate_of
from events.facts import PartitionKeys
from projections.plan import PlannedRun
from projections.sets import keys_of
from projections.world import World

RUNS_LISTED = 100
RUNS_LISTED_FOR_PEOPLE = 10
AFTER_SHOWN_MAX = 3  # stretches of run numbers

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

EstimateOption = Annotated[
    bool, typer.Option("--estimate", help="Say how long it will take, by what such runs took before.")
]


@command
def plan(
    invocation: Invocation,
    selection: SelectionArgument,
    *,
    partitions: PartitionsOption = None,
    all_: AllOption = False,
    missing: MissingOption = False,
    failed: FailedOption = False,
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
    ask = Ask(
        tuple(selection),
        choice_of(partitions, all=all_, missing=missing, failed=failed),
        strict=strict,
        require_upstream=require_upstream,
        with_upstream=with_upstream,
    )

    async def read(records: Records) -> tuple[PlannedBackfill, Estimate | None]:
        records.need_all_facts("what would be launched")
        world, now = await records.world(), records.clock.now()
        found = planned(world, ask, now)
        if not estimate:
            return found, None
        runs_max = invocation.settings.daemon.max_concurrent_runs
        return found, await estimated(records, world, found, now, runs_max=runs_max)

    found, took = with_records(invocation, read)
    is_text = invocation.output.form is Format.TEXT
    runs_max = limit if limit is not None else RUNS_LISTED_FOR_PEOPLE if is_text else RUNS_LISTED
    # For people nothing is listed twice: the text is made from the plan itself.
    value = None if is_text else found.listed(runs_max) | ({} if took is None else {"estimate": took})

    def show(console: Console) -> None:
        show_plan(console, found, runs_max)
        if took is not None:
            show_estimate(console, took)

    invocation.output.value(value, show)
    if is_text:
        invocation.output.note(f"Nothing was launched; this does it: {launch_command(ask)}")


async def estimated(
    records: Records, world: World, found: PlannedBackfill, now: datetime, *, runs_max: int
) -> Estimate:
    """How long a plan will take, at the concurrency of the daemon that led last; if none did, at this one."""
    leader = world.known.leader
    told = leader.max_concurrent_runs if leader is not None else None
    return estimate_of(world, found, await records.durations(), now, runs_max=told or runs_max)


def show_plan(console: Console, found: PlannedBackfill, runs_max: int) -> None:
    """Prints the targets, the first runs, and what one should know."""
    targets = [
        Column("asset", lambda row: row[0], style="bold"),
        Column("partitions", lambda row: f"{1 if row[1] is None else row[1].count:,}", justify="right"),
        Column("which", lambda row: ranges_only(row[1])),
        Column("how", lambda row: found.nodes[row[0]].policy_text if row[1] is not None else "one run"),
    ]
    console.print(table_of(list(found.targets.items()), targets))
    runs = [
        Column("run", lambda run: f"{run.number:,}", justify="right"),
        Column("assets", lambda run: ", ".join(run.group.assets), style="bold"),
        Column("partitions", lambda run: which(keys_of(run.ordinals, run.group.partitions))),
        Column("after runs", lambda run: numbers_text(found.plan.after(run)), style="dim"),
    ]
    count = min(found.runs_total, runs_max) if runs_max else found.runs_total
    console.print()
    console.print(table_of(listed_runs(found, count), runs))
    console.print()
    first = "; the first is listed" if count == 1 else f"; the first {count:,} are listed"
    total = sum(1 if keys is None else keys.count for keys in found.targets.values())
    console.print(
        f"{counted(found.runs_total, 'run')} for {counted(total, 'partition')} of "
        f"{counted(len(found.targets), 'asset')}{first if count < found.runs_total else ''}."
    )
    show_remarks(console, found)


def show_remarks(console: Console, found: PlannedBackfill) -> None:
    """Prints the warnings of a plan, and what it leaves out."""
    for warning in found.warnings:
        console.print(Text(f"Warning: {warning}.", style="yellow"), soft_wrap=True)
    for left in found.left_out:
        keys = "" if left.partitions is None else f" {ranges_text(left.partitions)}"
        what = f"Left out: {left.asset}" if left.upstream is None else f"Leads nowhere: {left.upstream}"
        console.print(Text(f"{what}{keys}: {left.reason}.", style="yellow"), soft_wrap=True)


def listed_runs(found: PlannedBackfill, count: int) -> list[PlannedRun]:
    """The first runs of a plan."""
    return [found.plan.run(number) for number in range(1, count + 1)]


def which(keys: PartitionKeys | None) -> str:
    """Partitions as range text, the first few of them."""
    return "no partitions" if keys is None else ranges_text(keys)


def ranges_only(keys: PartitionKeys | None) -> str:
    """Partitions as range text, for a table that counts them in a column of its own."""
    return "" if keys is None else which(keys).removesuffix(f" ({keys.count:,})")


def numbers_text(numbers: Ranges) -> str:
    """Numbers in a few words.

    >>> numbers_text(Ranges.of([(1, 2), (4, 8)]))
    '1, 4-7'
    """

    def stretches() -> Iterator[str]:
        for start, stop in numbers.intervals[:AFTER_SHOWN_MAX]:
            yield f"{start:,}" if stop == start + 1 else f"{start:,}-{stop - 1:,}"
        if len(numbers.intervals) > AFTER_SHOWN_MAX:
            yield "…"

    return ", ".join(stretches())


def launch_command(ask: Ask) -> str:
    """The command line that launches what was planned."""
    chosen = ask.choice.arguments() if isinstance(ask.choice, RangeText) else [f"--{ask.choice}"]
    flags = {
        "--strict": ask.strict,
        "--require-upstream": ask.require_upstream,
        "--with-upstream": ask.with_upstream,
    }
    wanted = [flag for flag, is_wanted in flags.items() if is_wanted]
    return shlex.join(["backfilld", "launch", *ask.selection, *chosen, *wanted])
