"""`backfilld log show`: one fact, whole, with what led to it and what it led to."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, command
from daemon.cli.log.shown import line_for
from daemon.cli.opening import ask
from daemon.cli.typed import AsOfOption
from daemon.fact_text import counted
from daemon.operations.log.readable import readable
from daemon.operations.log.whole import FactAt, Whole, fact

PositionArgument = Annotated[
    int, typer.Argument(min=1, metavar="POSITION", help="Where it stands in the log.", show_default=False)
]


@command
def show(invocation: Invocation, position: PositionArgument, *, as_of: AsOfOption = None) -> None:
    """Show one fact whole: all that it says, what caused it, and what it caused.

    backfilld log show 1204
    """
    whole = ask(invocation, fact, FactAt(position=position, as_of=as_of))
    invocation.output.value(whole, lambda console: tell(console, whole))


def tell(console: Console, whole: Whole) -> None:
    """Show it to people."""
    shown, make = whole.fact, line_for(console)
    about = {
        "position": f"{shown.position:,}",
        "type": shown.type if shown.schema == 1 else f"{shown.type}, schema {shown.schema}",
        "at": f"{shown.at[:10]} {shown.at[11:-1]} UTC",
        "actor": shown.actor,
        "backfill": shown.backfill_id,
        "run": shown.run_id,
        "id": shown.id,
    }
    for name, text in about.items():
        if text is not None:
            console.print(Text.assemble((f"{name:<10}", "dim"), text), soft_wrap=True)
    console.print()
    for text in readable(msgspec.to_builtins(shown.data)):
        console.print(Text(text), soft_wrap=True)
    told = {"Caused by": [whole.cause] if whole.cause else [], "It caused": whole.caused}
    if whole.story is not None and whole.story not in (whole.cause, shown):
        told["The story began with"] = [whole.story]
    for heading, facts in told.items():
        if facts:
            console.print()
            console.print(Text(f"{heading}:", style="bold"))
            for each in facts:
                console.print(make(each), soft_wrap=True)
    if whole.caused_more:
        console.print(Text(f"… and more than these {counted(len(whole.caused), 'fact')}.", style="dim"))
