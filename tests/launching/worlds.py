"""What the tests of launching share: worlds to launch runs in, of real processes and of scripts."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from itertools import count
from pathlib import Path
from typing import Protocol

import anyio
import psutil  # type: ignore[import-untyped]  # it has no annotations

from daemon.clock import SystemClock
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.local import LocalLauncher
from daemon.launching.memory import MemoryLauncher, succeed
from daemon.launching.output import OUTPUT_BYTES_MAX
from daemon.launching.port import RUN_OUTCOMES, Launcher, Reported, RunFact, RunSpec
from daemon.launching.report import lock_holder
from daemon.launching.zygotes import Patience
from events.facts import Failure, PartitionFailed, PartitionKeys, RunFailed, RunLost, RunStarted

PIPELINE = Path(__file__).parent / "pipeline.py"
PATIENCE_S = 30.0
PATIENCE = Patience(retry_first_s=0.02, retry_max_s=0.1)

_numbers = count(1)


now = SystemClock().now


def run_of(
    *assets: str,
    tags: dict[str, str] | None = None,
    partitions: PartitionKeys | None = None,
    code_location: str = "pipeline",
) -> RunSpec:
    """A run that nobody has launched yet."""
    number = next(_numbers)
    return RunSpec(
        run_id=f"testtest-{number}-1",
        backfill_id="testtest",
        number=number,
        attempt=1,
        code_location=code_location,
        assets=assets,
        partitions=partitions,
        partitions_as_of="2024-06-01T00:00:00Z",
        tags=tags or {},
    )


async def until(condition: Callable[[], bool]) -> None:
    """Nothing, once a condition outside of this process holds, which nothing here could be woken by."""
    with anyio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - see above.
            await anyio.sleep(0.005)


async def until_gone(process: int) -> None:
    """Nothing, once no process of that id runs; one that ended but was not reaped by its parent is gone."""

    def is_gone() -> bool:
        try:
            return bool(psutil.Process(process).status() == "zombie")
        except psutil.NoSuchProcess:
            return True

    await until(is_gone)


class Listener:
    """Takes a launcher's batches and keeps each run's facts, checked: dense, in order, one outcome, last."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self.told: dict[str, list[Reported]] = {}

    async def until_over(self, *runs: RunSpec) -> list[list[RunFact]]:
        """The facts of each run, once all have ended."""
        await self.until(lambda: all(self._is_over(run) for run in runs))
        return [[reported.fact for reported in self.told[run.run_id]] for run in runs]

    async def until_started(self, *runs: RunSpec) -> list[int]:
        """The process ids of the runs, once all have begun."""
        await self.until(lambda: all(run.run_id in self.told for run in runs))
        firsts = [self.told[run.run_id][0].fact for run in runs]
        return [first.pid for first in firsts if isinstance(first, RunStarted)]

    async def until_idle(self) -> None:
        """Nothing, once the launcher has no run to look after any more."""
        launcher = self._launcher
        assert isinstance(launcher, LocalLauncher)
        await until(lambda: not launcher._runs)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Take batches until the condition holds."""
        with anyio.fail_after(PATIENCE_S):
            while not condition():
                self._take(await self._launcher.reports.receive())

    def _take(self, batch: Sequence[Reported]) -> None:
        assert batch
        for reported in batch:
            told = self.told.setdefault(reported.run_id, [])
            if reported.sequence <= len(told):
                assert told[reported.sequence - 1] == reported, "a fact given again is the same fact"
                continue
            assert reported.sequence == len(told) + 1
            assert not told or not isinstance(told[-1].fact, RUN_OUTCOMES)
            assert reported.at.utcoffset() == UTC.utcoffset(None)
            told.append(reported)

    def _is_over(self, run: RunSpec) -> bool:
        told = self.told.get(run.run_id, [])
        return bool(told) and isinstance(told[-1].fact, RUN_OUTCOMES)


class World(Protocol):
    """Where runs are launched; ``launcher()`` may be entered again, as after a restart of the daemon."""

    folder: Path

    def launcher(self) -> AbstractAsyncContextManager[Launcher]: ...

    def executions(self, run: RunSpec) -> int: ...

    async def break_code(self, launcher: Launcher, run: RunSpec) -> None:
        """The code stops loading, and the process that had loaded it, which started this run, is gone."""
        ...

    def mend_code(self, launcher: Launcher) -> None: ...

    def end_runs(self) -> None: ...


async def until_held(launcher: Launcher) -> LoadFailure:
    """Why the pipeline's runs wait, once they do."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            loading = launcher.loadings.get("pipeline")
            if isinstance(loading, LoadFailure) and loading.runs_held:
                return loading
            await launcher.wait_loading()


