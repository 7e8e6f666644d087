"""Since when the runs of a backfill that are not launched could have been, limits aside."""

from datetime import datetime

from pyroaring import BitMap

from events.envelope import Recorded
from events.facts import RunLaunched
from projections.backfill.readiness import RELEASES_KEPT_MAX
from projections.backfill.state import Backfill
from projections.plan import Plan


class Waiting:
    """Looks at a backfill after each of its facts; costs by what has become ready since the last look."""

    def __init__(self, backfill: Backfill, plan: Plan) -> None:
        self._backfill = backfill
        self._plan = plan
        self._ready = [BitMap() for _ in plan.groups]  # chunks, by group
        self._since: dict[int, datetime] = {}  # by run number, of those that became ready with few others
        self._at_once: list[list[tuple[BitMap, datetime]]] = [[] for _ in plan.groups]  # … with many
        self._pieces: dict[tuple[int, int, str], datetime] = {}  # by number, attempt and cause

    def look(self, at: datetime) -> None:
        """Note what is ready since a fact of this time."""
        for group, progress in zip(self._plan.groups, self._backfill.groups, strict=False):
            ready = self._ready[group.index]
            if progress.ready == ready:
                continue
            new = progress.ready - ready
            if len(new) > RELEASES_KEPT_MAX:
                self._at_once[group.index].append((new, at))
            else:
                self._since.update(dict.fromkeys((group.first_number + chunk for chunk in new), at))
            # What is ready no more was skipped or dropped; what was launched is gone from both.
            ready &= progress.ready
            ready |= new
        for piece in reversed(self._backfill.pieces):
            key = (piece.number, piece.attempt, piece.cause_event_id)
            if key in self._pieces:
                break
            self._pieces[key] = piece.due_at or at

    def ended_by(self, recorded: Recorded, launch: RunLaunched) -> datetime:
        """Since when the run that is launched by this fact was ready; it is not any more."""
        group = self._plan.group_at(launch.number)
        chunk = launch.number - group.first_number
        self._ready[group.index].discard(chunk)
        of_piece = self._pieces.get((launch.number, launch.attempt, recorded.causation_id or ""))
        if of_piece is not None:
            return of_piece
        since = self._since.pop(launch.number, None) if launch.attempt == 1 else None
        if since is None and launch.attempt == 1:
            since = next((at for chunks, at in self._at_once[group.index] if chunk in chunks), None)
        return recorded.at if since is None else since
