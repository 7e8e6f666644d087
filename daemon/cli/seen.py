"""A backfill as whoever follows it sees it, whether it is folded here or told by a daemon elsewhere."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from daemon.operations.standing import BackfillStanding
from projections.backfill.state import ENDED, Backfill
from projections.progress import AssetCounts, Progress, elapsed_s, progress_of
from projections.world import NotLoaded


class Seen(msgspec.Struct, frozen=True):
    """How far a backfill has come."""

    id: str
    status: str
    progress: Progress
    elapsed_s: float  # from the first launch until the end, or until now
    has_begun: bool  # something of it was launched
    was_canceled: bool  # somebody asked for that
    waits_for: Mapping[str, NotLoaded] = {}  # by code location: nothing of it can be launched

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED


def seen(backfill: Backfill, now: datetime, waits: Mapping[str, NotLoaded] | None = None) -> Seen:
    """A backfill as it is folded here."""
    return Seen(
        id=backfill.id,
        status=backfill.status,
        progress=progress_of(backfill),
        elapsed_s=elapsed_s(backfill, now),
        has_begun=backfill.first_launched_at is not None,
        was_canceled=backfill.cancel_requested is not None,
        waits_for=waits or {},
    )


def seen_in(standing: BackfillStanding) -> Seen:
    """A backfill as it was told."""
    names = (field.name for field in msgspec.structs.fields(AssetCounts))
    counts = {name: sum(getattr(each, name) for each in standing.progress.values()) for name in names}
    progress = Progress(
        assets=standing.progress,
        partitions=AssetCounts(**counts),
        runs_total=standing.runs_total,
        runs_left=standing.runs_total - standing.runs_done,
        runs_in_progress=standing.runs_in_progress,
    )
    return Seen(
        id=standing.id,
        status=standing.status,
        progress=progress,
        elapsed_s=standing.elapsed_s,
        has_begun=bool(standing.elapsed_s or standing.runs_in_progress or standing.runs_done),
        was_canceled=standing.canceled is not None,
        waits_for=standing.waits_for,
    )
