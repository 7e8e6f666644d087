"""`backfilld assets`: what is declared, and what is filled of it."""

from typing import Annotated

import typer

from daemon.cli.history import HISTORY_COLUMNS
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import ask
from daemon.cli.output import Column, status_style
from daemon.cli.typed import AsOfOption
from daemon.operations.assets import AssetRow, Extent
from daemon.operations.assets import assets as list_assets
from daemon.operations.manifests import manifests
from daemon.operations.operation import ListQuestion
from daemon.time_text import duration_text

HistoryOption = Annotated[bool, typer.Option("--history", help="Show the manifests over time, newest first.")]


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
    asked = ListQuestion(limit=limit, as_of=as_of)
    if history:
        changes = ask(invocation, manifests, asked)
        invocation.output.page(changes, HISTORY_COLUMNS, empty="No code has been loaded yet.")
        return
    found = ask(invocation, list_assets, asked)
    columns = [
        column for column in ASSET_COLUMNS if column is not TIMEOUT or any(map(timeout_text, found.items))
    ]
    more = (found.total or 0) - len(found.items)
    invocation.output.table(found.items, columns, empty=found.why_none or "", more=more)


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
