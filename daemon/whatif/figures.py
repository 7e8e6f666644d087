"""What a backfill came to, as figures: measured alike of what was and of what was simulated."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median

import msgspec

from daemon.whatif.waiting import Waiting
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillRequested,
    PartitionMaterialized,
    PartitionSkipped,
    RunCanceled,
    RunFailed,
    RunLaunched,
    RunLost,
    RunSucceeded,
)
from projections.backfill.state import Backfill
from projections.world import World, evolve


class AssetTimes(msgspec.Struct):
    """When the partitions of one asset were filled, in seconds after the request; None: they were not."""

    asset: str
    partitions: int
    filled: int = 0
    oldest_s: float | None = None  # the first of them in the order of their definition
    newest_s: float | None = None  # the last of them
    complete_s: float | None = None  # all of them


class Figures(msgspec.Struct):
    """What came of a backfill, and what it took."""

    status: str
    took_s: float | None = None  # from its request to its end; None: it has not ended
    runs: int = 0  # that were launched, each attempt counted
    retries: int = 0  # those of them that were not a first attempt
    runs_failed: int = 0  # lost ones too
    waiting_total_s: float = 0.0  # of all runs: ready and not launched
    waiting_median_s: float = 0.0
    lag_median_s: float = 0.0  # from the end of a run to the next launch of one that had been ready before
    at_once_max: int = 0  # runs under way at the same time
    pools: dict[str, int] = {}  # by pool, the slots it had taken at the same time, at most
    assets: tuple[AssetTimes, ...] = ()  # upstream first


def folded(world: World, facts: Iterable[Recorded]) -> Iterator[Recorded]:
    """The facts, each when the world has it folded in."""
    for recorded in facts:
        evolve(world, recorded)
        yield recorded


def measured(world: World, facts: Iterable[Recorded], backfill_id: str) -> Figures | None:
    """The figures of the one backfill in a world, whose facts are folded in as they are asked for.

    None if its plan cannot be read.
    """
    measuring: _Measuring | None = None
    for recorded in facts:
        if recorded.backfill_id != backfill_id:
            continue
        if isinstance(recorded.fact, BackfillRequested):
            if backfill_id not in world.plans:
                return None
            measuring = _Measuring(world, world.known.active[backfill_id])
        if measuring is not None:
            measuring.take(recorded)
    return None if measuring is None else measuring.figures()


class _Measuring:
    def __init__(self, world: World, backfill: Backfill) -> None:
        self._world = world
        self._backfill = backfill
        self._plan = world.plans[backfill.id]
        self._waiting = Waiting(backfill, self._plan)
        self._waits_s: list[float] = []
        self._lags_s: list[float] = []
        self._ended_at: list[datetime] = []  # since the last launch
        self._figures = Figures(backfill.status)
        self._times = {asset: AssetTimes(asset, each.targeted) for asset, each in backfill.assets.items()}

    def figures(self) -> Figures:
        """What came of it so far."""
        found = self._figures
        found.status = self._backfill.status
        if self._backfill.completed_at is not None:
            found.took_s = self._seconds(self._backfill.completed_at)
        found.waiting_total_s = sum(self._waits_s)
        found.waiting_median_s = median(self._waits_s) if self._waits_s else 0.0
        found.lag_median_s = median(self._lags_s) if self._lags_s else 0.0
        for asset, times in self._times.items():
            times.filled = len(self._backfill.assets[asset].materialized)
        found.assets = tuple(self._times.values())
        return found

    def take(self, recorded: Recorded) -> None:
        """Count a fact that the world has folded in."""
        fact = recorded.fact
        match fact:
            case RunLaunched():
                self._launched(recorded, fact)
                return
            case PartitionMaterialized():
                self._filled(fact.asset, recorded.at)
            case RunFailed() | RunLost():
                self._figures.runs_failed += 1
                self._ended_at.append(recorded.at)
            case RunSucceeded() | RunCanceled():
                self._ended_at.append(recorded.at)
            case BackfillRequested() | BackfillAmended() | PartitionSkipped():
                pass
            case _:
                return
        self._waiting.look(recorded.at)

    def _launched(self, recorded: Recorded, fact: RunLaunched) -> None:
        ready_at = self._waiting.ended_by(recorded, fact)
        self._waits_s.append(max((recorded.at - ready_at).total_seconds(), 0.0))
        if not self._waits_by_the_clock(fact):
            lags = (recorded.at - ended_at for ended_at in self._ended_at if ready_at <= ended_at)
            self._lags_s += (max(lag.total_seconds(), 0.0) for lag in lags)
        self._ended_at.clear()
        found = self._figures
        found.runs += 1
        found.retries += fact.attempt > 1
        found.at_once_max = max(found.at_once_max, len(self._backfill.live))
        for pool in fact.pools:
            taken = len(self._world.known.pools[pool].running)
            found.pools[pool] = max(found.pools.get(pool, 0), taken)

    def _waits_by_the_clock(self, launch: RunLaunched) -> bool:
        """Whether a run may have been held back by hours or a rate, however quick the daemon is."""
        pools = (self._world.known.pools[pool] for pool in launch.pools)
        return self._backfill.only_between is not None or any(
            pool.rate_per_minute is not None or pool.only_between is not None for pool in pools
        )

    def _filled(self, asset: str, at: datetime) -> None:
        times, progress = self._times.get(asset), self._backfill.assets.get(asset)
        if times is None or progress is None:
            return
        targets = self._plan.group_of[asset].targets
        if times.oldest_s is None and targets.first in progress.materialized:
            times.oldest_s = self._seconds(at)
        if times.newest_s is None and targets.last in progress.materialized:
            times.newest_s = self._seconds(at)
        if times.complete_s is None and len(progress.materialized) == progress.targeted:
            times.complete_s = self._seconds(at)

    def _seconds(self, at: datetime) -> float:
        return (at - self._backfill.requested_at).total_seconds()
