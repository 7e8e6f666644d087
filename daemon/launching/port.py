"""The port of launching: what every launcher (local processes, the one in memory) promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from events.facts import (
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunCanceled,
    RunFailed,
    RunLost,
    RunStarted,
    RunSucceeded,
)

RunFact: TypeAlias = (
    RunStarted | PartitionMaterialized | PartitionFailed | RunSucceeded | RunFailed | RunCanceled | RunLost
)
RUN_OUTCOMES = (RunSucceeded, RunFailed, RunCanceled, RunLost)


class RunSpec(msgspec.Struct, frozen=True):
    """One attempt at one run of a backfill: all that its process needs to know."""

    run_id: str  # "<backfill id>-<number>-<attempt>", safe as a folder name; the idempotency key
    backfill_id: str
    number: int  # of the plan, from 1
    attempt: int  # from 1
    code_location: str
    assets: tuple[str, ...]  # keys in topological order: executed in this order
    partitions: PartitionKeys | None  # None: no partitions; key by key where the code has others than planned
    partitions_as_of: str  # RFC 3339 UTC: ranges of keys are expanded among the partitions of then
    dynamic_keys: dict[str, tuple[str, ...]] = {}  # set -> its keys from the first to the last that is needed
    tags: dict[str, str] = {}


class Reported(msgspec.Struct, frozen=True):
    """A fact of one run, told by its process or, where that is gone, by the launcher."""

    run_id: str
    sequence: int  # from 1, dense per run; the same fact has the same number however often it is given
    at: datetime  # aware, UTC
    fact: RunFact


class Launcher(Protocol):
    """Starts runs and says what becomes of them.

    Every run launched ends in exactly one of `RUN_OUTCOMES`, the last fact of the run. Facts of a run come in
    order; after `reconcile` they are given again from sequence 1, so whoever records them drops what it has.

    A code location whose code cannot be loaded loses no run: they wait. It is loaded again by itself, with a
    growing delay between tries, and its runs begin when that succeeds.
    """

    async def load(self, location: CodeLocation) -> Loaded | LoadFailure:
        """What the code defines, and from here on runs are launched with it; or why it could not be loaded.

        A failure leaves the code that was loaded before in use, if it still can be.
        """
        ...

    @property
    def loadings(self) -> Mapping[str, Loaded | LoadFailure]:
        """What came of the last time each code location was loaded, asked for or not."""
        ...

    async def wait_loading(self) -> None:
        """Nothing, once a code location was loaded, or failed to be, since this last returned."""
        ...

    @property
    def reports(self) -> MemoryObjectReceiveStream[Sequence[Reported]]:
        """Batches of facts, never empty: all that came since the last one was taken.

        The stream is bounded: while nobody takes batches, facts wait where the runs wrote them.
        """
        ...

    async def launch(self, runs: Sequence[RunSpec]) -> None:
        """Nothing, once the runs are on their way; a run id that was launched before is not run again.

        It does not wait for a process to start. A run whose code location is not loaded, or was never given
        to `load`, waits until it is; one that cannot be started for another reason ends `RunLost`.
        """
        ...

    async def cancel(self, run_id: str, *, grace_s: float) -> None:
        """Nothing, once the run is asked to end; what is left of it after ``grace_s`` is killed.

        The run ends `RunCanceled`, or `RunSucceeded` if that came first. A run that is not known or has ended
        stays as it is.
        """
        ...

    async def reconcile(self, runs: Sequence[RunSpec]) -> None:
        """Nothing, once it is known what became of runs launched before a restart with no outcome on record.

        A run that never began is launched, one that is alive is adopted, one that ended tells its outcome,
        one that is gone without any tells what it reported and then `RunLost`.
        """
        ...
