"""How far a backfill has come, counted from its state."""

from datetime import datetime

import msgspec

from backfilld.ranges import Ranges
from projections.backfill.state import AssetProgress, Backfill
from projections.sets import bitmap


class AssetCounts(msgspec.Struct, frozen=True):
    """The targeted partitions of one asset by where they stand; all but ``targeted`` add up to it."""

    targeted: int
    waiting: int  # for what they need, for a free slot, or for another attempt
    in_progress: int
    materialized: int
    failed: int
    skipped: int
    canceled: int

    @property
    def settled(self) -> int:
        """How many of them this backfill will not touch again."""
        return self.targeted - self.waiting - self.in_progress

    @property
    def done(self) -> int:
        """How many of them something came of: what was canceled is settled and not done."""
        return self.settled - self.canceled


class Progress(msgspec.Struct, frozen=True):
    """Where a backfill stands; a partition of two assets counts twice, an unpartitioned asset once."""

    assets: dict[str, AssetCounts]  # upstream first
    partitions: AssetCounts  # of all assets together
    runs_total: int  # of the plan, retries aside
    runs_left: int  # not launched yet, under way, or to be tried again
    runs_in_progress: int

    @property
    def runs_done(self) -> int:
        """How many runs of the plan nothing more will come of; a run cut in pieces counts by its last one."""
        return max(self.runs_total - self.runs_left, 0)


def progress_of(backfill: Backfill) -> Progress:
    """The counts of a backfill, running or ended, at a cost that does not grow with its size."""
    assets = {asset: _counts(backfill, asset, progress) for asset, progress in backfill.assets.items()}
    return Progress(
        assets=assets,
        partitions=AssetCounts(
            *(sum(getattr(counts, field) for counts in assets.values()) for field in _COUNTED)
        ),
        runs_total=backfill.request.runs_total,
        runs_left=_runs_left(backfill),
        runs_in_progress=len(backfill.live),
    )


def _runs_left(backfill: Backfill) -> int:
    if backfill.status == "canceled":  # It does not keep which; those never launched are what is left.
        return max(backfill.request.runs_total - backfill.runs_launched, 0)
    waiting = sum(len(group.waiting) for group in backfill.groups)
    return waiting + len(backfill.pieces) + len(backfill.live)


def time_left_s(done: int, left: int, elapsed_s: float) -> float | None:
    """Seconds until what is left will be done if it goes on as it went; None while nothing can be said."""
    if left == 0:
        return 0.0
    return left * elapsed_s / done if done > 0 and elapsed_s > 0 else None


def elapsed_s(backfill: Backfill, now: datetime) -> float:
    """Seconds from the first launch until the end, or until now; 0 for a backfill that launched nothing."""
    if backfill.first_launched_at is None:
        return 0.0
    return max(((backfill.completed_at or now) - backfill.first_launched_at).total_seconds(), 0.0)


_COUNTED = tuple(field.name for field in msgspec.structs.fields(AssetCounts))


def _counts(backfill: Backfill, asset: str, progress: AssetProgress) -> AssetCounts:
    in_progress = sum(
        len(progress.unsettled(bitmap(Ranges(run.ordinals))))
        for run in backfill.live.values()
        if asset in run.assets
    )
    settled = progress.materialized | progress.failed | progress.skipped
    canceled = len(progress.canceled - settled)
    waiting = progress.targeted - len(settled) - canceled - in_progress
    has_ended = backfill.completed is not None  # and then nothing waits: what was not reached was canceled
    return AssetCounts(
        targeted=progress.targeted,
        waiting=0 if has_ended else waiting,
        in_progress=in_progress,
        materialized=len(progress.materialized),
        failed=len(progress.failed - progress.materialized),
        skipped=len(progress.skipped - progress.materialized - progress.failed),
        canceled=canceled + waiting if has_ended else canceled,
    )
