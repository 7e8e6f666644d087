"""`backfilld amend`: what of a backfill is changed while it is under way."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from daemon.amending import Amending, Amendment
from daemon.amending import amend as decide_amend
from daemon.cli.errors import UsageError
from daemon.cli.fact_text import amendments, ranges_text
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.launch import IdArgument, ReasonOption
from daemon.cli.output import Format
from daemon.cli.records import Records, with_records
from daemon.cli.typed import NONE, hours_typed
from daemon.refusal import Refused
from events.facts import Fact, PartitionKeys, RunOrder
from projections.backfill.state import Backfill
from projections.world import World

RUNS_TOLD_MAX = 3


class Order(StrEnum):
    """The orders as they are typed."""

    OLDEST_FIRST = "oldest-first"
    NEWEST_FIRST = "newest-first"
    RANDOM = "random"

    @property
    def of_runs(self) -> RunOrder:
        """As facts have it."""
        match self:
            case Order.OLDEST_FIRST:
                return "oldest_first"
            case Order.NEWEST_FIRST:
                return "newest_first"
            case Order.RANDOM:
                return "random"


MaxConcurrentOption = Annotated[
    str | None,
    typer.Option(
        "--max-concurrent",
        metavar="N|none",
        help="At most N runs of it at the same time; none: only the daemon's own limit.",
        show_default=False,
    ),
]
OrderOption = Annotated[
    Order | None,
    typer.Option("--order", help="Which of its runs that are ready go first.", show_default=False),
]
PriorityOption = Annotated[
    int | None,
    typer.Option(
        "--priority",
        metavar="N",
        help="Before other backfills of a lower one; may be negative.",
        show_default=False,
    ),
]
RetriesOption = Annotated[
    str | None,
    typer.Option(
        "--retries",
        metavar="N|none",
        help="Of a run that fails from now on: at most N, whatever its assets' retry policies say; none: as "
        "those say.",
        show_default=False,
    ),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--only-between",
        metavar="HOURS|none",
        help="Launch its runs only at these hours: '22:00-06:00 Europe/Berlin'; none: at any hour.",
        show_default=False,
    ),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="ASSET[=TEXT]",
        help="Do not fill these partitions, 'a=2024-01-05, 2024-02-*', or nothing more of an asset, 'a'. "
        "Again for others.",
        show_default=False,
    ),
]


@database_command
def amend(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    max_concurrent: MaxConcurrentOption = None,
    order: OrderOption = None,
    priority: PriorityOption = None,
    retries: RetriesOption = None,
    only_between: HoursOption = None,
    drop: DropOption = None,
    reason: ReasonOption = None,
) -> None:
    """Change a backfill while it is under way. What is not given stays as it is.

    What is dropped is canceled in this backfill, and what needs it is skipped. Only what was not launched yet
    can be dropped: `run cancel` ends a run, and `cancel` the whole backfill.

    backfilld amend k3v9x2ab --max-concurrent 2 --reason 'leave room'

    backfilld amend k3v9x2ab --drop 'orders=[2024-01-01...2024-01-31]' --order newest-first
    """
    wanted = Amendment(
        reason=reason,
        max_concurrent_runs=number_or_none("--max-concurrent", max_concurrent, at_least=1),
        order=None if order is None else order.of_runs,
        priority=priority,
        retries_max=number_or_none("--retries", retries, at_least=0),
        only_between=hours_typed(only_between, or_none=True),
        drops=tuple(drop or ()),
    )
    if wanted == Amendment(reason=reason):
        raise UsageError(
            "what changes? Give --max-concurrent, --order, --priority, --retries, --only-between or --drop."
        )
    amending, backfill = with_records(invocation, lambda records: recorded(records, backfill_id, wanted))
    invocation.output.value(
        amended_value(backfill, amending), lambda console: show(console, backfill, amending)
    )
    if invocation.output.form is Format.TEXT:
        for note in notes(amending):
            invocation.output.note(note, style="yellow")


def number_or_none(option: str, typed: str | None, *, at_least: int) -> int | Literal["none"] | None:
    """The number that was typed, or that there is to be none.

    :raises UsageError: it is neither.
    """
    if typed is None:
        return None
    if typed.strip().lower() == NONE:
        return "none"
    try:
        number = int(typed)
    except ValueError:
        number = at_least - 1
    if number < at_least:
        raise UsageError(f"{option} takes a number from {at_least} on, or none, and not {typed!r}.")
    return number


async def recorded(records: Records, backfill_id: str, wanted: Amendment) -> tuple[Amending, Backfill]:
    """What was changed, and the backfill as it is then.

    :raises RefusedError: it makes no sense.
    """
    world = await records.world()
    latest: list[Amending] = []

    def decide(at_head: World) -> tuple[Fact, ...] | Refused:
        answer = decide_amend(at_head, backfill_id, wanted)
        if isinstance(answer, Refused):
            return answer
        latest.append(answer)
        return () if answer.fact is None else (answer.fact,)

    await records.record(world, backfill_id, decide)
    backfill = world.backfill(backfill_id)
    assert backfill is not None, "what was decided about a backfill is refused where there is none"
    return latest[-1], backfill


def amended_value(backfill: Backfill, amending: Amending) -> dict[str, Any]:
    """The backfill as it is now, as JSON."""
    return {
        "id": backfill.id,
        "status": backfill.status,
        "changed": amending.fact is not None,
        "max_concurrent_runs": backfill.max_concurrent_runs,
        "order": backfill.order,
        "priority": backfill.priority,
        "retries_max": backfill.retries_max,
        "only_between": backfill.only_between,
        "dropped": {} if amending.fact is None else amending.fact.dropped,
        "under_way": amending.under_way,
        "runs_under_way": amending.runs_under_way,
        "settled": amending.settled,
    }


def show(console: Console, backfill: Backfill, amending: Amending) -> None:
    """Prints what was changed."""
    told = "stays as it is: nothing of this changes it"
    if amending.fact is not None:
        told = f"is amended: {amendments(amending.fact)}"
    console.print(f"Backfill {backfill.id} {told}.", soft_wrap=True)


def notes(amending: Amending) -> list[str]:
    """What was to be dropped and is not, and why."""
    told = []
    if amending.under_way:
        runs = ", ".join(amending.runs_under_way[:RUNS_TOLD_MAX])
        more = ", …" if len(amending.runs_under_way) > RUNS_TOLD_MAX else ""
        told.append(
            f"Not dropped, since it is under way: {keys_text(amending.under_way)}. `backfilld run cancel` "
            f"ends a run ({runs}{more})."
        )
    if amending.settled:
        told.append(f"Not dropped, since nothing more will be done: {keys_text(amending.settled)}.")
    return told


def keys_text(keys: dict[str, PartitionKeys | None]) -> str:
    """The partitions of each asset."""
    return "; ".join(
        asset if partitions is None else f"{asset} {ranges_text(partitions)}"
        for asset, partitions in keys.items()
    )
