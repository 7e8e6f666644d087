"""`backfilld partitions`: what is filled of an asset, and the keys of dynamic sets."""

from typing import Annotated

import typer
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from daemon.cli import dynamic_keys
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import ask
from daemon.cli.output import Format, status_style
from daemon.cli.show_or_command import ShowOrCommand
from daemon.cli.typed import AsOfOption
from daemon.operations.fields import meaning_of
from daemon.operations.partitions import RANGES_SHOWN, PartitionsAsked, PartitionsShown, known_status
from daemon.operations.partitions import partitions as partitions_of
from projections.asset_status import PartitionStatus

AssetArgument = Annotated[str, typer.Argument(metavar="ASSET", help=meaning_of(PartitionsAsked, "asset"))]
StatusOption = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help=meaning_of(PartitionsAsked, "status"),
        show_default=False,
    ),
]


app = typer.Typer(
    name="partitions", cls=ShowOrCommand, no_args_is_help=True, subcommand_metavar="ASSET | COMMAND ..."
)
app.command("add")(dynamic_keys.add)
app.command("remove")(dynamic_keys.remove)
app.command("list")(dynamic_keys.list_)


@app.callback()
@command
def partitions(_invocation: Invocation) -> None:
    """Show what is filled of an asset, as `partitions ASSET`; list dynamic sets, and change their keys.

    backfilld partitions daily_sales --status missing

    backfilld partitions add customers zoe abe --reason 'signed today'
    """


@app.command("show")
@command
def show(
    invocation: Invocation,
    asset: AssetArgument,
    *,
    status: StatusOption = None,
    limit: LimitOption = RANGES_SHOWN,
    as_of: AsOfOption = None,
) -> None:
    """Show which partitions of an asset are materialized, in progress, failed, skipped or missing.

    --limit bounds the ranges listed of each status, never the counts.

    backfilld partitions daily_sales --status missing

    backfilld partitions daily_sales --as-of 2024-03-01T12:00
    """
    known_status(status)  # What makes no sense needs no log to say so.
    is_text = invocation.output.form is Format.TEXT
    asked = PartitionsAsked(asset=asset, status=status, limit=limit, with_text=is_text, as_of=as_of)
    found = ask(invocation, partitions_of, asked)
    invocation.output.value(
        found, lambda console: show_partitions(console, found, is_chosen=status is not None)
    )
    if found.text is not UNSET and found.as_of is None:
        for note in found.text.notes:
            invocation.output.note(note)


def show_partitions(console: Console, found: PartitionsShown, *, is_chosen: bool) -> None:
    """Prints how partitions stand; a status that none has only where it was chosen."""
    text = found.text
    assert text is not UNSET, "people are told in range text"
    if text.only is not None:
        console.print(Text.assemble(f"{found.asset} has no partitions; it is ", styled(text.only), "."))
        return
    console.print(f"{found.asset} has {text.partitions}.", soft_wrap=True)
    for status, each in found.statuses.items():
        if each.count or is_chosen:
            told = text.statuses[status]
            rest = f", … and {told.ranges_left:,} ranges more" if told.ranges_left else ""
            console.print(
                Text.assemble(styled(status, 13), f"{each.count:>9,}  ", told.text, rest), soft_wrap=True
            )


def styled(status: PartitionStatus, width: int = 0) -> tuple[str, str]:
    """A status with its colour."""
    return status.replace("_", " ").ljust(width), status_style(status)
