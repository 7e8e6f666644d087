"""A launcher on the simulated machine, as `daemon.launching.local` is on a real one.

What corresponds to what: `Watched` is a `LocalRun`, whose report is read from where the last reading stopped;
`look` is `LocalRun.look`, which tells an outcome of its own for a process that is gone without one, or was
canceled; `codes` are the zygotes. A launcher knows nothing that it could not find on the machine again.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.port import Reported, RunFact, RunSpec
from events.facts import RunCanceled, RunFailed, RunLost
from tests.simulation.gates import Gates
from tests.simulation.machine import Line, Machine
from tests.simulation.pipelines import Code
from tests.simulation.stage import Safeguard, Stage


class Watched:
    """A run that the launcher looks after."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.lines_read = 0
        self.is_waiting = False  # for its code location
        self.kill_at_s: float | None = None


class SimulatedLauncher:
    """A `daemon.launching.port.Launcher` of one daemon; the simulation says when it looks at what."""

    def __init__(self, stage: Stage, machine: Machine, gates: Gates, *, runs_alive_max: int) -> None:
        self.runs: dict[str, Watched] = {}
        self.codes: dict[str, Code] = {}  # of the zygotes alive
        self._stage = stage
        self._machine = machine
        self._gates = gates
        self._runs_alive_max = runs_alive_max
        self._loadings: dict[str, Loaded | LoadFailure] = {}
        self._loading_changed = anyio.Event()
        self._send, self._receive = anyio.create_memory_object_stream[Sequence[Reported]](math.inf)

    @property
    def reports(self) -> MemoryObjectReceiveStream[Sequence[Reported]]:
        """See the port."""
        return self._receive

    @property
    def loadings(self) -> Mapping[str, Loaded | LoadFailure]:
        """See the port."""
        return self._loadings

    async def load(self, location: CodeLocation) -> Loaded | LoadFailure:
        """See the port."""
        await self._gates.passed(f"to load {location.name}")
        return self.load_now(location.name)

    def load_now(self, name: str) -> Loaded | LoadFailure:
        """Import what is deployed; runs that waited for it begin."""
        code = self._machine.deployed[name]
        if code is None:
            held = name not in self.codes
            answer: Loaded | LoadFailure = LoadFailure(name, "SyntaxError", "invalid syntax", runs_held=held)
        else:
            self.codes[name] = code
            answer = Loaded(name, code.digest, code.manifest)
        self._loadings[name] = answer
        self._loading_changed.set()
        self.start_waiting()
        return answer

    def end_code(self, name: str) -> None:
        """Its zygote is gone; `load_now` is what the launcher then does by itself."""
        del self.codes[name]

    async def wait_loading(self) -> None:
        """See the port."""
        await self._loading_changed.wait()
        await self._gates.passed("to see what was loaded")
        self._loading_changed = anyio.Event()

    async def launch(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        for spec in runs:
            await self._gates.passed(f"to launch {spec.run_id}")
            known = spec.run_id in self.runs
            if not known or self._stage.without is Safeguard.IDEMPOTENT_LAUNCHES:
                self._begin(self.runs.setdefault(spec.run_id, Watched(spec)))
        if runs:
            await self._gates.passed("after launching")

    async def cancel(self, run_id: str, *, grace_s: float) -> None:
        """See the port."""
        await self._gates.passed(f"to end {run_id}")
        run = self.runs.get(run_id)
        if run is None:
            return
        self._machine.canceled.add(run_id)
        run.is_waiting = False
        run.kill_at_s = self._stage.loop.time() + grace_s
        process = self._machine.processes.get(run_id)
        if process is not None and process.is_alive and self._stage.chance(60):
            self._machine.end(process, "ends by SIGTERM")

    async def reconcile(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        if self._stage.without is Safeguard.RECONCILING:
            return
        for spec in runs:
            await self._gates.passed(f"to reconcile {spec.run_id}")
            run = self.runs[spec.run_id] = Watched(spec)
            began = spec.run_id in self._machine.processes
            if self._stage.without is Safeguard.IDEMPOTENT_LAUNCHES:
                began = False
            if not began and spec.run_id not in self._machine.canceled:
                self._begin(run)

    def kill_overdue(self) -> None:
        """Kill what was asked to end and did not in its grace time."""
        for run in self.runs.values():
            process = self._machine.processes.get(run.spec.run_id)
            is_overdue = run.kill_at_s is not None and run.kill_at_s <= self._stage.loop.time()
            if is_overdue and process is not None and process.is_alive:
                self._machine.end(process, "is killed after its grace time")

    def tell(self, run_ids: Iterable[str], *, times: int = 1) -> int:
        """Look at the runs and hand over what is new, as one batch; how many facts that are."""
        batch = [reported for run_id in run_ids for reported in self._look(self.runs[run_id])]
        if batch:
            for _ in range(times):
                self._send.send_nowait(batch)
            self.start_waiting()
        return len(batch)

    def tell_again(self, run_id: str) -> None:
        """The next look gives the run's facts from the first one."""
        self.runs[run_id].lines_read = 0

    def start_waiting(self) -> None:
        """Begin the runs that wait for a code location that is loaded, as far as there is room."""
        for run in self.runs.values():
            alive = sum(not each.is_waiting for each in self.runs.values())
            if run.is_waiting and run.spec.code_location in self.codes and alive < self._runs_alive_max:
                self._begin(run)

    def close(self) -> None:
        """Nobody reads any more."""
        self._send.close()
        self._receive.close()

    def _begin(self, run: Watched) -> None:
        run.is_waiting = run.spec.code_location not in self.codes
        if not run.is_waiting:
            self._machine.start(run.spec)

    def _look(self, run: Watched) -> list[Reported]:
        if run.is_waiting:
            return []
        run_id = run.spec.run_id
        process = self._machine.processes.get(run_id)
        lines = process.report[run.lines_read :] if process is not None else []
        facts = [
            Reported(run_id, sequence, line.at, self._as_told(run_id, line))
            for sequence, line in enumerate(lines, run.lines_read + 1)
        ]
        run.lines_read += len(lines)
        if process is not None and process.outcome is not None:
            del self.runs[run_id]
        elif process is None or not process.is_alive:
            canceled = run_id in self._machine.canceled
            outcome = RunCanceled(1.0) if canceled else RunLost("its process is gone and left no outcome")
            facts.append(Reported(run_id, run.lines_read + 1, self._stage.loop.now(), outcome))
            del self.runs[run_id]
        return facts

    def _as_told(self, run_id: str, line: Line) -> RunFact:
        if isinstance(line.fact, RunFailed) and run_id in self._machine.canceled:
            return RunCanceled(1.0)
        return line.fact
