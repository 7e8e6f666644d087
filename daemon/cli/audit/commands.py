"""The commands `audit ASSET` and `audit backfill ID`."""

import sys
from typing import Annotated

import msgspec
import typer

from daemon.cli.asker import Asker
from daemon.cli.audit.forms import ListFormat, PageFormat
from daemon.cli.audit.html_page import html_page
from daemon.cli.audit.listing import writing
from daemon.cli.audit.markdown_page import markdown_page
from daemon.cli.invocation import Invocation, command
from daemon.cli.launch import IdArgument
from daemon.cli.opening import ask, with_asker, with_records
from daemon.cli.output import Format, compact, pretty
from daemon.cli.partitions import AssetArgument
from daemon.cli.show_or_command import ShowOrCommand
from daemon.operations.audit.asset import AboutAsset, attempts_at
from daemon.operations.audit.asset import audit as audit_asset
from daemon.operations.audit.backfill import AboutBackfill, audit_backfill
from daemon.operations.audit.page import page_of
from daemon.operations.fields import LIMIT_MAX, meaning_of
from daemon.operations.records import Records

PartitionsOption = Annotated[
    str | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help=meaning_of(AboutAsset, "partitions"),
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
        count = 0
        found = await attempts_at(records, asset, partitions)
        with writing(form, asset) as write:
            async for told in found:
                for attempt in told.attempts:
                    write(attempt)
                    count += 1
        return count

    async def tell_elsewhere(asker: Asker) -> int:
        asked = AboutAsset(asset=asset, partitions=partitions, limit=LIMIT_MAX)
        page, count = await asker.ask(audit_asset, asked), 0
        with writing(form, asset) as write:
            while True:
                for attempt in page.items:
                    write(attempt)
                    count += 1
                if page.next is None:
                    return count
                page = await asker.ask(audit_asset, msgspec.structs.replace(asked, cursor=page.next))

    is_here = invocation.url is None
    count = with_records(invocation, tell) if is_here else with_asker(invocation, tell_elsewhere)
    if not count and form is ListFormat.TEXT:
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
    form = output or PAGE_FORMATS.get(invocation.output.form, PageFormat.MARKDOWN)
    account = ask(invocation, audit_backfill, AboutBackfill(backfill_id=backfill_id))
    match form:
        case PageFormat.MARKDOWN:
            sys.stdout.write(markdown_page(page_of(account)))
        case PageFormat.HTML:
            sys.stdout.write(html_page(page_of(account)))
        case PageFormat.JSON:
            sys.stdout.write(f"{pretty(account).decode()}\n")
        case PageFormat.JSONL:
            sys.stdout.write(f"{compact(account).decode()}\n")
