"""The options of `plan` and `launch`: a selection of assets, and which of their partitions."""

from typing import Annotated

import typer

from daemon.operations.fields import meaning_of
from daemon.operations.planning import Wanted

PARTITIONS_PANEL = "Which partitions, exactly one of these"
PLAN_PANEL = "What the plan must be like"

SelectionArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTION",
        help=meaning_of(Wanted, "selection"),
        show_default=False,
    ),
]
PartitionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--partitions",
        metavar="TEXT",
        help=meaning_of(Wanted, "partitions"),
        rich_help_panel=PARTITIONS_PANEL,
        show_default=False,
    ),
]
AllOption = Annotated[
    bool, typer.Option("--all", help=meaning_of(Wanted, "all"), rich_help_panel=PARTITIONS_PANEL)
]
MissingOption = Annotated[
    bool,
    typer.Option(
        "--missing",
        help=meaning_of(Wanted, "missing"),
        rich_help_panel=PARTITIONS_PANEL,
    ),
]
FailedOption = Annotated[
    bool,
    typer.Option("--failed", help=meaning_of(Wanted, "failed"), rich_help_panel=PARTITIONS_PANEL),
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
        help=meaning_of(Wanted, "latest"),
        rich_help_panel=PARTITIONS_PANEL,
    ),
]


StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help=meaning_of(Wanted, "strict"),
        rich_help_panel=PLAN_PANEL,
    ),
]
RequireUpstreamOption = Annotated[
    bool,
    typer.Option(
        "--require-upstream",
        help=meaning_of(Wanted, "require_upstream"),
        rich_help_panel=PLAN_PANEL,
    ),
]
WithUpstreamOption = Annotated[
    bool,
    typer.Option(
        "--with-upstream",
        help=meaning_of(Wanted, "with_upstream"),
        rich_help_panel=PLAN_PANEL,
    ),
]


ORDER_PANEL = "In which order, and when"

NewestFirstOption = Annotated[
    bool, typer.Option("--newest-first", help=meaning_of(Wanted, "newest_first"), rich_help_panel=ORDER_PANEL)
]
RandomOption = Annotated[
    bool, typer.Option("--random", help=meaning_of(Wanted, "random"), rich_help_panel=ORDER_PANEL)
]
PriorityOption = Annotated[
    int,
    typer.Option(
        "--priority",
        metavar="N",
        help=meaning_of(Wanted, "priority"),
        rich_help_panel=ORDER_PANEL,
    ),
]
OnlyBetweenOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS",
        help=meaning_of(Wanted, "only_between"),
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
