"""The machine that runs live on: processes, their reports, and deployed code. It survives daemons."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from daemon.launching.port import RUN_OUTCOMES, RunFact, RunSpec
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunStarted,
    RunSucceeded,
)
from tests.simulation.pipelines import Code
from tests.simulation.stage import Safeguard, Stage

BOOM = Failure("ValueError", "boom")


class Line(NamedTuple):
    """A line of a run's report."""

    at: datetime
    fact: RunFact


class Process:
    """A run's process; its report outlives it."""

    def __init__(self, spec: RunSpec, script: Sequence[RunFact], *, hangs: bool) -> None:
        self.spec = spec
        self.script = deque(script)  # what is still to be written
        self.report: list[Line] = []
        self.is_alive = True
        self.hangs = hangs  # after its script, which then has no outcome

    @property
    def outcome(self) -> RunFact | None:
        """What it says came of it."""
        last = self.report[-1].fact if self.report else None
        return last if isinstance(last, RUN_OUTCOMES) else None


class Machine:
    """Starts processes, each run once, and lets them go on a step at a time."""

    def __init__(
        self,
        stage: Stage,
        codes: Sequence[Code],
        *,
        started: Callable[[Process], None],
        keys_of: Callable[[RunSpec], list[str]],
    ) -> None:
        """``started`` is told of each process before it is there, ``keys_of`` a run are those to fill."""
        self.deployed: dict[str, Code | None] = {code.location: code for code in codes}  # None: broken
        self.processes: dict[str, Process] = {}
        self.canceled: set[str] = set()  # marked as to be ended
        self._stage = stage
        self._started = started
        self._keys_of = keys_of

    def alive(self) -> list[Process]:
        """The processes there are, in the order in which they were started."""
        return [process for process in self.processes.values() if process.is_alive]

    def start(self, spec: RunSpec) -> None:
        """Start a process, unless the run's report is claimed or it is marked to be ended."""
        again = spec.run_id in self.processes
        if spec.run_id in self.canceled:
            return
        if again and self._stage.without is not Safeguard.IDEMPOTENT_LAUNCHES:
            return
        hangs = self._stage.chance(self._stage.mix.hanging)
        process = Process(spec, self._script(spec), hangs=hangs)
        if hangs and process.script and isinstance(process.script[-1], RUN_OUTCOMES):
            process.script.pop()
        self._started(process)
        self._stage.note(f"machine: {spec.run_id} is started")
        self.processes[spec.run_id] = process

    def advance(self, process: Process) -> None:
        """The process goes on: it writes a line, or ends, as it was drawn."""
        if not process.script:
            if not process.hangs:
                self.end(process, "dies")
            return
        fact = process.script.popleft()
        process.report.append(Line(self._stage.loop.now(), fact))
        run_id = process.spec.run_id
        self._stage.note(lambda: f"machine: {run_id} reports {type(fact).__name__}")
        if isinstance(fact, RUN_OUTCOMES):
            process.is_alive = False

    def end(self, process: Process, why: str) -> None:
        """The process is gone, whatever it was doing."""
        process.is_alive = False
        self._stage.note(f"machine: {process.spec.run_id} {why}")

    def _script(self, spec: RunSpec) -> list[RunFact]:
        """What the run will write, as `sdk/backfilld/worker` would: assets in order, some of them failing."""
        stage = self._stage
        draw = stage.rng.random() * 100
        if draw < stage.mix.dying:
            whole = [RunStarted(1, "simulated"), *self._filled(spec, spec.assets)]
            return whole[: stage.rng.randint(0, len(whole))]
        if draw < stage.mix.dying + stage.mix.failing:
            broken = stage.rng.randrange(len(spec.assets))
            failing = self._failing(spec, spec.assets[broken])
            filled = self._filled(spec, spec.assets[:broken])
            return [RunStarted(1, "simulated"), *filled, *failing, RunFailed(1.0, BOOM)]
        return [RunStarted(1, "simulated"), *self._filled(spec, spec.assets), RunSucceeded(1.0)]

    def _filled(self, spec: RunSpec, assets: Sequence[str]) -> Iterator[RunFact]:
        for asset in assets:
            keys = self._keys_of(spec)
            if spec.partitions is None or len(keys) == 1 or not self._stage.chance(self._stage.mix.piecewise):
                yield PartitionMaterialized(asset, spec.partitions)
                continue
            alone = self._stage.rng.randint(1, len(keys))
            for key in keys[:alone]:
                yield PartitionMaterialized(asset, singly([key]))
            if keys[alone:]:
                yield PartitionMaterialized(asset, singly(keys[alone:]))

    def _failing(self, spec: RunSpec, asset: str) -> Iterator[RunFact]:
        """An asset that fails, now and then only for some partitions."""
        keys = self._keys_of(spec)
        if spec.partitions is None or len(keys) == 1 or not self._stage.chance(self._stage.mix.piecewise):
            yield PartitionFailed(asset, spec.partitions, BOOM)
            return
        shuffled = self._stage.rng.sample(keys, k=len(keys))
        good = self._stage.rng.randint(0, len(keys) - 1)
        if good:
            filled = sorted(shuffled[:good], key=keys.index)
            yield PartitionMaterialized(asset, singly(filled))
        for key in shuffled[good:]:
            yield PartitionFailed(asset, singly([key]), BOOM)


def singly(keys: Sequence[str]) -> PartitionKeys:
    """The keys as a fact has them, each by itself."""
    return PartitionKeys(tuple((key, key) for key in keys), len(keys))
