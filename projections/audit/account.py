"""The account of a backfill: what a reviewer is told, as plain values; `accounting` makes it."""

from datetime import datetime

import msgspec

from events.facts import BackfillAmended, Cause, Failure, PartitionKeys, RunOrder
from projections.progress import AssetCounts


class Asking(msgspec.Struct, frozen=True):
    """What was asked for, by whom and why; options as they were at the request."""

    at: datetime
    by: str
    reason: str | None
    selection: tuple[str, ...]
    partitions_text: str
    partitions_as_of: str
    parent_backfill_id: str | None
    max_concurrent_runs: int | None
    order: RunOrder
    priority: int
    only_between: str | None
    tags: dict[str, str]


class PlannedRuns(msgspec.Struct, frozen=True):
    """Runs of one kind that were planned: a group of assets filled together."""

    assets: tuple[str, ...]
    code_location: str
    partitions: PartitionKeys | None
    policy: str | None  # None: the assets have no partitions
    runs_total: int


class Intervened(msgspec.Struct, frozen=True):
    """That somebody changed its course."""

    at: datetime
    by: str
    what: str  # paused, resumed, amended, canceled, a run canceled
    reason: str | None
    run_id: str | None  # of the one run it is about
    change: BackfillAmended | None  # of an amendment
    position: int


class AssetAccount(msgspec.Struct, frozen=True):
    """What came of one asset, and what it cost."""

    counts: AssetCounts
    existing: int | None  # partitions that it had when it was planned
    run_s: float  # in runs, of its own
    first_filled_at: datetime | None
    last_filled_at: datetime | None
    code_versions: dict[str, int]  # of what was filled: version -> partitions


class Moment(msgspec.Struct, frozen=True):
    """Something on the way."""

    at: datetime
    position: int
    what: str


class RunCosts(msgspec.Struct, frozen=True):
    """Runs and time. A run's duration is from its start, or else its launch, to its end."""

    launched: int
    succeeded: int
    failed: int
    timed_out: int  # of those that failed
    canceled: int
    lost: int
    under_way: int
    retries: int  # launches that were not the first attempt
    wall_s: float  # from the request to the end, or to the newest fact
    waiting_s: float | None  # from the request to the first launch
    paused_s: float
    run_s: float  # of all runs together
    duration_median_s: float | None
    duration_90_percent_s: float | None
    duration_max_s: float | None
    concurrency_peak: int
    concurrency_mean: float | None  # from the first launch to the last end


class Failed(msgspec.Struct, frozen=True):
    """An attempt that failed, and what became of its partitions in the end."""

    at: datetime
    run_id: str | None
    attempt: int | None
    asset: str | None  # None: the run as a whole
    partitions: PartitionKeys | None
    failure: Failure
    filled_later: int | None  # how many of them the backfill filled after all; None: nobody can say


class Skip(msgspec.Struct, frozen=True):
    """Partitions that were not tried, and why."""

    asset: str
    partitions: PartitionKeys | None
    causes: tuple[Cause, ...]


class Proof(msgspec.Struct, frozen=True):
    """Where in the log all of this stands, and what the log ended with at the moment that is told of."""

    facts: int
    first_position: int
    last_position: int
    head: int
    head_digest: str | None  # None: this kind of log has none at hand


class BackfillAccount(msgspec.Struct, frozen=True):
    """All about one backfill."""

    backfill_id: str
    status: str
    ended_at: datetime | None
    asking: Asking
    plan_digest: str
    runs_planned: int
    planned: tuple[PlannedRuns, ...]
    left_out: tuple[str, ...]  # assets that were selected and not planned
    manifests: dict[str, str]  # planned with: code location -> digest
    interventions: tuple[Intervened, ...]
    assets: dict[str, AssetAccount]
    timeline: tuple[Moment, ...]
    costs: RunCosts
    failures: tuple[Failed, ...]  # the first of them
    failures_total: int
    failures_by_type: dict[str, int]
    skips: tuple[Skip, ...]  # the first of them
    skips_total: int
    actors: dict[str, dict[str, int]]  # who -> type of fact -> how many
    manifests_run: dict[str, int]  # digest -> runs launched with it
    proof: Proof
