"""`backfilld launch`: a plan made and recorded as a request, which a daemon then carries out."""

import secrets
import string
from typing import Annotated, Any

import typer
from rich.console import Console

from daemon.cli.asking import (
    AllOption,
    FailedOption,
    MissingOption,
    PartitionsOption,
    SelectionArgument,
    choice_of,
    planned,
)
from daemon.cli.errors import ExitCode
from daemon.cli.fact_text import counted
from daemon.cli.following import display_on, end_text, exit_code, follow, left_running_text
from daemon.cli.invocation import Invocation, command
from daemon.cli.output import Format, Output
from daemon.cli.plan import show_remarks
from daemon.cli.records import Records, with_records
from daemon.planning.planned import Ask, PlannedBackfill
from events.facts import BackfillRequested
from projections.backfill.state import Backfill
from projections.catalog import Catalog
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
WaitOption = Annotated[
    bool,
    typer.Option("--wait", "-w", help="Show its progress until it ends; exit with 1 if it does not succeed."),
]


@command
def launch(
    invocation: Invocation,
    selection: SelectionArgument,
    *,
    partitions: PartitionsOption = None,
    all_: AllOption = False,
    missing: MissingOption = False,
    failed: FailedOption = False,
    reason: ReasonOption = None,
    max_concurrent: MaxConcurrentOption = None,
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
    )
    launching = Launching(invocation.output, ask, wait=wait)
    try:
        status = with_records(invocation, launching.run)
    except KeyboardInterrupt:
        status = launching.interrupted()
    raise typer.Exit(status)


class Launching:
    """One launch: planned, recorded, told, and followed where that is wanted."""

    def __init__(self, output: Output, ask: Ask, *, wait: bool) -> None:
        self._output = output
        self._ask = ask
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
        found = await request(records, world, self._ask, self.backfill_id)
        self._is_recorded = True
        # One JSON value holds what is known at its end.
        if not (self._wait and self._output.form is Format.JSON):
            self._tell(found)
        if not await records.is_served():
            self._output.note(
                "No daemon runs: it will begin when one does, with `backfilld up`.", style="yellow"
            )
        if not self._wait:
            return ExitCode.OK
        with display_on(self._output) as display:
            ended = await follow(records, world, self.backfill_id, display)
        self._tell_end(found, ended)
        return exit_code(ended)

    def _tell(self, found: PlannedBackfill) -> None:
        def show(console: Console) -> None:
            console.print(
                f"Backfill {self.backfill_id} is launched: {counted(found.runs_total, 'run')} for "
                f"{', '.join(found.targets)}."
            )
            show_remarks(console, found)

        self._output.value(launched_value(self.backfill_id, "running", found), show)
        if not self._wait and self._output.form is Format.TEXT:
            self._output.note(f"`backfilld status {self.backfill_id} --watch` follows it.")

    def _tell_end(self, found: PlannedBackfill, ended: Backfill) -> None:
        self._output.value(
            launched_value(self.backfill_id, ended.status, found),
            lambda console: console.print(end_text(ended)),
        )


async def request(records: Records, world: World, ask: Ask, backfill_id: str) -> PlannedBackfill:
    """The plan that was recorded as a request. The world then holds the backfill.

    :raises RefusedError: there is no such plan.
    """
    latest: list[tuple[PlannedBackfill, Catalog]] = []

    def decide(at_head: World) -> tuple[BackfillRequested]:
        if not (latest and still_holds(*latest[-1], at_head)):
            latest.append((planned(at_head, ask, records.clock.now()), at_head.catalog))
        return (latest[-1][0].request(at_head.known.manifests),)

    await records.record(world, backfill_id, decide)
    return latest[-1][0]


def still_holds(found: PlannedBackfill, planned_with: Catalog, at_head: World) -> bool:
    """Whether planning again, after more facts, would give the same runs.

    Without this, a plan that takes long to make would never be recorded while a daemon is busy.
    """
    return planned_with is at_head.catalog and found.ask.choice not in {"missing", "failed"}


def new_backfill_id() -> str:
    """Eight random letters and digits: 2.8e12 of them."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


def launched_value(backfill_id: str, status: str, found: PlannedBackfill) -> dict[str, Any]:
    """A launched backfill as JSON."""
    plan = found.listed(1)
    return {
        "id": backfill_id,
        "status": status,
        **{key: plan[key] for key in ("digest", "runs_total", "targets", "warnings", "left_out")},
    }
