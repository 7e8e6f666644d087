"""A launcher without processes: runs tell what a script says. For tests and simulations of the daemon."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Final, Self, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.port import RUN_OUTCOMES, Reported, RunFact, RunSpec
from events.facts import PartitionMaterialized, RunCanceled, RunStarted, RunSucceeded

BATCH_FACTS_MAX: Final = 2_000

Script: TypeAlias = Callable[[RunSpec], Sequence[RunFact]]


def succeed(spec: RunSpec) -> tuple[RunFact, ...]:
    """The facts of a run that fills all that it was asked for, in no time."""
    filled = (PartitionMaterialized(asset=asset, partitions=spec.partitions) for asset in spec.assets)
    return (RunStarted(pid=1, host="memory"), *filled, RunSucceeded(duration_s=0.0))


class MemoryLauncher:
    """A launcher (`daemon.launching.port.Launcher`) whose runs follow a script, an async context manager.

    A run tells its script's facts when it is launched. If no outcome is among them it is under way until it
    is canceled or `tell` says more. What was told is kept, as report files are: `restarted` has it too. Code
    is always there to run, but what `change_code` says.
    """

    def __init__(self, *, now: Callable[[], datetime], script: Script = succeed) -> None:
        self.launched: list[RunSpec] = []  # each run once, in the order they were started
        self._now = now
        self._script = script
        self._told: dict[str, list[Reported]] = {}
        self._waiting: dict[str, RunSpec] = {}  # for their code location
        self._loadings: dict[str, Loaded | LoadFailure] = {}
        self._ended: set[str] = set()  # code locations
        self._loading_changed = anyio.Event()
        self._outbox: list[Reported] = []
        self._news = anyio.Event()
        self._send, self._receive = anyio.create_memory_object_stream[Sequence[Reported]](0)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self._send)
            stack.enter_context(self._receive)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            tasks.start_soon(self._deliver)
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

    def restarted(self) -> "MemoryLauncher":
        """The launcher of a daemon started after this one's died: the runs are there, nothing else is."""
        other = MemoryLauncher(now=self._now, script=self._script)
        other.launched = self.launched
        other._told = self._told
        other._loadings = self._loadings
        return other

    def tell(self, run_id: str, *facts: RunFact) -> None:
        """The run, which is under way, goes on to tell this."""
        told = self._told[run_id]
        assert not _has_ended(told), f"{run_id} has ended and tells nothing more"
        at = self._now()
        news = [Reported(run_id, sequence, at, fact) for sequence, fact in enumerate(facts, len(told) + 1)]
        told += news
        self._give(news)

    def end_code(self, code_location: str) -> None:
        """Its process has ended: runs of it wait for what `change_code` says came of loading it again."""
        self._ended.add(code_location)

    def change_code(self, answer: Loaded | LoadFailure) -> None:
        """This comes of loading a code location from now on; it has just been loaded again by itself."""
        self._loadings[answer.code_location] = answer
        self._ended.discard(answer.code_location)
        self._loading_changed.set()
        if isinstance(answer, Loaded):
            for spec in list(self._waiting.values()):
                self._begin_or_keep(spec)

    async def load(self, location: CodeLocation) -> Loaded | LoadFailure:
        """See the port."""
        return self._loadings[location.name]

    @property
    def loadings(self) -> Mapping[str, Loaded | LoadFailure]:
        """See the port."""
        return self._loadings

    async def wait_loading(self) -> None:
        """See the port."""
        await self._loading_changed.wait()
        self._loading_changed = anyio.Event()

    async def launch(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        for spec in runs:
            if spec.run_id not in self._told:
                self._begin_or_keep(spec)

    async def cancel(self, run_id: str, *, grace_s: float) -> None:  # noqa: ARG002 - these runs end at once
        """See the port."""
        if self._waiting.pop(run_id, None) is not None:
            self._told[run_id] = []
        if run_id in self._told and not _has_ended(self._told[run_id]):
            self.tell(run_id, RunCanceled())

    async def reconcile(self, runs: Sequence[RunSpec]) -> None:
        """See the port."""
        for spec in runs:
            self._give(self._told.get(spec.run_id, []))
        await self.launch(runs)

    def _begin_or_keep(self, spec: RunSpec) -> None:
        loading = self._loadings.get(spec.code_location)
        is_held = isinstance(loading, LoadFailure) and loading.runs_held
        if is_held or spec.code_location in self._ended:
            self._waiting[spec.run_id] = spec
            return
        self._waiting.pop(spec.run_id, None)
        self._told[spec.run_id] = []
        self.launched.append(spec)
        self.tell(spec.run_id, *self._script(spec))

    def _give(self, facts: Sequence[Reported]) -> None:
        self._outbox += facts
        if self._outbox:
            self._news.set()

    async def _deliver(self) -> None:
        while True:
            await self._news.wait()
            batch, self._outbox = self._outbox[:BATCH_FACTS_MAX], self._outbox[BATCH_FACTS_MAX:]
            if not self._outbox:
                self._news = anyio.Event()
            await self._send.send(batch)


def _has_ended(told: Sequence[Reported]) -> bool:
    return bool(told) and isinstance(told[-1].fact, RUN_OUTCOMES)
