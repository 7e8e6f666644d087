"""A backfill followed until it ends: a live bar where there is a terminal, a line now and then where not."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import Protocol

import anyio
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from daemon.cli.errors import ExitCode
from daemon.cli.output import Output, status_style
from daemon.cli.seen import Seen, seen, seen_in
from daemon.clock import Clock
from daemon.fact_text import counted
from daemon.not_loaded_text import waiting_text
from daemon.operations.records import Records
from daemon.operations.standing import BackfillStanding
from daemon.time_text import duration_text, rate_text
from projections.backfill.state import Backfill
from projections.held import waits_for
from projections.progress import AssetCounts, Progress, time_left_s
from projections.world import World, evolve

REFRESH_S = 0.2
PACE_OVER_S = 10.0
BAR_WIDTH = 28  # characters
ASSETS_SHOWN_MAX = 12  # a bar each; more assets get one for all
LINES_EVERY_PERCENT = 10


class Display(Protocol):
    """Shows how a backfill goes on."""

    def show(self, backfill: Seen, now: datetime) -> None:
        """Called a few times a second."""
        ...


async def follow_answers(answers: AsyncIterator[BackfillStanding], clock: Clock, display: Display) -> Seen:
    """The backfill once it has ended, by the answers of a daemon elsewhere; each of them is shown."""
    last: Seen | None = None
    async for standing in answers:
        last = seen_in(standing)
        display.show(last, clock.now())
    assert last is not None, "answers go on until it has ended"
    return last


async def follow(records: Records, world: World, backfill_id: str, display: Display) -> Backfill:
    """The backfill once it has ended; it must be in the world. Shown meanwhile, and once more at the end."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_show_again_and_again, records, world, backfill_id, display)
            if _the(world, backfill_id).completed is None:
                await _until_ended(records, world, backfill_id)
            tasks.cancel_scope.cancel()
    finally:
        _show(records, world, backfill_id, display)
    return _the(world, backfill_id)


async def _until_ended(records: Records, world: World, backfill_id: str) -> None:
    async with aclosing(records.log.follow(after=world.position)) as batches:
        async for batch in batches:
            for recorded in batch:
                evolve(world, recorded)
            if _the(world, backfill_id).completed is not None:
                return


async def _show_again_and_again(records: Records, world: World, backfill_id: str, display: Display) -> None:
    while True:
        _show(records, world, backfill_id, display)
        await anyio.sleep(REFRESH_S)


def _show(records: Records, world: World, backfill_id: str, display: Display) -> None:
    backfill = _the(world, backfill_id)
    now = records.clock.now()
    display.show(seen(backfill, now, waits_for(world, backfill)), now)


def _the(world: World, backfill_id: str) -> Backfill:
    backfill = world.backfill(backfill_id)
    assert backfill is not None, "a log forgets no backfill"
    return backfill


@contextmanager
def display_on(output: Output) -> Iterator[Display]:
    """A display on standard error that suits it; a live one leaves its last state behind."""
    if not output.notes.is_terminal:
        yield Lines(output)
        return
    with Live(console=output.notes, refresh_per_second=1 / REFRESH_S, transient=False) as live:
        yield Bars(live)


class Pace:
    """How fast runs were done of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, int, int]] = deque(maxlen=int(PACE_OVER_S / REFRESH_S))

    def take(self, progress: Progress, now: datetime) -> None:
        """What is done by now."""
        self._seen.append((now, progress.runs_done, progress.partitions.settled))

    def words(self, progress: Progress) -> str:
        """Runs (or, before the first has ended, partitions) a second, and the time left; may be empty."""
        (then, runs_then, settled_then), (now, runs, settled) = self._seen[0], self._seen[-1]
        seconds = (now - then).total_seconds()
        partitions = progress.partitions
        if runs > runs_then:
            unit, done, left = "runs", runs - runs_then, progress.runs_left
        else:
            unit, done, left = "partitions", settled - settled_then, partitions.targeted - partitions.settled
        left_s = time_left_s(done, left, seconds)
        return (
            ""
            if left_s is None or not left
            else f"{rate_text(done / seconds, unit)}, {duration_text(left_s)} left"
        )


class Bars:
    """A bar for each asset, and a line for the whole, redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._pace = Pace()

    def show(self, backfill: Seen, now: datetime) -> None:
        """See `Display`."""
        progress = backfill.progress
        self._pace.take(progress, now)
        words = [status_text(backfill), runs_text(progress)]
        if backfill.waits_for:
            words.append(waiting_text(backfill.waits_for))
        elif not backfill.has_ended:
            words.append(self._pace.words(progress))
        elif backfill.elapsed_s:
            words.append(duration_text(backfill.elapsed_s))
        summary = Text("  ".join(filter(None, words)), style=status_style(backfill.status))
        self._live.update(Group(bars(progress), summary))


