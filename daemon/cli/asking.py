"""What is asked for in `plan` and `launch`: a selection of assets, and which of their partitions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.records import sentence
from daemon.planning.choice import Choice, RangeText, choice_text, without_text
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import Ask, PlannedBackfill, plan_backfill
from daemon.refusal import Refused
from events.facts import RunOrder
from projections.world import World

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


def order_of(*, newest_first: bool, random: bool) -> RunOrder:
    """The order that was asked for.

    :raises UsageError: two were.
    """
    if newest_first and random:
        raise UsageError("--newest-first and --random exclude each other; give one of them.")
    return "newest_first" if newest_first else "random" if random else "oldest_first"


def choice_of(partitions: Sequence[str] | None, **by_status: bool) -> Choice:
    """Which partitions are meant.

    :raises UsageError: it is not said, or said twice.
    """
    chosen = without_text([name for name, is_given in by_status.items() if is_given])
    if partitions and not chosen:
        return RangeText(tuple(partitions))
    if len(chosen) == 1 and not partitions:
        return chosen[0]
    given = [*(["--partitions"] if partitions else []), *(choice_text(choice) for choice in chosen)]
    if given:
        raise UsageError(f"{' and '.join(given)} exclude each other; give one of them.")
    raise UsageError(
        "which partitions? Give --partitions TEXT, such as '[2024-01-01...2024-01-31]', or --all, --missing, "
        "--failed or --latest."
    )


def tags_typed(texts: Sequence[str] | None) -> dict[str, str]:
    """The tags that are meant by ``k=v`` texts.

    :raises UsageError: one of them is no such text, or a name comes twice.
    """
    tags: dict[str, str] = {}
    for text in texts or ():
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise UsageError(f"--tag takes NAME=VALUE, and not {text!r}.")
        if name in tags:
            raise UsageError(f"--tag {name}= is given twice; a tag has one value.")
        tags[name] = value
    return tags


def planned(world: World, ask: Ask, now: datetime) -> PlannedBackfill:
    """The plan for what is asked, among the partitions that exist now.

    :raises RefusedError: it makes no sense, or there are no definitions to plan with.
    """
    if not world.known.manifests:
        raise RefusedError("no definitions have been loaded yet; `backfilld up CODE` loads them.")
    answer = plan_backfill(world.catalog, world.statuses(now), ask, now)
    if isinstance(answer, Refused):
        raise RefusedError(sentence(answer))
    return with_overlaps(world, answer)
