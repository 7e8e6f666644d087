"""`backfilld pool`: limits that runs of many backfills share, set while the daemon runs."""

from typing import Annotated, Literal

import typer
from rich.console import Console

from daemon.cli.invocation import Invocation, LimitOption, command, database_command
from daemon.cli.launch import ReasonOption
from daemon.cli.opening import ask
from daemon.cli.output import Column
from daemon.fact_text import counted
from daemon.operations.errors import UsageError
from daemon.operations.fields import meaning_of
from daemon.operations.operation import ListQuestion
from daemon.operations.pools import pools as list_pools
from daemon.operations.setting_pools import PoolRow, SettingPool, pool_change, set_pool
from daemon.operations.typed import NONE

HOLDERS_SHOWN = 3

app = typer.Typer(
    name="pool",
    help="Set and show pools: limits that all runs share whose assets name the pool.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=meaning_of(SettingPool, "name"))]
SlotsOption = Annotated[
    str | None,
    typer.Option(
        "--slots",
        metavar="N",
        help=meaning_of(SettingPool, "slots"),
        show_default=False,
    ),
]
RateOption = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        help=meaning_of(SettingPool, "rate"),
        show_default=False,
    ),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS",
        help=meaning_of(SettingPool, "only_between"),
        show_default=False,
    ),
]


@app.callback()
@command
def pools(_invocation: Invocation) -> None:
    """Set and show pools: limits that all runs share whose assets name the pool."""


@database_command
def set_(
    invocation: Invocation,
    name: NameArgument,
    *,
    slots: SlotsOption = None,
    rate: RateOption = None,
    only_between: HoursOption = None,
    reason: ReasonOption = None,
) -> None:
    """Set limits of a pool; what is not given stays as it is. A running daemon follows at once.

    A run takes a slot from its launch to its end, and counts once against the rate. Retries count as well.

    backfilld pool set warehouse --slots 3 --rate 30/min

    backfilld pool set warehouse --only-between '22:00-06:00 Europe/Berlin' --reason 'busy days'
    """
    asked = SettingPool(
        name=name, slots=read_slots(slots), rate=rate, only_between=only_between, reason=reason
    )
    pool_change(asked)  # What makes no sense needs no log to say so.
    pool = ask(invocation, set_pool, asked)

    def show(console: Console) -> None:
        told = "is set" if pool.changed else "was so already"
        console.print(f"Pool {name} {told}: {limits_text(pool)}.", soft_wrap=True)

    invocation.output.value(pool, show)
    if not pool.assets:
        invocation.output.note(f"No asset is in pool {name!r}: asset(pool={name!r}) puts one there.")


@command
def list_(invocation: Invocation, *, limit: LimitOption = 0) -> None:
    """List the pools: their limits, what of them is taken, and by whom."""
    found = ask(invocation, list_pools, ListQuestion(limit=limit))
    empty = "No pools: no asset is in one, and none was set."
    invocation.output.page(found, POOL_COLUMNS, empty=empty)


app.command("set")(set_)
app.command("list")(list_)


def limits_text(row: PoolRow) -> str:
    """The limits in words."""
    limits = [
        counted(row.slots, "slot") if row.slots is not None else "any number of runs at a time",
        f"{row.rate_per_minute:g} launches/min" if row.rate_per_minute is not None else "at any rate",
        f"only between {row.only_between}" if row.only_between is not None else "at any hour",
    ]
    return ", ".join(limits)


def read_slots(text: str | None) -> int | Literal["none"] | None:
    """The number that was typed, or the word none.

    :raises UsageError: it is something else.
    """
    if text is None or text == NONE:
        return None if text is None else "none"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--slots is a number from 1 on, or 'none'; {text!r} is not.")
    return int(text)


POOL_COLUMNS = [
    Column("pool", lambda row: row.pool, style="bold"),
    Column(
        "slots",
        lambda row: f"{row.slots_taken:,}/{'any' if row.slots is None else f'{row.slots:,}'}",
        justify="right",
    ),
    Column(
        "launches a minute", lambda row: None if row.rate_per_minute is None else f"{row.rate_per_minute:g}"
    ),
    Column("hours", lambda row: row.only_between),
    Column("held by", lambda row: "\n".join(row.run_ids[:HOLDERS_SHOWN])),
    Column("assets", lambda row: "\n".join(row.assets)),
]
