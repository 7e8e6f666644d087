"""`backfilld log show`: one fact, whole, with what led to it and what it led to."""

from contextlib import aclosing
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, command
from daemon.cli.log.finding import singly
from daemon.cli.log.readable import readable
from daemon.cli.log.shown import Shown, line_for, shown
from daemon.fact_text import counted
from daemon.operations.errors import RefusedError
from events.envelope import Recorded
from events.facts import BackfillRequested, RunLaunched
from events.log import Filter, Log
from events.seeking import fact_at

CAUSED_MAX = 20  # shown; what an early fact of a long backfill led to may be thousands

PositionArgument = Annotated[
    int, typer.Argument(min=1, metavar="POSITION", help="Where it stands in the log.", show_default=False)
]


class Whole(msgspec.Struct, frozen=True):
    """A fact and the facts that it is tied to, as JSON shows them."""

    fact: Shown
    cause: Shown | None  # the fact that directly led to it
    story: Shown | None  # the fact that its whole story began with, by its correlation_id; may be itself
    caused: list[Shown]  # what it directly led to, the first of them
    caused_more: bool  # whether it led to more than these


@command
def show(invocation: Invocation, position: PositionArgument) -> None:
    """Show one fact whole: all that it says, what caused it, and what it caused.

    backfilld log show 1204
    """

    async def read(log: Log) -> Whole:
        recorded = await fact_at(log, position)
        if recorded is None:
            head = await log.head()
            raise RefusedError(no_position_text(position, head))
        caused = [shown(each) for each in await caused_by(log, recorded, CAUSED_MAX + 1)]
        cause = await fact_named(log, recorded.causation_id)
        is_same = recorded.correlation_id == recorded.causation_id
        story = cause if is_same else await fact_named(log, recorded.correlation_id)
        return Whole(
            shown(recorded),
            None if cause is None else shown(cause),
            None if story is None else shown(story),
            caused[:CAUSED_MAX],
            len(caused) > CAUSED_MAX,
        )

    whole = invocation.reading_log(read)
    invocation.output.value(whole, lambda console: tell(console, whole))


def no_position_text(position: int, head: int) -> str:
    """The sentence for a position at which there is no fact."""
    if position <= head:
        return f"position {position:,} is not among the facts of this file."
    ends = f"the log ends with {head:,}" if head else "the log is empty"
    return f"there is no position {position:,}: {ends}."


async def fact_named(log: Log, name: str | None) -> Recorded | None:
    """The fact with this id, if there is one in the log."""
    if name is None:
        return None
    async with aclosing(singly(log.read(matching=Filter(id=name)))) as found:
        async for recorded in found:
            return recorded
    return None


async def caused_by(log: Log, recorded: Recorded, most: int) -> list[Recorded]:
    """The first facts that this one directly led to; they stand behind it.

    What a launch led to is about its run. Nearly all that others led to is about their backfill; only
    requests are of backfills of their own.
    """
    if recorded.backfill_id is None:
        return []
    of_run = recorded.run_id if isinstance(recorded.fact, RunLaunched) else None
    here = Filter(recorded.backfill_id, of_run, causation_id=recorded.id)
    elsewhere = Filter(types=frozenset({BackfillRequested.__name__}), causation_id=recorded.id)
    found: dict[int, Recorded] = {}
    for matching in (here, elsewhere):
        async with aclosing(singly(log.read(after=recorded.position, matching=matching))) as each:
            async for caused in each:
                found[caused.position] = caused
                if len(found) >= most:
                    break
    return [found[position] for position in sorted(found)]


def tell(console: Console, whole: Whole) -> None:
    """Show it to people."""
    fact, make = whole.fact, line_for(console)
    about = {
        "position": f"{fact.position:,}",
        "type": fact.type if fact.schema == 1 else f"{fact.type}, schema {fact.schema}",
        "at": f"{fact.at[:10]} {fact.at[11:-1]} UTC",
        "actor": fact.actor,
        "backfill": fact.backfill_id,
        "run": fact.run_id,
        "id": fact.id,
    }
    for name, text in about.items():
        if text is not None:
            console.print(Text.assemble((f"{name:<10}", "dim"), text), soft_wrap=True)
    console.print()
    for text in readable(msgspec.to_builtins(fact.data)):
        console.print(Text(text), soft_wrap=True)
    told = {"Caused by": [whole.cause] if whole.cause else [], "It caused": whole.caused}
    if whole.story is not None and whole.story not in (whole.cause, fact):
        told["The story began with"] = [whole.story]
    for heading, facts in told.items():
        if facts:
            console.print()
            console.print(Text(f"{heading}:", style="bold"))
            for each in facts:
                console.print(make(each), soft_wrap=True)
    if whole.caused_more:
        console.print(Text(f"… and more than these {counted(len(whole.caused), 'fact')}.", style="dim"))
