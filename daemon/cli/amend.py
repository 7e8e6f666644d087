"""`backfilld amend`: what of a backfill is changed while it is under way."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console

from daemon.cli.invocation import Invocation, database_command
from daemon.cli.launch import IdArgument, ReasonOption
from daemon.cli.opening import ask
from daemon.cli.output import Format
from daemon.operations.amending import Amend, Amended, amendment_of, left_standing
from daemon.operations.amending import amend as amend_backfill
from daemon.operations.errors import UsageError
from daemon.operations.fields import meaning_of
from daemon.operations.typed import NONE
from events.facts import RunOrder


class Order(StrEnum):
    """The orders as they are typed."""

    OLDEST_FIRST = "oldest-first"
    NEWEST_FIRST = "newest-first"
    RANDOM = "random"

    @property
    def of_runs(self) -> RunOrder:
        """As facts have it."""
        match self:
            case Order.OLDEST_FIRST:
                return "oldest_first"
            case Order.NEWEST_FIRST:
                return "newest_first"
            case Order.RANDOM:
                return "random"


MaxConcurrentOption = Annotated[
    str | None,
    typer.Option(
        "--max-concurrent",
        metavar="N|none",
        help=meaning_of(Amend, "max_concurrent"),
        show_default=False,
    ),
]
OrderOption = Annotated[
    Order | None,
    typer.Option("--order", help=meaning_of(Amend, "order"), show_default=False),
]
PriorityOption = Annotated[
    int | None,
    typer.Option(
        "--priority",
        metavar="N",
        help=meaning_of(Amend, "priority"),
        show_default=False,
    ),
]
RetriesOption = Annotated[
    str | None,
    typer.Option(
        "--retries",
        metavar="N|none",
        help=meaning_of(Amend, "retries"),
        show_default=False,
    ),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS|none",
        help=meaning_of(Amend, "only_between"),
        show_default=False,
    ),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="ASSET[=TEXT]",
        help=meaning_of(Amend, "drop"),
        show_default=False,
    ),
]


@database_command
def amend(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    max_concurrent: MaxConcurrentOption = None,
    order: OrderOption = None,
    priority: PriorityOption = None,
    retries: RetriesOption = None,
    only_between: HoursOption = None,
    drop: DropOption = None,
    reason: ReasonOption = None,
) -> None:
    """Change a backfill while it is under way. What is not given stays as it is.

    What is dropped is canceled in this backfill, and what needs it is skipped. Only what was not launched yet
    can be dropped: `run cancel` ends a run, and `cancel` the whole backfill.

    backfilld amend k3v9x2ab --max-concurrent 2 --reason 'leave room'

    backfilld amend k3v9x2ab --drop 'orders=[2024-01-01...2024-01-31]' --order newest-first
    """
    asked = Amend(
        backfill_id=backfill_id,
        max_concurrent=number_or_none("--max-concurrent", max_concurrent, at_least=1),
        order=None if order is None else order.of_runs,
        priority=priority,
        retries=number_or_none("--retries", retries, at_least=0),
        only_between=only_between,
        drop=tuple(drop or ()),
        reason=reason,
    )
    amendment_of(asked)  # What makes no sense needs no log to say so.
    amended = ask(invocation, amend_backfill, asked)
    value = {name: each for name, each in msgspec.structs.asdict(amended).items() if name != "told"}
    invocation.output.value(value, lambda console: show(console, amended))
    if invocation.output.form is Format.TEXT:
        for note in left_standing(amended):
            invocation.output.note(note, style="yellow")


def number_or_none(option: str, typed: str | None, *, at_least: int) -> int | Literal["none"] | None:
    """The number that was typed, or that there is to be none.

    :raises UsageError: it is neither.
    """
    if typed is None:
        return None
    if typed.strip().lower() == NONE:
        return "none"
    try:
        number = int(typed)
    except ValueError:
        number = at_least - 1
    if number < at_least:
        raise UsageError(f"{option} takes a number from {at_least} on, or none, and not {typed!r}.")
    return number


def show(console: Console, amended: Amended) -> None:
    """Prints what was changed."""
    told = f"is amended: {amended.told}" if amended.changed else "stays as it is: nothing of this changes it"
    console.print(f"Backfill {amended.id} {told}.", soft_wrap=True)
