"""The commands `audit ASSET` and `audit backfill ID`."""

from typing import Annotated

import typer

from daemon.cli.audit.finding import facts_about
from daemon.cli.audit.forms import ListFormat
from daemon.cli.audit.listing import writing
from daemon.cli.errors import RefusedError
from daemon.cli.invocation import Invocation, command
from daemon.cli.partitions import AssetArgument, no_asset_text
from daemon.cli.records import Records, with_records
from daemon.cli.show_or_command import ShowOrCommand
from projections.audit.asked import asked_of, is_known
from projections.audit.attempts import Attempts

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
