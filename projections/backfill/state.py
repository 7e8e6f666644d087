"""The state of one backfill. Everything here is plain and can be written into a snapshot."""

from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

import msgspec
from pyroaring import BitMap

from events.facts import BackfillCompleted, BackfillRequested, Cause, Outcome, RunOrder
from projections.backfill.tally import Tally

BackfillStatus: TypeAlias = Literal["running", "paused", "canceling", "succeeded", "failed", "canceled"]
ENDED: Final[frozenset[str]] = frozenset(get_args(Outcome))  # the statuses after which nothing more comes
Intervals: TypeAlias = tuple[tuple[int, int], ...]  # of ordinals, half-open, ascending


class Intervention(msgspec.Struct, frozen=True):
    """That somebody changed the course of a backfill or a run: when, who and why."""

    at: datetime
    by: str
    reason: str | None = None

    @property
    def told(self) -> str:
        """``by ada: wrong month``."""
        return f"by {self.by}: {self.reason}" if self.reason else f"by {self.by}"


class AssetProgress(msgspec.Struct):
    """Where the targeted partitions of one asset stand; what is in none of the sets waits or is under way."""

    targeted: int
    materialized: BitMap = msgspec.field(default_factory=BitMap)
    failed: BitMap = msgspec.field(default_factory=BitMap)  # for good: no attempt is left
    skipped: BitMap = msgspec.field(default_factory=BitMap)
    canceled: BitMap = msgspec.field(default_factory=BitMap)

    def unsettled(self, ordinals: BitMap) -> BitMap:
        """Those of the ordinals that a run of this backfill may still be launched for."""
        return ordinals - self.materialized - self.failed - self.skipped - self.canceled

    @property
    def left_out(self) -> bool:
        """Whether any partition was settled without a run."""
        return bool(self.skipped or self.canceled)


class GroupProgress(msgspec.Struct):
    """The chunks of one group that were never launched, by index within the group."""

    waiting: BitMap  # ready ones included
    ready: BitMap


class LiveRun(msgspec.Struct):
    """A run that was launched and has no outcome yet."""

    run_id: str
    number: int
    attempt: int
    assets: tuple[str, ...]
    ordinals: Intervals
    code_location: str
    launched_at: datetime
    launch_event_id: str
    pools: tuple[str, ...] = ()  # that it holds a slot of
    timeout_s: float | None = None  # from its start on
    started_at: datetime | None = None
    times_out_at: datetime | None = None  # None also where it is being ended already
    timed_out: bool = False
    cancel_requested: Intervention | None = None
    failed: dict[str, BitMap] = {}  # asset -> what this attempt reported as failed
    reason: str = ""  # of the newest failure reported


class Piece(msgspec.Struct, frozen=True):
    """Part of a chunk that is to be launched by itself: what is left of it after a failure or a skip."""

    number: int
    attempt: int
    assets: tuple[str, ...]
    ordinals: Intervals  # one stretch, or in two dimensions one box
    due_at: datetime | None  # None: at once
    cause_event_id: str


class OutOfReach(msgspec.Struct, frozen=True):
    """Partitions of one asset that can no longer come in this backfill, and why."""

    asset: str
    ordinals: BitMap
    causes: tuple[Cause, ...]  # nearest first
    cause_event_id: str

    def without(self, ordinals: BitMap) -> "OutOfReach":
        """The rest of them."""
        return OutOfReach(self.asset, self.ordinals - ordinals, self.causes, self.cause_event_id)


class Backfill(msgspec.Struct):
    """One backfill from its request on."""

    id: str
    request: BackfillRequested
    request_event_id: str
    requested_at: datetime
    requested_by: str
    request_position: int
    max_concurrent_runs: int | None
    priority: int
    order: RunOrder
    only_between: str | None = None  # hours of the day in which runs are launched; None: always
    retries_max: int | None = None  # amended: instead of what the assets' retry policies say
    paused: Intervention | None = None  # the pause it is in
    cancel_requested: Intervention | None = None
    groups: list[GroupProgress] = []
    assets: dict[str, AssetProgress] = {}
    live: dict[str, LiveRun] = {}
    pieces: list[Piece] = []
    skips_due: list[OutOfReach] = []  # not recorded as skipped yet
    released_by: dict[int, str] = {}  # run number -> the event that made it ready, until it is launched
    runs_launched: int = 0  # attempts included
    tally: Tally = msgspec.field(default_factory=Tally)  # of the attempts, by when they began and ended
    first_launched_at: datetime | None = None
    last_launched_at: datetime | None = None
    last_at: datetime | None = None  # of the newest fact about it
    last_event_id: str = ""
    completed: BackfillCompleted | None = None
    completed_at: datetime | None = None
    unplannable: str | None = None  # why its plan cannot be read from the log

    @property
    def status(self) -> BackfillStatus:
        """The one word for it."""
        if self.completed is not None:
            return self.completed.outcome
        if self.cancel_requested:
            return "canceling"
        return "paused" if self.paused else "running"

    @property
    def launching(self) -> bool:
        """Whether runs of it may be launched now, limits aside."""
        return not (self.paused or self.cancel_requested or self.completed is not None)
