"""What a replay shows: bars in a terminal, lines where there is none, frames for programs."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

import msgspec
from rich.console import Group
from rich.live import Live
from rich.text import Text

from daemon.cli.following import bars, end_text, percent, runs_text, status_text
from daemon.cli.output import Format, Output, status_style
from daemon.cli.seen import seen
from daemon.clock import Clock
from daemon.fact_text import describe
from daemon.time_text import duration_text
from events.envelope import Recorded
from events.facts import (
    PartitionFailed,
    PartitionMaterialized,
    RunFailed,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from projections.backfill.state import Backfill
from projections.progress import AssetCounts, progress_of

REFRESH = timedelta(milliseconds=50)
FACTS_SHOWN = 6  # below the bars
QUIET = (RunStarted, PartitionMaterialized, RunSucceeded)  # what the bars tell of
ENDED_BADLY = (RunFailed, RunLost)
BAD = (*ENDED_BADLY, PartitionFailed, RunTimedOut)


class Played(NamedTuple):
    """A fact of a backfill, and the backfill right after it. The backfill goes on changing."""

    recorded: Recorded
    backfill: Backfill

    @property
    def elapsed_s(self) -> float:
        """Seconds since the backfill was asked for."""
        return max((self.recorded.at - self.backfill.requested_at).total_seconds(), 0.0)


Show: TypeAlias = Callable[[Played], None]


class Frame(msgspec.Struct, frozen=True):
    """A fact and how far the backfill had come with it, as JSON shows it."""

    position: int
    at: datetime
    elapsed_s: float  # since the request
    type: str
    run_id: str | None
    told: str  # in words
    status: str
    runs_total: int
    runs_done: int
    runs_in_progress: int
    progress: dict[str, AssetCounts]


@contextmanager
def show_on(output: Output, clock: Clock, *, every_fact: bool) -> Iterator[Show]:
    """The function that shows a frame in the form that suits the output.

    :param every_fact: whether each fact gets its line, and bars would be in the way of whoever steps.
    """
    if output.form is not Format.TEXT:
        with output.lines(str) as write:
            yield lambda frame: write(frame_of(frame))
    elif every_fact or not output.console.is_terminal:
        with output.lines(line) as write:
            yield lambda frame: write(frame) if every_fact or is_told(frame) else None
    else:
        with Live(console=output.console, refresh_per_second=1 / REFRESH.total_seconds()) as live:
            bars_shown = Bars(live, clock)
            yield bars_shown.show
            bars_shown.end()


def frame_of(frame: Played) -> Frame:
    """A frame as JSON shows it."""
    recorded, backfill = frame
    progress = progress_of(backfill)
    return Frame(
        position=recorded.position,
        at=recorded.at,
        elapsed_s=frame.elapsed_s,
        type=type(recorded.fact).__name__,
        run_id=recorded.run_id,
        told=describe(recorded.fact),
        status=backfill.status,
        runs_total=progress.runs_total,
        runs_done=progress.runs_done,
        runs_in_progress=progress.runs_in_progress,
        progress=progress.assets,
    )


def is_told(frame: Played) -> bool:
    """Whether a fact is worth a line beside the progress."""
    return not isinstance(frame.recorded.fact, QUIET)


def line(frame: Played) -> Text:
    """A fact on one line, with how long it took to come and how much was done by then."""
    fact = frame.recorded.fact
    text = Text()
    text.append(f"{percent(progress_of(frame.backfill).partitions):>3} %  ", style="bold")
    text.append(f"{duration_text(frame.elapsed_s):>12}  ", style="dim")
    text.append(f"{type(fact).__name__:<24} ", style="red" if isinstance(fact, BAD) else "")
    text.append(f"{frame.recorded.run_id or frame.backfill.id:<16} ", style="cyan")
    text.append(describe(fact))
    text.rstrip()
    return text


def short_line(frame: Played) -> Text:
    """A fact below the bars, which tell how much is done; what is too long for the terminal is cut."""
    fact = frame.recorded.fact
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{duration_text(frame.elapsed_s):>8}  ", style="dim")
    text.append(f"{type(fact).__name__} ", style="red" if isinstance(fact, BAD) else "")
    text.append(f"{frame.recorded.run_id or frame.backfill.id} ", style="cyan")
    text.append(describe(fact))
    text.rstrip()
    return text


class Bars:
    """A bar for each asset, the newest facts below, redrawn in place; runs that failed stay above."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._facts: deque[Text] = deque(maxlen=FACTS_SHOWN)
        self._last: Played | None = None
        self._drawn_at: datetime | None = None

    def show(self, frame: Played) -> None:
        """Takes note of a frame; as many as an eye can tell apart are drawn."""
        self._last = frame
        told = short_line(frame)
        if isinstance(frame.recorded.fact, ENDED_BADLY):
            self._live.console.print(told)
        elif is_told(frame):
            self._facts.append(told)
        now = self._clock.now()
        if self._drawn_at is None or now - self._drawn_at >= REFRESH:
            self._drawn_at = now
            self._draw(frame)

    def end(self) -> None:
        """Leaves the last frame behind."""
        if self._last is not None:
            self._draw(self._last)

    def _draw(self, frame: Played) -> None:
        backfill, progress = frame.backfill, progress_of(frame.backfill)
        words = [
            status_text(seen(backfill, frame.recorded.at)),
            runs_text(progress),
            duration_text(frame.elapsed_s),
        ]
        if progress.runs_in_progress:
            words.append(f"{progress.runs_in_progress:,} under way")
        when = f"{frame.recorded.at:%Y-%m-%d %H:%M:%S}"
        summary = Text("  ".join([when, *words]), style=status_style(backfill.status))
        self._live.update(Group(bars(progress), summary, *self._facts))


def end_of_replay_text(last: Played) -> str:
    """How it ended, or how far it had come with the last fact shown."""
    backfill = last.backfill
    if backfill.completed is not None:
        return end_text(seen(backfill, last.recorded.at))
    done = runs_text(progress_of(backfill))
    where = f"at position {last.recorded.position:,}"
    return f"Backfill {backfill.id} was {backfill.status} {where}, the last one shown: {done}."
