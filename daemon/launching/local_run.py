"""One run of the local launcher: what is known of its process, and what its report says."""

import os
import signal
from contextlib import suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Final

import anyio

from daemon.launching.output import BoundedOutput
from daemon.launching.port import Reported, RunFact, RunSpec
from daemon.launching.report import CANCELED_FILE, REPORT_FILE, ReportReader, lock_holder
from daemon.launching.zygote import Exited, Zygote
from events.facts import Failure, RunCanceled, RunFailed, RunLost, RunStarted

LAUNCHES_MAX: Final = 3  # of one run that never began: what ends its zygote each time is the run itself


class Phase(Enum):
    """Who knows whether the run's process is alive."""

    WAITING = "waiting"  # nobody was asked to start it yet
    LAUNCHED = "launched"  # its zygote, which will tell when it has ended
    ADOPTED = "adopted"  # no zygote of ours: whether its claim is held says so


class LocalRun:
    """A run under way. `look` is all that happens to it; the launcher acts on what that leaves."""

    def __init__(self, spec: RunSpec, folder: Path, *, phase: Phase, output_bytes_max: int) -> None:
        self.spec = spec
        self.phase = phase
        self.zygote: Zygote | None = None
        self.exited: Exited | None = None
        self.launches = 0
        self.is_told = False  # the outcome was given
        self.is_canceled = (folder / CANCELED_FILE).exists()
        self.gone = anyio.Event()
        self._folder = folder
        self._report = folder / REPORT_FILE
        self._reader = ReportReader(self._report, spec)
        self._output = BoundedOutput(folder, bytes_max=output_bytes_max)
        self._holder: int | None = None
        self._started_at: datetime | None = None
        self._started_as: int | None = None  # its process id

    @property
    def is_over(self) -> bool:
        """The outcome was given and the process is gone: there is nothing left to do or say."""
        return self.is_told and self.gone.is_set()

    @property
    def has_more_to_tell(self) -> bool:
        """The last look did not come to the end of the report."""
        return self._reader.is_behind and not self.is_told

    def launched_by(self, zygote: Zygote) -> None:
        """The zygote is being asked to start it."""
        self.phase = Phase.LAUNCHED
        self.zygote = zygote
        self.launches += 1

    def not_handed_over(self) -> None:
        """The zygote had ended before it could be asked: that was none of the run's doing."""
        self.launches -= 1

    def adopt(self) -> None:
        """No zygote will tell how it ends."""
        self.phase = Phase.ADOPTED
        self.zygote = None
        self.exited = None

    def tell_again(self) -> None:
        """The next looks give its facts from the first one."""
        self._reader = ReportReader(self._report, self.spec)
        self.is_told = False

    def look(self, now: datetime) -> list[Reported]:
        """What is new; ends with the outcome once there is one. A run to be launched is left `WAITING`."""
        # Asked before the report is read: what a process that is gone wrote is all there.
        is_gone = self._is_gone()
        facts = self._reader.read()
        if facts and isinstance(facts[0].fact, RunStarted):
            self._started_at = facts[0].at
            self._started_as = facts[0].fact.pid
        if self._reader.is_behind:
            return facts
        if not self.is_told:
            outcome = self._outcome(now, is_gone=is_gone)
            if self._reader.outcome is not None and outcome is not None:
                facts[-1] = Reported(self.spec.run_id, facts[-1].sequence, facts[-1].at, outcome)
            elif outcome is not None:
                facts.append(Reported(self.spec.run_id, self._reader.sequence + 1, now, outcome))
            self.is_told = outcome is not None
        if is_gone and self.phase is not Phase.WAITING:
            self._clear_up()
        return facts

    def poll(self) -> bool:
        """Whether a look is worth its while: it wrote more, or its process is gone. Bounds its output too."""
        self._output.trim()
        if self.phase is Phase.ADOPTED:
            return True
        with suppress(FileNotFoundError):
            return not self.is_told and self._report.stat().st_size > self._reader.bytes_read
        return False

    def ask_to_end(self) -> None:
        """Mark it, for a process yet to come and for a later daemon, and interrupt its group of processes."""
        self.is_canceled = True
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / CANCELED_FILE).touch()
        # The process claims the run, then looks for the mark: in any order of events one of the two is seen.
        process_id = self._process_id()
        if process_id is not None:
            _signal_group(process_id, signal.SIGTERM)

    def kill(self) -> None:
        """End its process and all that it started and kept in its group, now."""
        process_id = self._process_id()
        if process_id is not None:
            _signal_group(process_id, signal.SIGKILL)

    def _process_id(self) -> int | None:
        holder = lock_holder(self._report)
        if holder is None and self.phase is Phase.LAUNCHED and self.exited is None:
            # User code that opened and closed the report has given the claim away. Its zygote is its parent
            # and has not told that it ended, so the id it started with is still its own.
            return self._started_as
        return holder if holder is not None and holder > 0 else None

    def _is_gone(self) -> bool:
        if self.gone.is_set():
            return True
        match self.phase:
            case Phase.WAITING:
                return False
            case Phase.LAUNCHED if self.exited is None:
                return False
            case Phase.LAUNCHED if self.is_told or lock_holder(self._report) is None:
                return True
            case Phase.LAUNCHED:
                # Started before by a daemon now dead: what ended was a second process, refused the claim.
                self.adopt()
        holder = lock_holder(self._report)
        self._holder = holder or self._holder
        return holder is None

    def _outcome(self, now: datetime, *, is_gone: bool) -> RunFact | None:
        """How the run ended, if it has."""
        told = self._reader.outcome
        if told is not None:
            return self._canceled(now) if self.is_canceled and isinstance(told, RunFailed) else told
        if self._reader.broken is not None:
            self.kill()
            failure = Failure(type="InvalidReport", message=self._reader.broken)
            return RunFailed(duration_s=self._duration_s(now) or 0.0, failure=failure)
        if not is_gone:
            return None
        if self.is_canceled:
            return self._canceled(now)
        never_began = self.phase is Phase.ADOPTED and self._reader.sequence == 0
        if never_began and self.launches < LAUNCHES_MAX:
            self.phase = Phase.WAITING
            return None
        return RunLost(reason=self._why_lost())

    def _canceled(self, now: datetime) -> RunCanceled:
        return RunCanceled(duration_s=self._duration_s(now))

    def _duration_s(self, now: datetime) -> float | None:
        if self._started_at is None:
            return None
        return max(0.0, (now - self._started_at).total_seconds())

    def _why_lost(self) -> str:
        if self.launches >= LAUNCHES_MAX and self.phase is Phase.ADOPTED:
            return f"its code location's process ended {self.launches} times before the run could begin"
        if self.exited is None:
            return "its process is gone and left no outcome"
        status = self.exited.status
        if status is None:
            return self.exited.error or "its process could not be started"
        if status < 0:
            return f"its process was ended by {_signal_name(-status)}"
        when = "told an outcome" if self._reader.sequence else "began; the log of its code location says why"
        return f"its process exited with status {status} before it {when}"

    def _clear_up(self) -> None:
        if self.gone.is_set():
            return
        self.gone.set()
        self._output.trim()
        if self._holder is not None and self._holder > 0:
            # Adopted: no zygote does this. We saw the process alive a moment ago, so that the id of its group
            # is still its own if anybody is left in it.
            _signal_group(self._holder, signal.SIGKILL)


def _signal_group(process_id: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
