"""`backfilld pool`: limits that runs of many backfills share, set while the daemon runs."""

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET, UnsetType
from rich.console import Console

from daemon.cli.errors import UsageError
from daemon.cli.fact_text import counted
from daemon.cli.invocation import Invocation, LimitOption, command, database_command
from daemon.cli.launch import ReasonOption
from daemon.cli.output import Column
from daemon.cli.records import Records, with_records
from daemon.cli.typed import NONE, hours_typed
from daemon.commands import PoolChange, configure_pool
from events.facts import Fact
from projections.pools import Pool
from projections.world import World

RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|sec|min|h)")
PER_MINUTE = {"s": 60.0, "sec": 60.0, "min": 1.0, "h": 1 / 60}
HOLDERS_SHOWN = 3

app = typer.Typer(
    name="pool",
    help="Set and show pools: limits that all runs share whose assets name the pool.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A pool, as in asset(pool=NAME).")]
SlotsOption = Annotated[
    str | None,
    typer.Option(
        "--slots",
        metavar="N",
        help="At most N runs of it at the same time; 'none' lifts the limit.",
        show_default=False,
    ),
]
RateOption = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        help="At most so many launches in a time: 30/min, 2/s, 100/h; 'none' lifts the limit.",
        show_default=False,
    ),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS",
        help="Launch only at these hours: '22:00-06:00 Europe/Berlin'; 'none' lifts the limit.",
        show_default=False,
    ),
]


class PoolRow(msgspec.Struct, frozen=True):
    """A pool as JSON shows it."""

    pool: str
    slots: int | None
    slots_taken: int
    rate_per_minute: float | None
    only_between: str | None
    run_ids: tuple[str, ...]
    assets: tuple[str, ...]


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
    change = PoolChange(
        slots=read_slots(slots), rate_per_minute=read_rate(rate), only_between=read_hours(only_between)
    )

    async def call(records: Records) -> tuple[Sequence[Fact], World]:
        world = await records.world()
        facts = await records.record(
            world, None, lambda at_head: configure_pool(at_head, name, change, reason)
        )
        return facts, world

    facts, world = with_records(invocation, call)
    pool = world.known.pools.get(name, Pool(name))
    row = row_of(world, pool)

    def show(console: Console) -> None:
        told = "is set" if facts else "was so already"
        console.print(f"Pool {name} {told}: {limits_text(row)}.", soft_wrap=True)

    invocation.output.value({**msgspec.to_builtins(row), "changed": bool(facts)}, show)
    if not row.assets:
        invocation.output.note(f"No asset is in pool {name!r}: asset(pool={name!r}) puts one there.")


@command
def list_(invocation: Invocation, *, limit: LimitOption = 0) -> None:
    """List the pools: their limits, what of them is taken, and by whom."""

    async def read(records: Records) -> World:
        records.need_all_facts("who holds the pools")
        return await records.world()

    world = with_records(invocation, read)
    named = {node.pool for node in world.catalog.assets.values() if node.pool is not None}
    known = world.known.pools
    rows = [row_of(world, known.get(name, Pool(name))) for name in sorted(named | known.keys())]
    shown = rows[:limit] if limit else rows
    empty = "No pools: no asset is in one, and none was set."
    invocation.output.table(shown, POOL_COLUMNS, empty=empty, more=len(rows) - len(shown))


app.command("set")(set_)
app.command("list")(list_)


def row_of(world: World, pool: Pool) -> PoolRow:
    """How a pool stands."""
    return PoolRow(
        pool=pool.name,
        slots=pool.slots,
        slots_taken=len(pool.running),
        rate_per_minute=pool.rate_per_minute,
        only_between=pool.only_between,
        run_ids=tuple(pool.running),
        assets=tuple(key for key, node in world.catalog.assets.items() if node.pool == pool.name),
    )


def limits_text(row: PoolRow) -> str:
    """The limits in words."""
    limits = [
        counted(row.slots, "slot") if row.slots is not None else "any number of runs at a time",
        f"{row.rate_per_minute:g} launches/min" if row.rate_per_minute is not None else "at any rate",
        f"only between {row.only_between}" if row.only_between is not None else "at any hour",
    ]
    return ", ".join(limits)


def read_slots(text: str | None) -> int | UnsetType | None:
    """The number that was typed; None for ``none``; unset where nothing was typed.

    :raises UsageError: it is no number from 1 on.
    """
    if text is None or text == NONE:
        return UNSET if text is None else None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--slots is a number from 1 on, or 'none'; {text!r} is not.")
    return int(text)


def read_rate(text: str | None) -> float | UnsetType | None:
    """The launches a minute that were typed; None for ``none``; unset where nothing was typed.

    :raises UsageError: it is no rate.
    """
    if text is None or text == NONE:
        return UNSET if text is None else None
    match = RATE.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(
            f"--rate is a number and a time, such as 30/min, 2/s or 100/h, or 'none'; {text!r} is not."
        )
    return float(match[1]) * PER_MINUTE[match[2]]


def read_hours(text: str | None) -> str | UnsetType | None:
    """The hours that were typed; None for ``none``; unset where nothing was typed.

    :raises UsageError: they are no hours of the day.
    """
    if text is None or text == NONE:
        return UNSET if text is None else None
    return hours_typed(text)


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
