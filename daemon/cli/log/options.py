"""The options of `backfilld log`, as they are typed."""

from typing import Annotated

import typer

from daemon.operations.fields import meaning_of
from daemon.operations.log.listing import LogQuestion

BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help=meaning_of(LogQuestion, "backfill"), show_default=False),
]
RunOption = Annotated[
    str | None, typer.Option("--run", metavar="ID", help=meaning_of(LogQuestion, "run"), show_default=False)
]
AssetOption = Annotated[
    str | None,
    typer.Option(
        "--asset",
        metavar="ASSET",
        help=meaning_of(LogQuestion, "asset"),
        show_default=False,
    ),
]
PartitionsOption = Annotated[
    str | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help=meaning_of(LogQuestion, "partitions"),
        show_default=False,
    ),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="FACT",
        help=meaning_of(LogQuestion, "type"),
        show_default=False,
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option("--actor", metavar="WHO", help=meaning_of(LogQuestion, "actor"), show_default=False),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help=meaning_of(LogQuestion, "since"),
        show_default=False,
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help=meaning_of(LogQuestion, "until"), show_default=False),
]
FromOption = Annotated[
    int | None,
    typer.Option(
        "--from", min=1, metavar="POSITION", help=meaning_of(LogQuestion, "first"), show_default=False
    ),
]
ToOption = Annotated[
    int | None,
    typer.Option("--to", min=1, metavar="POSITION", help=meaning_of(LogQuestion, "last"), show_default=False),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help=meaning_of(LogQuestion, "text"),
        show_default=False,
    ),
]
OrderOption = Annotated[
    bool | None,
    typer.Option(
        "--newest-first/--oldest-first",
        help=meaning_of(LogQuestion, "newest_first"),
        show_default=False,
    ),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new facts as they come.")]
