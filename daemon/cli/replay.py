"""`backfilld replay`: a backfill played in the terminal as it went, on its own clock."""

import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, TextIO

import anyio
import typer

from daemon.cli.asker import Asker
from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, command
from daemon.cli.launch import IdArgument
from daemon.cli.opening import with_asker, with_records
from daemon.cli.output import Format, Output
from daemon.cli.recorded_here import Recording, recording_here
from daemon.cli.replay_shown import Played, Show, end_of_replay_text, show_on
from daemon.clock import Clock, SystemClock
from daemon.operations.errors import UsageError
from daemon.operations.records import Records
from daemon.time_text import duration_text

LASTS_S = 10.0  # where no speed is given, and it took longer than that

SpeedOption = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="X",
        help="So many times as fast as it went; without, it takes 10 s, or as long as it took if less.",
        show_default=False,
    ),
]
StepOption = Annotated[bool, typer.Option("--step", help="Wait for Enter after each fact.")]
Wait = Callable[[Played], Awaitable[bool]]  # False: it is enough


@command
def replay(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    speed: SpeedOption = None,
    step: StepOption = False,
) -> None:
    """Play a backfill as it went: its progress, launches and failures. Nothing is run, and nothing recorded.

    One that is under way is played up to now. Without a terminal and without --speed, it is told at once;
    -o jsonl gives a frame for each fact, without waiting.

    backfilld replay k3v9x2ab --speed 60

    backfilld replay k3v9x2ab --step
    """
    output = invocation.output
    if speed is not None and not (speed > 0 and math.isfinite(speed)):
        raise UsageError(f"--speed is a number above 0, such as 60 or 0.5, not {speed:g}.")
    if step and (speed is not None or output.form is not Format.TEXT):
        raise UsageError("--step goes as fast as Enter is pressed: leave --speed and -o out.")

    clock = SystemClock()  # Ours, by which people watch: a file's stands still.

    async def show_it(recording: Recording) -> None:
        with show_on(output, clock, every_fact=step) as show:
            wait = pace_of(clock, output, recording.lasted_s, speed=speed, step=step)
            last = await play(recording.frames, show, wait)
        if output.form is Format.TEXT and last is not None:
            output.console.print(end_of_replay_text(last), soft_wrap=True)

    async def show_here(records: Records) -> None:
        await show_it(await recording_here(records, backfill_id))

    async def show_elsewhere(asker: Asker) -> None:
        from daemon.cli.recorded_elsewhere import recording_elsewhere  # noqa: PLC0415 -- httpx, which others need not

        await show_it(await recording_elsewhere(asker, backfill_id))

    try:
        if invocation.url is None:
            with_records(invocation, show_here)
        else:
            with_asker(invocation, show_elsewhere)
    except KeyboardInterrupt:
        output.note("The replay was stopped; it had changed nothing.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None


async def play(frames: AsyncIterator[Played], show: Show, wait: Wait) -> Played | None:
    """Show each frame when its time has come; gives the last one shown, None if there was none."""
    last = None
    async for frame in frames:
        if not await wait(frame):
            break
        show(frame)
        last = frame
    return last


def pace_of(clock: Clock, output: Output, lasted_s: float, *, speed: float | None, step: bool) -> Wait:
    """What is waited for before each frame."""
    if step:
        return Steps(sys.stdin).wait
    if output.form is not Format.TEXT or (speed is None and not output.console.is_terminal):
        return at_once
    times = speed or max(lasted_s / LASTS_S, 1.0)
    takes = duration_text(lasted_s / times)
    output.note(f"{times:,.4g} times as fast as it went: {takes}; Ctrl-C stops it.", style="dim")
    return Pace(clock, times).wait


async def at_once(_frame: Played) -> bool:
    """Waits for nothing."""
    return True


class Pace:
    """Facts as far apart as they were, so many times as fast."""

    def __init__(self, clock: Clock, times: float) -> None:
        self._clock = clock
        self._times = times
        self._began = clock.now()
        self._first: Played | None = None

    async def wait(self, frame: Played) -> bool:
        """Until a frame's time has come; one that is late is not waited for."""
        first = self._first = self._first or frame
        since = (frame.recorded.at - first.recorded.at).total_seconds()
        await self._clock.sleep_until(self._began + timedelta(seconds=since / self._times))
        return True


class Steps:
    """A fact for each Enter; the first one comes by itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_first = True

    async def wait(self, _frame: Played) -> bool:
        """Whether Enter was pressed; not where the input has ended."""
        if self._is_first:
            self._is_first = False
            return True
        # Not in a thread: Ctrl-C could not end one that reads. A file refuses: it keeps no reader waiting.
        with suppress(OSError):
            await anyio.wait_readable(self._stream.fileno())
        return bool(self._stream.readline())
