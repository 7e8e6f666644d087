"""`backfilld explain`: what a backfill, or one partition of it, is waiting for, and what happened before."""

from typing import Annotated

import typer
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.launch import IdArgument
from daemon.cli.log.shown import line
from daemon.cli.opening import ask
from daemon.cli.output import Format, status_style
from daemon.cli.typed import AsOfOption
from daemon.deciding.explaining import Reason, Upstream, reason_text
from daemon.fact_text import counted, ranges_text
from daemon.operations.errors import UsageError
from daemon.operations.explain import (
    HISTORY_SHOWN,
    ExplainAsked,
    Explained,
    PartitionAsked,
    Waitings,
    explain_partition,
)
from daemon.operations.explain import explain as explain_backfill
from daemon.operations.fields import meaning_of
from projections.backfill.state import ENDED

AssetOption = Annotated[
    str | None, typer.Option("--asset", metavar="ASSET", help="One of its assets.", show_default=False)
]
PartitionOption = Annotated[
    str | None,
    typer.Option(
        "--partition",
        metavar="KEY",
        help=meaning_of(PartitionAsked, "partition"),
        show_default=False,
    ),
]


@command
def explain(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    asset: AssetOption = None,
    partition: PartitionOption = None,
    limit: LimitOption = HISTORY_SHOWN,
    as_of: AsOfOption = None,
) -> None:
    """Say what a backfill is waiting for: upstream partitions, limits and who holds them, hours, retries.

    With --asset and --partition, say it of that partition, and tell what happened to it, in order; --limit
    bounds how much of that. Answers come from the log alone, so no daemon need be up.

    backfilld explain k3v9x2ab

    backfilld explain k3v9x2ab --asset daily_sales --partition 2024-03-01 --as-of 2h
    """
    if partition is not None and asset is None:
        raise UsageError("--partition is a partition of an asset: give --asset too.")

    if asset is None:
        is_text = invocation.output.form is Format.TEXT
        found = ask(
            invocation,
            explain_backfill,
            ExplainAsked(backfill_id=backfill_id, with_runs=is_text, as_of=as_of),
        )
        invocation.output.value(found, lambda console: show_all(console, found))
        return
    one = PartitionAsked(backfill_id=backfill_id, asset=asset, partition=partition, limit=limit, as_of=as_of)
    explained = ask(invocation, explain_partition, one)
    invocation.output.value(explained, lambda console: show_one(console, explained))


def show_all(console: Console, found: Waitings) -> None:
    """Prints what a backfill waits for."""
    head = Text(f"Backfill {found.backfill_id} ", style="bold")
    head.append(found.status, style=status_style(found.status))
    console.print(head)
    if found.status in ENDED:
        console.print("It has ended: nothing waits.")
        return
    if found.under_way is not UNSET and found.under_way.count:
        named = ", ".join(found.under_way.first)
        console.print(f"{counted(found.under_way.count, 'run')} under way: {named}")
    if not found.waiting:
        console.print("Nothing waits to be launched.")
    for each in found.waiting:
        console.print()
        runs = Text(", ".join(each.assets), style="bold")
        console.print(runs.append(f": {counted(each.runs, 'run')}", style="not bold"), soft_wrap=True)
        show_reasons(console, each.reasons)


def show_one(console: Console, explained: Explained) -> None:
    """Prints what a partition waits for, and its history."""
    partition = "" if explained.partition is None else f" {explained.partition}"
    head = Text(f"{explained.asset}{partition}", style="bold")
    head.append(
        f" in backfill {explained.backfill_id}, {explained.status}; last heard of at "
        f"{explained.since:%Y-%m-%d %H:%M:%S} UTC",
        style="not bold",
    )
    console.print(head, soft_wrap=True)
    show_reasons(console, explained.reasons)
    console.print()
    for fact in explained.history:
        console.print(line(fact), soft_wrap=True)


def show_reasons(console: Console, reasons: tuple[Reason, ...]) -> None:
    """Prints reasons, with the partitions upstream that are waited for."""
    for reason in reasons:
        which = ""
        if isinstance(reason, Upstream) and reason.partitions is not None:
            which = f": {ranges_text(reason.partitions)}"
        console.print(Text(f"  {reason_text(reason)}{which}", style="yellow"), soft_wrap=True)
