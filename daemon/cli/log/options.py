"""The options of `backfilld log`, as they are typed."""

from typing import Annotated

import typer

BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help="Only what is about this backfill.", show_default=False),
]
RunOption = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Only what is about this run.", show_default=False)
]
AssetOption = Annotated[
    str | None,
    typer.Option(
        "--asset",
        metavar="ASSET",
        help="Only what is about this asset: backfills that fill it, and what their runs do to it.",
        show_default=False,
    ),
]
PartitionsOption = Annotated[
    str | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help="With --asset, only what touches these: '2024-01-05, [2024-02-01...2024-02-29]'.",
        show_default=False,
    ),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="FACT",
        help="Only facts of this type, such as RunFailed; may be repeated.",
        show_default=False,
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--actor", metavar="WHO", help="Only what this one said: ada@office, or daemon.", show_default=False
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Begin at this time: 2024-03-01T12:00 (UTC), or 2h for two hours ago.",
        show_default=False,
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Only what happened before this time.", show_default=False),
]
FromOption = Annotated[
    int | None,
    typer.Option("--from", min=1, metavar="POSITION", help="Begin at this position.", show_default=False),
]
ToOption = Annotated[
    int | None,
    typer.Option("--to", min=1, metavar="POSITION", help="End with this position.", show_default=False),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Only facts whose JSON has this text, in either case. Looks through all that the other "
        "options leave.",
        show_default=False,
    ),
]
OrderOption = Annotated[
    bool | None,
    typer.Option(
        "--newest-first/--oldest-first",
        help="The newest on top, or the first there are. By default the last ones, oldest on top.",
        show_default=False,
    ),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new facts as they come.")]
