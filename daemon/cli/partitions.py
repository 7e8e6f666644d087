"""`backfilld partitions`: what is filled of an asset, and the keys of dynamic sets."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from backfilld.range_text import format_ranges
from backfilld.ranges import Ranges
from daemon.cli import dynamic_keys
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import with_records
from daemon.cli.output import Format, status_style
from daemon.cli.show_or_command import ShowOrCommand
from daemon.cli.typed import AsOfOption
from daemon.commands import assets_with
from daemon.operations.errors import RefusedError, UsageError, did_you_mean
from daemon.operations.moment import Moment
from daemon.operations.records import Records
from projections.asset_status import PARTITION_STATUSES, AssetStatus, PartitionStatus
from projections.catalog import partitions_at
from projections.sets import keys_of
from projections.world import World

RANGES_SHOWN = 20  # of each status

AssetArgument = Annotated[str, typer.Argument(metavar="ASSET", help="An asset's name.")]
StatusOption = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help=f"Only one of: {', '.join(PARTITION_STATUSES)}.",
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
    chosen = known_status(status)

    async def read(records: Records) -> tuple[World, datetime, Moment | None]:
        records.need_all_facts("how partitions stand")
        return await records.world(), records.now(), records.moment

    world, now, moment = with_records(invocation, read, as_of=as_of)
    node = world.catalog.assets.get(asset)
    if node is None:
        raise RefusedError(no_asset_text(world, asset))
    existing = partitions_at(node.definition, now)
    found = world.statuses(now).get(asset, AssetStatus()).by_status(existing.all())
    by_status = {each: ordinals for each, ordinals in found.items() if chosen in {None, each}}

    def write(console: Console) -> None:
        if node.definition is None:
            (only,) = (each for each, ordinals in found.items() if ordinals)
            console.print(Text.assemble(f"{asset} has no partitions; it is ", styled(only), "."))
            return
        console.print(f"{asset} has {existing.described().removeprefix('the ')}.", soft_wrap=True)
        for each, ordinals in by_status.items():
            if ordinals or chosen:
                text = format_ranges(first_of(ordinals, limit), existing)
                more = len(ordinals.intervals) - limit if limit else 0
                rest = f", … and {more:,} ranges more" if more > 0 else ""
                console.print(
                    Text.assemble(styled(each, 13), f"{len(ordinals):>9,}  ", text, rest), soft_wrap=True
                )

    value = {
        "asset": asset,
        "as_of": moment,
        "count": len(existing),
        "statuses": {
            each: {
                "count": len(ordinals),
                "ranges": None
                if (keys := keys_of(first_of(ordinals, limit), existing)) is None
                else [list(pair) for pair in keys.ranges],
            }
            for each, ordinals in by_status.items()
        },
    }
    invocation.output.value(value, write)
    if node.definition is not None and invocation.output.form is Format.TEXT and moment is None:
        for name in sorted(node.definition.dynamic_names):
            if not world.known.dynamic.get(name):
                invocation.output.note(dynamic_keys.no_keys_text(name))


def known_status(typed: str | None) -> PartitionStatus | None:
    """The status that was typed, however its words are joined.

    :raises UsageError: there is no such status.
    """
    if typed is None:
        return None
    for status in PARTITION_STATUSES:
        if typed.lower().replace(" ", "_").replace("-", "_") == status:
            return status
    known = ", ".join(PARTITION_STATUSES)
    raise UsageError(f"no partition is {typed!r}, but {known}.{did_you_mean(typed, PARTITION_STATUSES)}")


def no_asset_text(world: World, asset: str) -> str:
    """The sentence for an asset that does not exist, with near ones."""
    users = assets_with(world, asset)
    if users or asset in world.known.dynamic:
        hint = f" Assets with its keys: {', '.join(users)}." if users else ""
        return f"{asset!r} is a dynamic set; `backfilld partitions list {asset}` lists its keys.{hint}"
    if asset in world.catalog.external:
        return f"{asset!r} is an external asset: no code declares it, so nothing is known of its partitions."
    hint = did_you_mean(asset, world.catalog.assets) or " `backfilld assets` lists what there is."
    return f"there is no asset {asset!r}.{hint}"


def first_of(ordinals: Ranges, limit: int) -> Ranges:
    """The first stretches; 0 for all."""
    return Ranges(ordinals.intervals[:limit]) if limit else ordinals


def styled(status: PartitionStatus, width: int = 0) -> tuple[str, str]:
    """A status with its colour."""
    return status.replace("_", " ").ljust(width), status_style(status)