class Lines:
    """A line whenever another tenth is done, for what keeps everything that was printed."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._tenth = 0
        self._status = ""

    def show(self, backfill: Seen, now: datetime) -> None:  # noqa: ARG002 -- as `Display` has it
        """See `Display`."""
        progress = backfill.progress
        tenth = percent(progress.partitions) // LINES_EVERY_PERCENT
        status = waiting_text(backfill.waits_for) or status_text(backfill)
        if tenth == self._tenth and status == self._status:
            return
        self._tenth, self._status = tenth, status
        partitions = progress.partitions
        spent = duration_text(backfill.elapsed_s)
        done = f"{partitions.done:,} of {counted(partitions.targeted, 'partition')}, {runs_text(progress)}"
        self._output.note(f"{percent(partitions):>3} %  {done}, {spent}, {status}")


def bars(progress: Progress) -> Table:
    """The assets with what is done of each."""
    shown = progress.assets
    if len(shown) > ASSETS_SHOWN_MAX:
        shown = {f"{len(shown)} assets": progress.partitions}
    table = Table.grid(padding=(0, 2))
    for asset, counts in shown.items():
        table.add_row(
            Text(asset, style="bold"),
            ProgressBar(
                total=counts.targeted,
                completed=counts.done,
                width=BAR_WIDTH,
                finished_style=colour(counts),
            ),
            Text(f"{counts.done:,}/{counts.targeted:,}"),
            Text(exceptions_text(counts), style="yellow"),
        )
    return table


def colour(counts: AssetCounts) -> str:
    """Of a bar at its end."""
    if counts.failed:
        return "red"
    return "green" if counts.materialized == counts.targeted else "yellow"


def exceptions_text(counts: AssetCounts) -> str:
    """What did not go as planned, and what is under way: ``8 in progress, 3 failed``."""
    told = {
        "in progress": counts.in_progress,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "canceled": counts.canceled,
    }
    return ", ".join(f"{count:,} {name}" for name, count in told.items() if count)


def runs_text(progress: Progress) -> str:
    """``812 of 1,461 runs``."""
    return f"{progress.runs_done:,} of {counted(progress.runs_total, 'run')}"


def status_text(backfill: Seen) -> str:
    """The status, and that nothing was launched yet where it is so."""
    if backfill.status == "running" and not backfill.has_begun:
        return "waiting for its first run"
    return backfill.status


def percent(counts: AssetCounts) -> int:
    """How much is done, rounded down, so that 100 means all."""
    return 100 * counts.done // counts.targeted if counts.targeted else 100


def end_text(backfill: Seen) -> str:
    """How a backfill ended, in one sentence."""
    how = "was canceled" if backfill.was_canceled else ENDED[backfill.status]
    return f"Backfill {backfill.id} {how}: {outcome_text(backfill)}."


def outcome_text(backfill: Seen) -> str:
    """What a backfill that has ended came to, and how long it took."""
    progress, spent = backfill.progress, backfill.elapsed_s
    partitions = progress.partitions
    told = [f"{partitions.materialized:,} of {counted(partitions.targeted, 'partition')} materialized"]
    if exceptions := exceptions_text(partitions):
        told.append(exceptions)
    took = f" in {duration_text(spent)}, {rate_text(progress.runs_total / spent, 'runs')}" if spent else ""
    return f"{', '.join(told)}{took}"


ENDED = {"succeeded": "succeeded", "failed": "failed", "canceled": "ended with some of it canceled"}


def exit_code(backfill: Seen) -> ExitCode:
    """0 for a backfill that succeeded, 1 for one that ended otherwise."""
    return ExitCode.OK if backfill.status == "succeeded" else ExitCode.UNSUCCESSFUL


def left_running_text(backfill_id: str) -> str:
    """What a person who stops watching should know."""
    return (
        f"Backfill {backfill_id} goes on: `backfilld status {backfill_id} --watch` follows it, "
        f"`backfilld cancel {backfill_id}` ends it."
    )
