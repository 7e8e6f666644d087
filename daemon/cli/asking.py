"""The options of `plan` and `launch`: a selection of assets, and which of their partitions."""

from typing import Annotated

import typer

PARTITIONS_PANEL = "Which partitions, exactly one of these"
PLAN_PANEL = "What the plan must be like"

SelectionArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTION",
        help="Assets: a name; '*a' (or +a, 2+a) with all (or the next) it needs, 'a*' with what needs it; "
        "group:g; tag:k=v; '*' for all; or a job's name.",
        show_default=False,
    ),
]
PartitionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help="Those of the most upstream assets: '2024-01-05, [2024-02-01...2024-02-29], 2024-03-*'. Or "
        "those of one asset, 'a=2024-01-05', and again for others.",
        rich_help_panel=PARTITIONS_PANEL,
        show_default=False,
    ),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="All that exist now.", rich_help_panel=PARTITIONS_PANEL)
]
MissingOption = Annotated[
    bool,
    typer.Option(
        "--missing",
        help="Those never materialized; with --failed those too.",
        rich_help_panel=PARTITIONS_PANEL,
    ),
]
FailedOption = Annotated[
    bool,
    typer.Option("--failed", help="Those that failed or were skipped.", rich_help_panel=PARTITIONS_PANEL),
]
RootOption = Annotated[
    list[str] | None,
    typer.Option(
        "--root",
        metavar="ASSET=WHICH",
        help="Of one of the most upstream assets, and what is downstream of it: all, missing, failed, "
        "failed_and_missing or latest. Repeatable; the others take --partitions ASSET=TEXT.",
        rich_help_panel=PARTITIONS_PANEL,
    ),
]
LatestOption = Annotated[
    bool,
    typer.Option(
        "--latest",
        help="The newest of the most upstream assets, and what follows from it.",
        rich_help_panel=PARTITIONS_PANEL,
    ),
]


StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse a plan that leaves out any of the selection.",
        rich_help_panel=PLAN_PANEL,
    ),
]
RequireUpstreamOption = Annotated[
    bool,
    typer.Option(
        "--require-upstream",
        help="Refuse a plan that needs partitions upstream that were never materialized.",
        rich_help_panel=PLAN_PANEL,
    ),
]
WithUpstreamOption = Annotated[
    bool,
    typer.Option(
        "--with-upstream",
        help="Fill such partitions too, however far upstream.",
        rich_help_panel=PLAN_PANEL,
    ),
]


ORDER_PANEL = "In which order, and when"

NewestFirstOption = Annotated[
    bool, typer.Option("--newest-first", help="Launch the newest first.", rich_help_panel=ORDER_PANEL)
]
RandomOption = Annotated[
    bool, typer.Option("--random", help="Launch in an order of chance.", rich_help_panel=ORDER_PANEL)
]
PriorityOption = Annotated[
    int,
    typer.Option(
        "--priority",
        metavar="N",
        help="Before backfills of a lower one, which gain one with each minute they wait; may be negative.",
        rich_help_panel=ORDER_PANEL,
    ),
]
OnlyBetweenOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS",
        help="Launch runs only at these hours: '22:00-06:00 Europe/Berlin'.",
        rich_help_panel=ORDER_PANEL,
        show_default=False,
    ),
]

TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="NAME=VALUE",
        help="A tag of the backfill, to find it by. Again for others; those of a job are kept.",
        show_default=False,
    ),
]