class LocalWorld:
    """Real processes, of a copy of the pipeline or of other code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._code = folder / "pipeline.py"
        self._code.write_text(PIPELINE.read_text())

    @asynccontextmanager
    async def launcher(
        self,
        code: Path | str | None = None,
        *,
        python: str = sys.executable,
        output_bytes_max: int = OUTPUT_BYTES_MAX,
        runs_alive_max: int = 1_000,
    ) -> AsyncIterator[LocalLauncher]:
        location = CodeLocation(
            "pipeline", str(code or self._code), python=python, working_directory=self.folder
        )
        async with LocalLauncher(
            self.home,
            now=now,
            output_bytes_max=output_bytes_max,
            patience=PATIENCE,
            runs_alive_max=runs_alive_max,
        ) as launcher:
            loaded = await launcher.load(location)
            assert isinstance(loaded, Loaded), loaded
            yield launcher

    def executions(self, run: RunSpec) -> int:
        return self.noted("executed").count(run.run_id)

    async def break_code(self, launcher: Launcher, run: RunSpec) -> None:  # noqa: ARG002 - it sees for itself
        """See `World`."""
        self._code.write_text("import nothing_of_that_name\n")
        zygote = psutil.Process(self.process_of(run)).ppid()
        os.kill(zygote, signal.SIGKILL)
        await until_gone(zygote)

    def mend_code(self, launcher: Launcher) -> None:  # noqa: ARG002 - as above
        """See `World`."""
        self._code.write_text(PIPELINE.read_text())

    def noted(self, name: str) -> list[str]:
        """The lines that runs wrote into a file of the folder."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    async def until_noted(self, name: str, run: RunSpec) -> None:
        """Nothing, once the run has written its id there."""
        await until(lambda: run.run_id in self.noted(name))

    def release(self, *runs: RunSpec) -> None:
        """Let runs that wait go on."""
        for run in runs:
            (self.folder / f"release-{run.run_id}").open("wb").close()

    def end_runs(self) -> None:
        """Leave no process behind, whatever the test came to."""
        for report in self.home.glob("runs/*/report.jsonl"):
            holder = lock_holder(report)
            if holder is not None:
                os.killpg(holder, signal.SIGKILL)

    def report(self, run: RunSpec) -> str:
        """The run's report as it is now."""
        path = self.home / "runs" / run.run_id / "report.jsonl"
        return path.read_text() if path.exists() else ""

    def process_of(self, run: RunSpec) -> int:
        """The process id that a run reported."""
        pid = json.loads(self.report(run).splitlines()[0])["pid"]
        assert isinstance(pid, int)
        return pid

    def output(self, run: RunSpec, name: str) -> str:
        return (self.home / "runs" / run.run_id / name).read_text()


class MemoryWorld:
    """Scripts that tell what the pipeline's assets of the same names would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._launcher: MemoryLauncher | None = None

    @asynccontextmanager
    async def launcher(self) -> AsyncIterator[MemoryLauncher]:
        if self._launcher is None:
            self._launcher = MemoryLauncher(now=now, script=_script)
        else:
            self._launcher = self._launcher.restarted()
        async with self._launcher as launcher:
            yield launcher

    def executions(self, run: RunSpec) -> int:
        assert self._launcher is not None
        return self._launcher.launched.count(run)

    async def break_code(self, launcher: Launcher, run: RunSpec) -> None:  # noqa: ARG002 - it has no process
        """See `World`."""
        message = "No module named 'nothing_of_that_name'"
        failure = LoadFailure("pipeline", "ModuleNotFoundError", message, runs_held=True)
        _memory(launcher).change_code(failure)

    def mend_code(self, launcher: Launcher) -> None:
        """See `World`."""
        _memory(launcher).change_code(Loaded("pipeline", "digest", {}))

    def end_runs(self) -> None:
        """There are none: scripts have no process."""


def _memory(launcher: Launcher) -> MemoryLauncher:
    assert isinstance(launcher, MemoryLauncher)
    return launcher


def _script(run: RunSpec) -> Sequence[RunFact]:
    (asset,) = run.assets
    started = RunStarted(pid=1, host="memory")
    failure = Failure(type="ValueError", message="the source is empty")
    match asset:
        case "fails":
            return [
                started,
                PartitionFailed(asset=asset, partitions=None, failure=failure),
                RunFailed(duration_s=0.0, failure=failure),
            ]
        case "waits":
            return [started]
        case "dies":
            return [started, RunLost(reason="its process was ended by SIGKILL")]
        case _:
            return succeed(run)
