"""Runs as processes of this machine, each forked from the zygote of its code location.

The spool is the truth: a run's facts are in its own report file before anybody is told of them, and this
launcher keeps nothing that it could not find there again. A wake-up (`daemon.launching.wake`) only says that
a file is worth reading, and a poll behind it reads what a lost wake-up left. Reading is done in the event
loop: a report is small, lies in the page cache and is read in some 20 microseconds, less than a thread costs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from sys import maxsize
from types import TracebackType
from typing import Final, Self

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.local_run import LocalRun, Phase
from daemon.launching.output import OUTPUT_BYTES_MAX
from daemon.launching.port import Reported, RunSpec
from daemon.launching.wake import WakePipe
from daemon.launching.zygote import Exited, Zygote
from daemon.launching.zygotes import Patience, Zygotes

RUNS_FOLDER: Final = "runs"
BATCH_FACTS_MAX: Final = 2_000
PATIENCE: Final = Patience()
POLL_INTERVAL_S: Final = 0.5

log = structlog.get_logger(__name__)


class LocalLauncher:
    """The launcher of this machine (`daemon.launching.port.Launcher`), an async context manager.

    Leaving it ends the zygotes; runs under way live on, to be adopted by the next launcher on the same home
    folder. One launcher at a time owns a home folder.
    """

    def __init__(
        self,
        home: Path,
        *,
        now: Callable[[], datetime],
        output_bytes_max: int = OUTPUT_BYTES_MAX,
        poll_interval_s: float = POLL_INTERVAL_S,
        patience: Patience = PATIENCE,
        runs_alive_max: int = maxsize,
    ) -> None:
        """Nothing is looked after before the block is entered.

        :param runs_alive_max: runs that waited for a code location are not started beyond this many alive;
            others may have taken their place meanwhile.
        """
        self._home = home.resolve()
        self._now = now
        self._output_bytes_max = output_bytes_max
        self._poll_interval_s = poll_interval_s
        self._patience = patience
        self._runs_alive_max = runs_alive_max
        self._runs: dict[str, LocalRun] = {}
        self._to_look_at: dict[str, None] = {}  # run ids, in the order they came
        self._waiting: defaultdict[str, list[LocalRun]] = defaultdict(list)  # by code location
        self._news = anyio.Event()
        self._busy = anyio.Event()
        self._send, self._receive = anyio.create_memory_object_stream[Sequence[Reported]](0)
        self._stack = AsyncExitStack()
        self._tasks: TaskGroup
        self._zygotes: Zygotes

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            (self._home / RUNS_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(self._send)
            stack.enter_context(self._receive)
            wake = WakePipe.open(self._home)
            stack.callback(wake.close)
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(self._tasks.cancel_scope.cancel)
            self._zygotes = Zygotes(
                self._home,
                self._tasks,
                self._patience,
                on_ready=self._on_ready,
                on_exited=self._on_exited,
                on_gone=self._orphan,
            )
            self._tasks.start_soon(self._listen, wake)
            self._tasks.start_soon(self._deliver)
            self._tasks.start_soon(self._poll)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    @property
    def reports(self) -> MemoryObjectReceiveStream[Sequence[Reported]]:
        """See the port."""
        return self._receive

    async def load(self, location: CodeLocation) -> Loaded | LoadFailure:
        """See the port."""
        return await self._zygotes.load(location)

    @property
    def loadings(self) -> Mapping[str, Loaded | LoadFailure]:
        """See the port."""
        return self._zygotes.loadings

    async def wait_loading(self) -> None:
        """See the port."""
        await self._zygotes.wait_loading()

    async def launch(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        await self._start(
            [self._track(spec, Phase.WAITING) for spec in runs if spec.run_id not in self._runs]
        )

    async def cancel(self, run_id: str, *, grace_s: float) -> None:
        """See the port."""
        run = self._runs.get(run_id)
        if run is None or run.is_told:
            return
        run.ask_to_end()
        if run.phase is Phase.WAITING:
            run.adopt()
        self._look_at([run])
        self._tasks.start_soon(_kill_after, run, grace_s)

    async def reconcile(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        for spec in runs:
            run = self._runs.get(spec.run_id)
            if run is None:
                run = self._track(spec, Phase.ADOPTED)
            else:
                run.tell_again()
            self._look_at([run])

    def _track(self, spec: RunSpec, phase: Phase) -> LocalRun:
        folder = self._home / RUNS_FOLDER / spec.run_id
        run = LocalRun(spec, folder, phase=phase, output_bytes_max=self._output_bytes_max)
        self._runs[spec.run_id] = run
        self._busy.set()
        return run

    def _look_at(self, runs: Iterable[LocalRun]) -> None:
        self._to_look_at.update(dict.fromkeys(run.spec.run_id for run in runs))
        if self._to_look_at:
            self._news.set()

    async def _start(self, runs: Iterable[LocalRun]) -> None:
        """Hand the runs to their zygotes; those of a code location that has none alive wait for a new one."""
        by_location: defaultdict[str, list[LocalRun]] = defaultdict(list)
        for run in runs:
            if run.phase is Phase.WAITING:
                by_location[run.spec.code_location].append(run)
        for name, together in by_location.items():
            zygote = self._zygotes.alive(name)
            if zygote is None:
                self._waiting[name] += together
                self._zygotes.revive(name)
            else:
                await self._hand_over(zygote, together)

    async def _hand_over(self, zygote: Zygote, runs: Sequence[LocalRun]) -> None:
        for run in runs:
            run.launched_by(zygote)
        if not await zygote.launch([run.spec for run in runs]):
            for run in runs:
                if run.zygote is zygote:
                    run.not_handed_over()
            self._orphan(zygote)

    async def _start_waiting(self, name: str) -> None:
        """Start the runs that wait for a code location, as far as there is room."""
        if self._zygotes.alive(name) is None:
            self._zygotes.revive(name)
            return
        waiting = [run for run in self._waiting.pop(name, ()) if run.phase is Phase.WAITING]
        room = self._runs_alive_max - sum(run.phase is not Phase.WAITING for run in self._runs.values())
        start, rest = waiting[: max(room, 0)], waiting[max(room, 0) :]
        if rest:
            self._waiting[name] = rest
        await self._start(start)

    def _on_ready(self, name: str, replaced: Zygote | None) -> None:
        if replaced is not None:
            self._end_if_idle(replaced)
        self._tasks.start_soon(self._start_waiting, name)

    def _on_exited(self, zygote: Zygote, exited: Exited) -> None:
        run = self._runs.get(exited.exited)
        if run is not None and run.zygote is zygote:
            run.exited = exited
            self._look_at([run])

    def _orphan(self, zygote: Zygote) -> None:
        """The zygote is gone: its runs are looked after without it."""
        orphans = [run for run in self._runs.values() if run.zygote is zygote]
        for run in orphans:
            run.adopt()
        self._look_at(orphans)

    def _end_if_idle(self, zygote: Zygote) -> None:
        """End a zygote that was replaced, once none of its runs is left."""
        if all(run.zygote is not zygote for run in self._runs.values()):
            self._zygotes.retire(zygote)

    async def _listen(self, wake: WakePipe) -> None:
        while True:
            run_ids = await wake.run_ids()
            self._look_at(self._runs[run_id] for run_id in run_ids if run_id in self._runs)

    async def _deliver(self) -> None:
        while True:
            await self._news.wait()
            batch = self._gather()
            if batch:
                await self._send.send(batch)

    def _gather(self) -> list[Reported]:
        """All that is new, up to a bound; what has become of the runs is acted on."""
        batch: list[Reported] = []
        to_launch: list[LocalRun] = []
        while self._to_look_at and len(batch) < BATCH_FACTS_MAX:
            run_id = next(iter(self._to_look_at))
            del self._to_look_at[run_id]
            run = self._runs.get(run_id)
            if run is None:
                continue
            was_waiting = run.phase is Phase.WAITING
            batch += self._looked_at(run)
            if run.phase is Phase.WAITING and not was_waiting:
                to_launch.append(run)
        if not self._to_look_at:
            self._news = anyio.Event()
        if to_launch:
            self._tasks.start_soon(self._start, to_launch)
        return batch

    def _looked_at(self, run: LocalRun) -> list[Reported]:
        try:
            facts = run.look(self._now())
        except OSError as error:
            # The poll looks again: nothing of the report is lost by reading it later.
            log.warning("report.unreadable", run_id=run.spec.run_id, error=str(error))
            return []
        if run.has_more_to_tell:
            self._look_at([run])
        if run.is_over:
            del self._runs[run.spec.run_id]
            if run.zygote is not None:
                self._end_if_idle(run.zygote)
            for name in self._waiting:
                self._tasks.start_soon(self._start_waiting, name)
        return facts

    async def _poll(self) -> None:
        while True:
            await self._busy.wait()
            await anyio.sleep(self._poll_interval_s)
            self._look_at([run for run in self._runs.values() if run.poll()])
            if not self._runs:
                self._busy = anyio.Event()


async def _kill_after(run: LocalRun, grace_s: float) -> None:
    with anyio.move_on_after(grace_s):
        await run.gone.wait()
        return
    run.kill()
