"""Reading the report of a run: a file that its process writes, decoded as input that nobody vouches for."""

import fcntl
import os
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from daemon.launching.port import RUN_OUTCOMES, Reported, RunFact, RunSpec
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunStarted,
    RunSucceeded,
)

REPORT_FILE: Final = "report.jsonl"
CANCELED_FILE: Final = "canceled"  # its presence says that the run was asked to end
READ_BYTES_MAX: Final = 1 << 18
LINE_BYTES_MAX: Final = 1 << 20

# No worker writes a report before or after these: ids of facts have no room for other years.
_YEAR_MIN: Final = 1971
_YEAR_MAX: Final = 9998

# struct flock, of which only the type is given and only the type and the holder are looked at.
_FLOCK_IS_BSD: Final = sys.platform == "darwin"
_FLOCK: Final = "qqihh" if _FLOCK_IS_BSD else "hhqqi"

_AwareDatetime: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class _Line(msgspec.Struct, frozen=True, tag_field="type"):
    n: int
    at: _AwareDatetime


class _Started(_Line, frozen=True, tag="started"):
    pid: int
    host: str


class _Materialized(_Line, frozen=True, tag="materialized"):
    asset: str
    partitions: PartitionKeys | None
    code_version: str | None = None
    metadata: dict[str, Any] = {}


class _Failed(_Line, frozen=True, tag="failed"):
    asset: str
    partitions: PartitionKeys | None
    failure: Failure


class _Finished(_Line, frozen=True, tag="finished"):
    outcome: Literal["succeeded", "failed"]
    duration_s: float
    failure: Failure | None = None


_DECODER: Final = msgspec.json.Decoder(_Started | _Materialized | _Failed | _Finished)


class ReportReader:
    """Reads on where it stopped, each time it is asked. Nothing is kept open in between."""

    def __init__(self, path: Path, spec: RunSpec) -> None:
        self.path = path
        self.sequence = 0  # of the last fact given
        self.bytes_read = 0
        self.outcome: RunFact | None = None  # the last fact of the run, once it was given
        self.broken: str | None = None  # why nothing more is read: a line that no worker would write
        self.is_behind = False  # there was more to read than one reading takes
        self._spec = spec

    def read(self) -> list[Reported]:
        """The facts of the whole lines written since, from `READ_BYTES_MAX` bytes at a time or one line.

        Nothing is read past the line that tells the outcome, or past one that is nonsense. Half a line at the
        end is left for the next time.
        """
        if self.outcome is not None or self.broken is not None:
            return []
        *lines, rest = self._content().split(b"\n")
        facts: list[Reported] = []
        for line in lines:
            try:
                facts.append(self._reported(line))
            except (ValueError, OverflowError, RecursionError) as error:
                self._break(str(error))
                return facts
            self.bytes_read += len(line) + 1
            if isinstance(facts[-1].fact, RUN_OUTCOMES):
                self.is_behind = False
                return facts
        if len(rest) > LINE_BYTES_MAX:
            self._break(f"it is longer than {LINE_BYTES_MAX} bytes")
        return facts

    def _content(self) -> bytes:
        try:
            with self.path.open("rb", buffering=0) as report:
                report.seek(self.bytes_read)
                content = report.read(READ_BYTES_MAX)
                self.is_behind = len(content) == READ_BYTES_MAX
                if self.is_behind and b"\n" not in content:
                    content += report.read(LINE_BYTES_MAX)
        except FileNotFoundError:
            return b""
        return content

    def _break(self, reason: str) -> None:
        self.broken = f"line {self.sequence + 1} of its report is nonsense: {reason}"
        self.is_behind = False

    def _reported(self, text: bytes) -> Reported:
        """The fact of a line. Raises `ValueError` (what msgspec raises is one) and its like for nonsense."""
        line = _DECODER.decode(text)
        if line.n != self.sequence + 1:
            raise ValueError(f"it has the number {line.n}")
        if not _YEAR_MIN <= line.at.year <= _YEAR_MAX:
            raise ValueError(f"it is dated {line.at}")
        if isinstance(line, _Materialized | _Failed) and line.asset not in self._spec.assets:
            raise ValueError(f"it is about the asset {line.asset!r}, which is none of this run")
        fact = _fact_of(line)
        self.sequence = line.n
        if isinstance(fact, RUN_OUTCOMES):
            self.outcome = fact
        return Reported(run_id=self._spec.run_id, sequence=line.n, at=line.at.astimezone(UTC), fact=fact)


def lock_holder(report: Path) -> int | None:
    """The id of the process that holds the run's claim, or None if none does: the run is not alive.

    Of a process on another machine, or in another namespace, it is no id: Linux then gives one below 1.
    """
    try:
        descriptor = os.open(report, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        wanted = (0, 0, 0, fcntl.F_WRLCK, 0) if _FLOCK_IS_BSD else (fcntl.F_WRLCK, 0, 0, 0, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_FLOCK, *wanted))
    finally:
        os.close(descriptor)
    fields = struct.unpack(_FLOCK, answer)
    kind, holder = (fields[3], fields[2]) if _FLOCK_IS_BSD else (fields[0], fields[4])
    return None if kind == fcntl.F_UNLCK else holder


def _fact_of(line: _Started | _Materialized | _Failed | _Finished) -> RunFact:
    match line:
        case _Started():
            return RunStarted(pid=line.pid, host=line.host)
        case _Materialized():
            return PartitionMaterialized(
                asset=line.asset,
                partitions=line.partitions,
                code_version=line.code_version,
                metadata=line.metadata,
            )
        case _Failed():
            return PartitionFailed(asset=line.asset, partitions=line.partitions, failure=line.failure)
        case _Finished(outcome="succeeded"):
            return RunSucceeded(duration_s=line.duration_s)
        case _Finished():
            told = line.failure or Failure(type="RunFailed", message="the run told no reason")
            return RunFailed(duration_s=line.duration_s, failure=told)
