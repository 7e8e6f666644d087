"""How long runs take: what runs that succeeded have taken, by their assets and their number of partitions."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

import msgspec

from events.envelope import Recorded
from events.facts import PartitionKeys, RunCanceled, RunFailed, RunLaunched, RunLost, RunStarted, RunSucceeded

SAMPLES_MAX = 100  # runs kept of the same assets and as many partitions: the newest
COUNTS_MAX = 50  # numbers of partitions kept of the same assets: those first seen last
MEDIAN = 0.5
LAG_MAX = timedelta(milliseconds=100)  # more than that between two runs is no daemon that is deciding


class Took(NamedTuple):
    """What one run took."""

    to_start: timedelta  # from its launch
    to_end: timedelta  # from its start

    def scaled(self, factor: float) -> "Took":
        """The same with as much more, or less, to do; to be started takes no longer for that."""
        return Took(self.to_start, self.to_end * factor)


class Seen(NamedTuple):
    """What runs that are nearest to those asked for have taken."""

    runs_of: tuple[tuple[str, ...], ...]  # the assets that they filled
    samples: Sequence[Took]  # the newest of as many partitions, or of the number nearest to it; at least one
    scale: float  # that brings what they took to what those asked for are thought to take

    def at(self, quantile: float) -> Took:
        """What this part of them, from 0 to 1, has not taken longer than."""
        return Took(
            _quantile([took.to_start for took in self.samples], quantile),
            _quantile([took.to_end for took in self.samples], quantile),
        ).scaled(self.scale)

    def drawn(self, lot: str) -> Took:
        """What one of them took, always the same one for the same lot."""
        draw = int.from_bytes(sha256(lot.encode()).digest()[:8])
        return self.samples[draw % len(self.samples)].scaled(self.scale)


class _Begun(msgspec.Struct):
    assets: tuple[str, ...]
    count: int
    launched_at: datetime
    started_at: datetime | None = None


class Durations:
    """What runs have taken. Made by folding facts into it with `evolve`, or with `add` from a table of them.

    It stays within bounds however long the log is: `SAMPLES_MAX` times `COUNTS_MAX` runs of the same assets.
    """

    def __init__(self) -> None:
        self._taken: dict[tuple[str, ...], dict[int, deque[Took]]] = {}
        self.begun: dict[str, _Begun] = {}  # by run id, those under way
        self.lag = timedelta()  # from the end of a run until the daemon has launched the next

    def add(self, assets: tuple[str, ...], count: int, took: Took) -> None:
        """A run of these assets, over so many partitions, has succeeded."""
        by_count = self._taken.setdefault(assets, {})
        if count not in by_count and len(by_count) == COUNTS_MAX:
            del by_count[next(iter(by_count))]
        by_count.setdefault(count, deque(maxlen=SAMPLES_MAX)).append(took)

    def has(self, assets: tuple[str, ...]) -> bool:
        """Whether runs of just these assets are known."""
        return assets in self._taken

    def seen(self, assets: tuple[str, ...], count: int) -> Seen | None:
        """What is known of runs of these assets over so many partitions; None if nothing is.

        Between two numbers of partitions that were seen the time is thought to grow evenly; below the least
        and beyond the greatest, in proportion. Of assets that never were a run by themselves it is their even
        share of the smallest run that they were part of, or the sum of runs of each of them that is known.
        """
        if assets in self._taken:
            return self._seen(assets, count)
        around = [others for others in self._taken if set(assets) < set(others)]
        if around:
            smallest = min(around, key=lambda others: (len(others), others))
            share = self._seen(smallest, count)
            return share._replace(scale=share.scale * len(assets) / len(smallest))
        parts = [self._seen((asset,), count) for asset in assets if (asset,) in self._taken]
        return _one_after_another(parts) if parts else None

    def _seen(self, assets: tuple[str, ...], count: int) -> Seen:
        by_count = self._taken[assets]
        nearest = min(by_count, key=lambda each: (abs(each - count), each))
        samples = tuple(by_count[nearest])
        points = [
            (each, _quantile([took.to_end for took in by_count[each]], MEDIAN)) for each in sorted(by_count)
        ]
        at_nearest = dict(points)[nearest]
        is_known = nearest == count or not at_nearest
        return Seen((assets,), samples, 1.0 if is_known else _expected(points, count) / at_nearest)


def lag_of(runs: Iterable[tuple[str, datetime, datetime]]) -> timedelta:
    """The median time from the end of a run to the next launch in its backfill, `LAG_MAX` at the most.

    Runs are given by their backfill, launch and end.
    """
    launches: dict[str, list[datetime]] = {}
    ends: dict[str, list[datetime]] = {}
    for backfill_id, launched_at, ended_at in runs:
        launches.setdefault(backfill_id, []).append(launched_at)
        ends.setdefault(backfill_id, []).append(ended_at)
    lags: list[timedelta] = []
    for backfill_id, ascending in ends.items():
        ascending.sort()
        for launched_at in launches[backfill_id]:
            before = bisect_right(ascending, launched_at)
            if before:
                lags.append(launched_at - ascending[before - 1])
    return min(_quantile(lags, MEDIAN), LAG_MAX) if lags else timedelta()


def evolve(durations: Durations, recorded: Recorded) -> None:
    """Fold one fact in. Never raises for a fact of any log."""
    run_id, fact = recorded.run_id or "", recorded.fact
    match fact:
        case RunLaunched():
            durations.begun[run_id] = _Begun(fact.assets, count_of(fact.partitions), recorded.at)
        case RunStarted() if run_id in durations.begun:
            durations.begun[run_id].started_at = recorded.at
        case RunSucceeded():
            begun = durations.begun.pop(run_id, None)
            if begun is not None and begun.started_at is not None:
                took = Took(begun.started_at - begun.launched_at, recorded.at - begun.started_at)
                durations.add(begun.assets, begun.count, took)
        case RunFailed() | RunCanceled() | RunLost():
            durations.begun.pop(run_id, None)
        case _:
            pass


def count_of(keys: PartitionKeys | None) -> int:
    """How many partitions that is; an unpartitioned asset has one."""
    return 1 if keys is None else keys.count


def _one_after_another(parts: Sequence[Seen]) -> Seen:
    """What runs take that do what several runs did, started once."""
    samples = []
    for number in range(max(len(part.samples) for part in parts)):
        tooks = [part.samples[number % len(part.samples)].scaled(part.scale) for part in parts]
        to_end = sum((took.to_end for took in tooks), timedelta())
        samples.append(Took(max(took.to_start for took in tooks), to_end))
    return Seen(tuple(assets for part in parts for assets in part.runs_of), samples, 1.0)


def _expected(points: Sequence[tuple[int, timedelta]], count: int) -> timedelta:
    """What so many partitions, none of the points, are thought to take; the points ascend."""
    for (fewer, less), (more, longer) in pairwise(points):
        if fewer < count < more:
            return less + (longer - less) * ((count - fewer) / (more - fewer))
    at, took = points[0] if count < points[0][0] else points[-1]
    return took * (count / at)


def _quantile(values: Sequence[timedelta], quantile: float) -> timedelta:
    """Between the two values around it, as far along as it lies between them."""
    ascending = sorted(values)
    place = quantile * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (place - low)
