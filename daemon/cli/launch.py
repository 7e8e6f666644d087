"""`backfilld launch`: a plan made and recorded as a request, which a daemon then carries out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import typer
from msgspec import UNSET
from rich.console import Console

from daemon.cli.asker import Asker
from daemon.cli.asking import (
    AllOption,
    FailedOption,
    LatestOption,
    MissingOption,
    NewestFirstOption,
    OnlyBetweenOption,
    PartitionsOption,
    PriorityOption,
    RandomOption,
    RequireUpstreamOption,
    RootOption,
    SelectionArgument,
    StrictOption,
    TagOption,
    WithUpstreamOption,
)
from daemon.cli.errors import ExitCode
from daemon.cli.following import display_on, end_text, exit_code, left_running_text
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.opening import with_asker
from daemon.cli.output import Format, Output
from daemon.cli.plan import show_remarks
from daemon.fact_text import counted
from daemon.not_loaded_text import waiting_text
from daemon.operations.fields import meaning_of
from daemon.operations.launching import LaunchAsked, Launched, RetryAsked
from daemon.operations.launching import launch as launch_it
from daemon.operations.launching import retry as retry_it
from daemon.operations.planning import Wanted, ask_of
from daemon.operations.typed import roots_typed, tags_typed

NOT_TOLD = frozenset({"is_served", "waits_for"})  # in JSON: `status` tells of them

Launch = Callable[[Asker], Awaitable[Launched]]

ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help=meaning_of(Wanted, "reason"), show_default=False),
]
MaxConcurrentOption = Annotated[
    int | None,
    typer.Option(
        "--max-concurrent",
        min=1,
        metavar="N",
        help=meaning_of(Wanted, "max_concurrent"),
        show_default=False,
    ),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help=meaning_of(RetryAsked, "backfill_id"))]
WaitOption = Annotated[
    bool,
    typer.Option("--wait", "-w", help="Show its progress until it ends; exit with 1 if it does not succeed."),
]


@database_command
def launch(
    invocation: Invocation,
    selection: SelectionArgument,
    *,
    partitions: PartitionsOption = None,
    all_: AllOption = False,
    missing: MissingOption = False,
    failed: FailedOption = False,
    latest: LatestOption = False,
    root: RootOption = None,
    strict: StrictOption = False,
    require_upstream: RequireUpstreamOption = False,
    with_upstream: WithUpstreamOption = False,
    reason: ReasonOption = None,
    tag: TagOption = None,
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
    wanted = LaunchAsked(
        selection=tuple(selection),
        partitions=tuple(partitions or ()),
        all=all_,
        missing=missing,
        failed=failed,
        latest=latest,
        roots=roots_typed(root),
        reason=reason,
        max_concurrent=max_concurrent,
        newest_first=newest_first,
        random=random,
        priority=priority,
        only_between=only_between,
        tags=tags_typed(tag),
        strict=strict,
        require_upstream=require_upstream,
        with_upstream=with_upstream,
        as_ranges=invocation.output.form is Format.TEXT,
    )
    ask_of(wanted)  # What makes no sense needs no log to say so.
    carry_out(invocation, lambda asker: asker.ask(launch_it, wanted), wait=wait)


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
    asked = RetryAsked(
        backfill_id=backfill_id, reason=reason, as_ranges=invocation.output.form is Format.TEXT
    )
    carry_out(invocation, lambda asker: asker.ask(retry_it, asked), wait=wait)


def carry_out(invocation: Invocation, launch: Launch, *, wait: bool) -> None:
    """Launch what is asked for, and end the command."""
    launching = Launching(invocation.output, launch, wait=wait)
    try:
        status = with_asker(invocation, launching.run)
    except KeyboardInterrupt:
        status = launching.interrupted()
    raise typer.Exit(status)


class Launching:
    """One launch: done, told, and followed where that is wanted."""

    def __init__(self, output: Output, launch: Launch, *, wait: bool) -> None:
        self._output = output
        self._launch = launch
        self._wait = wait
        self._launched: Launched | None = None

    def interrupted(self) -> ExitCode:
        """What the command exits with after Ctrl-C; whether anything was launched is said."""
        if self._launched is not None:
            self._output.note(left_running_text(self._launched.id))
        return ExitCode.INTERRUPTED

    async def run(self, asker: Asker) -> ExitCode:
        """What the command exits with."""
        launched = self._launched = await self._launch(asker)
        # One JSON value holds what is known at its end.
        if not (self._wait and self._output.form is Format.JSON):
            self._tell(launched)
        if not launched.is_served:
            self._output.note(
                "No daemon runs: it will begin when one does, with `backfilld up`.", style="yellow"
            )
        if not self._wait:
            self._tell_of_waiting(launched)
            return ExitCode.OK
        with display_on(self._output) as display:
            ended = await asker.follow(launched.id, display)
        self._output.value(
            launched_value(launched, ended.status), lambda console: console.print(end_text(ended))
        )
        return exit_code(ended)

    def _tell(self, launched: Launched) -> None:
        def show(console: Console) -> None:
            console.print(
                f"Backfill {launched.id} is launched: {counted(launched.runs_total, 'run')} for "
                f"{', '.join(launched.targets)}{retry_text(launched)}."
            )
            show_remarks(console, launched)

        self._output.value(launched_value(launched, launched.status), show)
        if not self._wait and self._output.form is Format.TEXT:
            self._output.note(f"`backfilld status {launched.id} --watch` follows it.")

    def _tell_of_waiting(self, launched: Launched) -> None:
        if waiting := waiting_text(launched.waits_for):
            self._output.note(f"It goes no further for now, {waiting}.", style="yellow")


def retry_text(launched: Launched) -> str:
    """Whose successor it is."""
    return f", a retry of {launched.parent_backfill_id}" if launched.parent_backfill_id else ""


def launched_value(launched: Launched, status: str) -> dict[str, Any]:
    """A launched backfill as JSON."""
    value = msgspec.structs.asdict(launched) | {"status": status}
    return {name: each for name, each in value.items() if name not in NOT_TOLD and each is not UNSET}
