"""`backfilld launch`: a plan made and recorded as a request, which a daemon then carries out."""

import secrets
import string
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from daemon.cli.asking import (
    AllOption,
    FailedOption,
    MissingOption,
    NewestFirstOption,
    OnlyBetweenOption,
    PartitionsOption,
    PriorityOption,
    RandomOption,
    RequireUpstreamOption,
    SelectionArgument,
    StrictOption,
    WithUpstreamOption,
    choice_of,
    order_of,
    planned,
)
from daemon.cli.errors import ExitCode
from daemon.cli.fact_text import counted
from daemon.cli.following import display_on, end_text, exit_code, follow, left_running_text
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.not_loaded import waiting_text
from daemon.cli.output import Format, Output
from daemon.cli.plan import show_remarks
from daemon.cli.records import Records, with_records
from daemon.cli.typed import hours_typed
from daemon.commands import find_backfill
from daemon.planning.planned import Ask, PlannedBackfill
from daemon.planning.retrying import ask_retry
from daemon.refusal import Refused
from events.facts import BackfillRequested
from projections.backfill.state import Backfill
from projections.catalog import Catalog
from projections.held import waits_for
from projections.world import World

ID_LETTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 8

ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why, for the record.", show_default=False),
]
MaxConcurrentOption = Annotated[
    int | None,
    typer.Option(
        "--max-concurrent",
        min=1,
        metavar="N",
        help="At most N runs of it at the same time.",
        show_default=False,
    ),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A backfill.")]
WaitOption = Annotated[
    bool,
    typer.Option("--wait", "-w", help="Show its progress until it ends; exit with 1 if it does not succeed."),
]

Asked = Callable[[World, datetime], Ask | Refused]


@database_command
def launch(
    invocation: Invocation,
    selection: SelectionArgument,
    *,
    partitions: PartitionsOption = None,
    all_: AllOption = False,
    missing: MissingOption = False,
    failed: FailedOption = False,
    strict: StrictOption = False,
    require_upstream: RequireUpstreamOption = False,
    with_upstream: WithUpstreamOption = False,
    reason: ReasonOption = None,
    max_concurrent: MaxConcurrentOption = None,
    newest_first: NewestFirstOption = False,
    random: RandomOption = False,
    priority: PriorityOption = 0,
    only_between: OnlyBetweenOption = None,
    wait: WaitOption = False,
) -> None:
    """Launch a backfill and print its id. Works while no daemon runs: it is then begun by the next one.

    backfilld launch daily_sales --partitions '[2024-03-01...2024-03-31]' --reason 'late files' --wait

    backfilld launch '*report' --missing --max-concurrent 4
    """
    ask = Ask(
        selection=tuple(selection),
        choice=choice_of(partitions, all=all_, missing=missing, failed=failed),
        reason=reason,
        max_concurrent_runs=max_concurrent,
        order=order_of(newest_first=newest_first, random=random),
        priority=priority,
        only_between=hours_typed(only_between),
        strict=strict,
        require_upstream=require_upstream,
        with_upstream=with_upstream,
    )
    carry_out(invocation, lambda *_: ask, wait=wait)


@database_command
def retry(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    reason: ReasonOption = None,
    wait: WaitOption = False,
) -> None:
    """Launch a successor of a backfill that has ended, over all that failed, was skipped or was canceled.

    It has the same concurrency, order, priority and tags, names its parent, and is planned with the code as
    it is now.

    backfilld retry k3v9x2ab --reason 'file has come' --wait
    """

    def asked(world: World, now: datetime) -> Ask | Refused:
        backfill = find_backfill(world, backfill_id)
        return backfill if isinstance(backfill, Refused) else ask_retry(world, backfill, reason, now)

    carry_out(invocation, asked, wait=wait)


def carry_out(invocation: Invocation, asked: Asked, *, wait: bool) -> None:
    """Launch what is asked for, and end the command."""
    launching = Launching(invocation.output, asked, wait=wait)
    try:
        status = with_records(invocation, launching.run)
    except KeyboardInterrupt:
        status = launching.interrupted()
    raise typer.Exit(status)


class Launching:
    """One launch: planned, recorded, told, and followed where that is wanted."""

    def __init__(self, output: Output, asked: Asked, *, wait: bool) -> None:
        self._output = output
        self._asked = asked
        self._wait = wait
        self._is_recorded = False
        self.backfill_id = new_backfill_id()

    def interrupted(self) -> ExitCode:
        """What the command exits with after Ctrl-C; whether anything was launched is said."""
        if self._is_recorded:
            self._output.note(left_running_text(self.backfill_id))
        return ExitCode.INTERRUPTED

    async def run(self, records: Records) -> ExitCode:
        """What the command exits with."""
        world = await records.world()
        found = await request(records, world, self._asked, self.backfill_id)
        self._is_recorded = True
        # One JSON value holds what is known at its end.
        if not (self._wait and self._output.form is Format.JSON):
            self._tell(found)
        if not await records.is_served():
            self._output.note(
                "No daemon runs: it will begin when one does, with `backfilld up`.", style="yellow"
            )
        if not self._wait:
            self._tell_of_waiting(world)
            return ExitCode.OK
        with display_on(self._output) as display:
            ended = await follow(records, world, self.backfill_id, display)
        self._tell_end(found, ended)
        return exit_code(ended)

    def _tell(self, found: PlannedBackfill) -> None:
        def show(console: Console) -> None:
            console.print(
                f"Backfill {self.backfill_id} is launched: {counted(found.runs_total, 'run')} for "
                f"{', '.join(found.targets)}{retry_text(found.ask)}."
            )
            show_remarks(console, found)

        self._output.value(launched_value(self.backfill_id, "running", found), show)
        if not self._wait and self._output.form is Format.TEXT:
            self._output.note(f"`backfilld status {self.backfill_id} --watch` follows it.")

    def _tell_of_waiting(self, world: World) -> None:
        backfill = world.backfill(self.backfill_id)
        waiting = waiting_text(waits_for(world, backfill)) if backfill is not None else ""
        if waiting:
            self._output.note(f"It goes no further for now, {waiting}.", style="yellow")

    def _tell_end(self, found: PlannedBackfill, ended: Backfill) -> None:
        self._output.value(
            launched_value(self.backfill_id, ended.status, found),
            lambda console: console.print(end_text(ended)),
        )


async def request(records: Records, world: World, asked: Asked, backfill_id: str) -> PlannedBackfill:
    """The plan that was recorded as a request. The world then holds the backfill.

    :raises RefusedError: there is no such plan.
    """
    latest: list[tuple[PlannedBackfill, Catalog]] = []

    def decide(at_head: World) -> tuple[BackfillRequested] | Refused:
        if not (latest and still_holds(*latest[-1], at_head)):
            now = records.clock.now()
            ask = asked(at_head, now)
            if isinstance(ask, Refused):
                return ask
            latest.append((planned(at_head, ask, now), at_head.catalog))
        return (latest[-1][0].request(at_head.known.manifests),)

    await records.record(world, backfill_id, decide)
    return latest[-1][0]


def still_holds(found: PlannedBackfill, planned_with: Catalog, at_head: World) -> bool:
    """Whether planning again, after more facts, would give the same runs.

    Without this, a plan that takes long to make would never be recorded while a daemon is busy.
    """
    ask = found.ask
    follows_statuses = ask.choice in ("missing", "failed") or ask.with_upstream or ask.require_upstream
    return planned_with is at_head.catalog and not follows_statuses


def retry_text(ask: Ask) -> str:
    """Whose successor it is."""
    return f", a retry of {ask.parent_backfill_id}" if ask.parent_backfill_id else ""


def new_backfill_id() -> str:
    """Eight random letters and digits: 2.8e12 of them."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


def launched_value(backfill_id: str, status: str, found: PlannedBackfill) -> dict[str, Any]:
    """A launched backfill as JSON."""
    plan, parent = found.listed(1), found.ask.parent_backfill_id
    return {
        "id": backfill_id,
        "status": status,
        **({"parent_backfill_id": parent} if parent is not None else {}),
        **{key: plan[key] for key in ("digest", "runs_total", "targets", "warnings", "left_out")},
    }
