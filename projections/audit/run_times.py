"""How long runs took, how many there were at a time, and into which asset their time went."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Final

import msgspec

from events.envelope import Recorded
from events.facts import (
    PartitionFailed,
    PartitionMaterialized,
    RunCanceled,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from projections.audit.account import RunCosts
from projections.backfill.state import Backfill

_ENDS: Final = {RunSucceeded: "succeeded", RunFailed: "failed", RunCanceled: "canceled", RunLost: "lost"}


class RunUnderWay(msgspec.Struct):
    """A run that has not ended by the facts told so far."""

    launch: RunLaunched
    launched_at: datetime
    mark: datetime  # its start, or the newest report: the time since is that of the next one
    started_at: datetime | None = None
    reported: dict[str, None] = {}  # assets
    has_failure: bool = False

    @property
    def unreported(self) -> str | None:
        """The first of its assets that it has said nothing of."""
        return next((asset for asset in self.launch.assets if asset not in self.reported), None)


class RunTimes:
    """Adds up the runs of a backfill. It holds those under way, and a number for each that ended."""

    def __init__(self) -> None:
        self.asset_s = defaultdict[str, float](float)  # asset -> seconds in runs
        self._under_way: dict[str, RunUnderWay] = {}
        self._count = Counter[str]()
        self._durations_s: list[float] = []
        self._occupied_s = 0.0  # from launch to end
        self._peak = 0
        self._last_end: datetime | None = None

    def of(self, run_id: str | None) -> RunUnderWay | None:
        """The run, if it is under way."""
        return self._under_way.get(run_id or "")

    def told(self, recorded: Recorded) -> None:
        """One more fact of a run; others say nothing here."""
        fact, run = recorded.fact, self.of(recorded.run_id)
        match fact:
            case RunLaunched():
                self._count["launched"] += 1
                self._count["retries"] += fact.attempt > 1
                self._under_way[recorded.run_id or ""] = RunUnderWay(fact, recorded.at, recorded.at)
                self._peak = max(self._peak, len(self._under_way))
            case RunStarted() if run is not None:
                run.started_at = run.mark = recorded.at
            case PartitionMaterialized() | PartitionFailed() if run is not None:
                run.reported[fact.asset] = None
                run.has_failure = run.has_failure or isinstance(fact, PartitionFailed)
                self._spent(fact.asset, run, recorded.at)
            case RunTimedOut():
                self._count["timed_out"] += 1
            case RunSucceeded() | RunFailed() | RunCanceled() | RunLost():
                self._count[_ENDS[type(fact)]] += 1
                if run is not None:
                    self._ended(recorded, run)
            case _:
                pass

    def costs(self, backfill: Backfill, *, last_at: datetime, paused_s: float) -> RunCosts:
        """What it came to; ``last_at`` is when the newest fact was recorded."""
        durations, count = sorted(self._durations_s), self._count
        first, asked_at = backfill.first_launched_at, backfill.requested_at
        span_s = (self._last_end - first).total_seconds() if first and self._last_end else 0.0
        return RunCosts(
            launched=count["launched"],
            succeeded=count["succeeded"],
            failed=count["failed"],
            timed_out=count["timed_out"],
            canceled=count["canceled"],
            lost=count["lost"],
            under_way=len(self._under_way),
            retries=count["retries"],
            wall_s=seconds_between(asked_at, backfill.completed_at or last_at),
            waiting_s=None if first is None else seconds_between(asked_at, first),
            paused_s=round(paused_s, 3),
            run_s=round(sum(durations), 3),
            duration_median_s=quantile(durations, 0.5),
            duration_90_percent_s=quantile(durations, 0.9),
            duration_max_s=quantile(durations, 1.0),
            concurrency_peak=self._peak,
            concurrency_mean=round(self._occupied_s / span_s, 2) if span_s > 0 else None,
        )

    def _ended(self, recorded: Recorded, run: RunUnderWay) -> None:
        del self._under_way[recorded.run_id or ""]
        asset = run.unreported
        if asset is not None:
            self._spent(asset, run, recorded.at)
        self._last_end = recorded.at
        self._occupied_s += seconds_between(run.launched_at, recorded.at)
        self._durations_s.append(seconds_between(run.started_at or run.launched_at, recorded.at))

    def _spent(self, asset: str, run: RunUnderWay, at: datetime) -> None:
        """The time since the last report of the run went into this asset."""
        self.asset_s[asset] += seconds_between(run.mark, at)
        run.mark = at


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds, to the millisecond; none where clocks of two machines would make them less."""
    return round(max((end - start).total_seconds(), 0.0), 3)


def quantile(ascending: list[float], share: float) -> float | None:
    """The least value that at least this share of all is not above: the nearest rank.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    if not ascending:
        return None
    rank = -(-len(ascending) * round(share * 1000) // 1000)
    return ascending[max(rank, 1) - 1]
