"""`backfilld assets`: what is declared, and what is filled of it."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer

from daemon.cli.history import HISTORY_COLUMNS, manifest_history
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import with_records
from daemon.cli.output import Column, status_style
from daemon.cli.typed import AsOfOption
from daemon.operations.records import Records
from daemon.time_text import duration_text
from projections.asset_status import AssetStatus, PartitionStatus
from projections.catalog import partitions_at
from projections.world import World

HistoryOption = Annotated[bool, typer.Option("--history", help="Show the manifests over time, newest first.")]


class Extent(msgspec.Struct, frozen=True):
    """The partitions that an asset has now."""

    count: int
    first: str | None
    last: str | None


class AssetRow(msgspec.Struct, frozen=True):
    """An asset as JSON shows it; of an external one only what others say of it is known."""

    asset: str
    external: bool
    downstream: tuple[str, ...]
    upstream: tuple[str, ...] = ()
    partitions: Extent | None = None  # None: it has none
    policy: str | None = None
    partitions_per_run_max: int | None = None  # None: no limit, a run fills a whole range
    timeout_s: float | None = None
    group: str | None = None
    description: str | None = None
    code_location: str | None = None
    statuses: dict[PartitionStatus, int] = {}


@command
def assets(
    invocation: Invocation,
    *,
    history: HistoryOption = False,
    limit: LimitOption = 0,
    as_of: AsOfOption = None,
) -> None:
    """List the assets: their partitions, what they need, and how much of each is filled.

    With --history, the manifests instead: when which code was loaded, or failed to be, and what it changed.
    """
    if history:
        changes = with_records(invocation, manifest_history, as_of=as_of)
        listed = changes[:limit] if limit else changes
        more = len(changes) - len(listed)
        invocation.output.table(listed, HISTORY_COLUMNS, empty="No code has been loaded yet.", more=more)
        return

    async def read(records: Records) -> tuple[list[AssetRow], str]:
        records.need_all_facts("how assets stand")
        world = await records.world()
        return rows_of(world, records.now()), nothing_text(world)

    rows, empty = with_records(invocation, read, as_of=as_of)
    shown = rows[:limit] if limit else rows
    columns = [column for column in ASSET_COLUMNS if column is not TIMEOUT or any(map(timeout_text, shown))]
    invocation.output.table(shown, columns, empty=empty, more=len(rows) - len(shown))


def rows_of(world: World, now: datetime) -> list[AssetRow]:
    """All assets, upstream first, and the external ones in front."""
    catalog, known = world.catalog, world.statuses(now)
    rows = [
        AssetRow(
            asset=key,
            external=True,
            downstream=tuple(
                other for other, node in catalog.assets.items() if any(dep.asset == key for dep in node.deps)
            ),
        )
        for key in sorted(catalog.external)
    ]
    for key, node in catalog.assets.items():
        partitions = partitions_at(node.definition, now)
        by_status = known.get(key, AssetStatus()).by_status(partitions.all())
        extent = None
        if node.definition is not None:
            count = len(partitions)
            ends = (partitions.key(0), partitions.key(count - 1)) if count else (None, None)
            extent = Extent(count, *ends)
        rows.append(
            AssetRow(
                asset=key,
                external=False,
                downstream=catalog.downstream(key),
                upstream=tuple(dep.asset for dep in node.deps),
                partitions=extent,
                policy=node.policy_text if extent is not None else "one run",
                partitions_per_run_max=node.partitions_per_run_max,
                timeout_s=node.timeout_s,
                group=node.group,
                description=node.description,
                code_location=node.code_location,
                statuses={status: len(ordinals) for status, ordinals in by_status.items()},
            )
        )
    return rows


def nothing_text(world: World) -> str:
    """Why there are no assets."""
    failed = [name for name, state in world.known.not_loaded.items() if state.failure is not None]
    if failed:
        names = ", ".join(failed)
        return f"No assets: {names} failed to load. `backfilld log --type DefinitionsFailed` says why."
    return "No assets: no code has been loaded yet; `backfilld up CODE` loads it."


def extent_text(row: AssetRow) -> str:
    """The partitions from the first to the last."""
    match row:
        case AssetRow(external=True):
            return "external"
        case AssetRow(partitions=None):
            return "none"
        case AssetRow(partitions=Extent(count=0)):
            return "none yet"
        case AssetRow(partitions=Extent() as extent):
            return f"{extent.first}...{extent.last}"
    return ""


def materialized_text(row: AssetRow) -> str | None:
    """How many partitions are materialized, of how many."""
    if row.external:
        return None
    return f"{row.statuses['materialized']:,}/{sum(row.statuses.values()):,}"


def fills_text(row: AssetRow) -> str | None:
    """How many partitions a run fills."""
    if row.partitions is None:
        return None
    return "a range" if row.partitions_per_run_max is None else f"{row.partitions_per_run_max:,}"


def rest_text(row: AssetRow) -> str:
    """The partitions that are not materialized, by status."""
    counts = ((status, count) for status, count in row.statuses.items() if status != "materialized")
    return "\n".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts if count)


def timeout_text(row: AssetRow) -> str | None:
    """How long its part in a run may take."""
    return None if row.timeout_s is None else duration_text(row.timeout_s)


TIMEOUT = Column("may take", timeout_text, justify="right")  # left out where nothing has a limit
ASSET_COLUMNS = [
    Column("asset", lambda row: row.asset, style="bold"),
    Column("partitions", extent_text),
    Column("materialized", materialized_text, justify="right", style=status_style("materialized")),
    Column("else", rest_text, style="yellow"),
    Column("a run fills", fills_text),
    TIMEOUT,
    Column("needs", lambda row: "\n".join(row.upstream)),
    Column("code", lambda row: row.code_location, style="dim"),
]
