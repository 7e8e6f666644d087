"""The commands `audit ASSET` and `audit backfill ID`."""

import sys
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import typer

from daemon.cli.audit.finding import facts_about
from daemon.cli.audit.forms import ListFormat, PageFormat
from daemon.cli.audit.html_page import html_page
from daemon.cli.audit.listing import writing
from daemon.cli.audit.markdown_page import markdown_page
from daemon.cli.audit.page import page_of
from daemon.cli.errors import RefusedError
from daemon.cli.invocation import Invocation, command
from daemon.cli.launch import IdArgument
from daemon.cli.output import Format, compact, pretty
from daemon.cli.partitions import AssetArgument, no_asset_text
from daemon.cli.records import Records, sentence, with_records
from daemon.cli.show_or_command import ShowOrCommand
from daemon.commands import find_backfill
from daemon.planning.selection import select
from daemon.refusal import Refused
from events.log import Filter, Log, Sealed
from projections.audit.account import BackfillAccount
from projections.audit.accounting import Accounting
from projections.audit.asked import asked_of, is_known
from projections.audit.attempts import Attempts
from projections.backfill.state import Backfill
from projections.world import World

PartitionsOption = Annotated[
    str | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help="Only these: '2024-01-05, [2024-02-01...2024-02-29]'. Those it had once are found too.",
        show_default=False,
    ),
]
ListFormatOption = Annotated[
    ListFormat | None,
    typer.Option(
        "--output",
        "-o",
        help="For people (the default), as one JSON value, as a JSON value a line, or as a table.",
        show_default=False,
    ),
]

PageFormatOption = Annotated[
    PageFormat | None,
    typer.Option(
        "--output",
        "-o",
        help="Markdown (the default), one HTML file that needs nothing else, or JSON.",
        show_default=False,
    ),
]

PAGE_FORMATS = {Format.JSON: PageFormat.JSON, Format.JSONL: PageFormat.JSONL}

app = typer.Typer(
    name="audit", cls=ShowOrCommand, no_args_is_help=True, subcommand_metavar="ASSET | backfill ID"
)


@app.callback()
@command
def audit(_invocation: Invocation) -> None:
    """Tell what was ever done to an asset's partitions, as `audit ASSET`; or all of a backfill on one page.

    backfilld audit daily_sales --partitions 2024-01-05

    backfilld audit backfill k3v9x2ab -o html > page.html
    """


@app.command("show")
@command
def show(
    invocation: Invocation,
    asset: AssetArgument,
    *,
    partitions: PartitionsOption = None,
    output: ListFormatOption = None,
) -> None:
    """Tell every attempt at partitions of an asset, oldest first: what filled them, and what did not.

    When, by which run, asked for by whom and why, with which policy, code version and manifest; the metadata
    it reported or the error it ended with. No daemon need be up.

    backfilld audit daily_sales --partitions '[2024-01-01...2024-01-31]' -o csv > january.csv
    """
    form = output or ListFormat(invocation.output.form.value)

    async def tell(records: Records) -> int:
        records.need_all_facts("all attempts at an asset")
        world = await records.world()
        if not is_known(world, asset):
            raise RefusedError(no_asset_text(world, asset))
        asked = asked_of(world, asset, partitions, records.clock.now())
        attempts = Attempts(world, asked)
        count = 0
        with writing(form, asset) as write:
            async for recorded in facts_about(records, asked, upto=world.position):
                for attempt in attempts.told(recorded):
                    write(attempt)
                    count += 1
        return count

    if not with_records(invocation, tell) and form is ListFormat.TEXT:
        those = f"{asset}" if partitions is None else f"these partitions of {asset}"
        invocation.output.note(f"No run ever tried to fill {those}.")


@app.command("backfill")
@command
def backfill(invocation: Invocation, backfill_id: IdArgument, *, output: PageFormatOption = None) -> None:
    """Write one page about a backfill: who asked for what and why, and what came of it.

    Plan, changes under way, outcome, timeline, time spent, failures, who did what, code versions and
    manifests, and where it stands in the log.

    backfilld audit backfill k3v9x2ab -o html > page.html
    """

    async def call(records: Records) -> BackfillAccount:
        world = await records.world()
        found = find_backfill(world, backfill_id)
        if isinstance(found, Refused):
            raise RefusedError(sentence(found))
        return await account_of(records.log, world, found, records.clock.now())

    form = output or PAGE_FORMATS.get(invocation.output.form, PageFormat.MARKDOWN)
    account = with_records(invocation, call)
    match form:
        case PageFormat.MARKDOWN:
            sys.stdout.write(markdown_page(page_of(account)))
        case PageFormat.HTML:
            sys.stdout.write(html_page(page_of(account)))
        case PageFormat.JSON:
            sys.stdout.write(f"{pretty(account).decode()}\n")
        case PageFormat.JSONL:
            sys.stdout.write(f"{compact(account).decode()}\n")


async def account_of(log: Log, world: World, found: Backfill, now: datetime) -> BackfillAccount:
    """The account of a backfill, of all facts about it that the world knows."""
    accounting = Accounting(world, found)
    about_it = Filter(backfill_id=found.id)
    async with aclosing(log.read(upto=world.position, matching=about_it)) as batches:
        async for batch in batches:
            for recorded in batch:
                accounting.told(recorded)
    head, digest = await log.head_digest() if isinstance(log, Sealed) else (world.position, None)
    return accounting.account(now=now, head=head, head_digest=digest, left_out=left_out(world, found))


def left_out(world: World, found: Backfill) -> tuple[str, ...]:
    """The assets that the backfill's selection names and its plan does not have."""
    selected = select(world.catalog_for(found), found.request.selection)
    if isinstance(selected, Refused):
        return ()
    planned = {asset for group in found.request.groups for asset in group.assets}
    return tuple(asset for asset in selected.assets if asset not in planned)
