"""The facts: everything backfilld ever says happened, as plain values.

A fact is a frozen struct of plain values in the past tense. Its class name is the stable type name kept in
the log; `schema` is the number of its shape, raised whenever a stored fact would no longer decode (older
shapes are brought up to date by `events.upcast`). Which backfill and run a fact is about, when it happened
and who says so stand in the envelope (`events.envelope`), not in the fact.
"""

from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["succeeded", "failed", "canceled"]
TokenRole: TypeAlias = Literal["viewer", "operator", "admin"]
RunOrder: TypeAlias = Literal["oldest_first", "newest_first", "random"]
Liftable: TypeAlias = Literal["max_concurrent_runs", "retries_max", "only_between"]


class PartitionKeys(msgspec.Struct, frozen=True):
    """A set of partition keys of one asset, written as inclusive ranges in the order of its definition.

    ``ranges`` holds ``(first, last)`` pairs, ascending and disjoint; a single key is ``(key, key)``. Which
    keys lie between two ends is said by the partitions definition in the manifest the fact refers to.
    """

    ranges: tuple[tuple[str, str], ...]
    count: int  # how many keys the ranges hold, at least 1


class RunGroup(msgspec.Struct, frozen=True):
    """Assets that are filled together: the runs of a backfill are cut from its groups, never listed.

    The partitions are cut into stretches of consecutive keys, the stretches into chunks of at most
    ``partitions_per_run_max`` keys; each chunk is one run over all ``assets``, in topological order. Run
    numbers count from 1 through the groups in the order they stand in the request.

    Partitions of two dimensions are cut into boxes, a range ``along`` one dimension times a set of keys of
    the other, and these into chunks (`projections.boxes`). Partitions that need earlier ones of their own
    asset are counted off ``in_turn``: across gaps, and in two dimensions one place along at a time.
    """

    assets: tuple[str, ...]
    code_location: str
    partitions: PartitionKeys | None  # None: the assets are unpartitioned and share one run
    partitions_per_run_max: int | None  # None: a run per stretch
    runs_total: int
    along: str | None = None  # a dimension; None: the partitions have one, or are cut in their order
    in_turn: bool = False


class Cause(msgspec.Struct, frozen=True):
    """One link of the chain that explains a skipped partition, nearest first."""

    asset: str
    partitions: PartitionKeys | None
    reason: str


class Failure(msgspec.Struct, frozen=True):
    """What went wrong, as user code or the launcher told it."""

    type: str  # the exception's class, or a word of ours such as "RunLost"
    message: str
    traceback: str | None = None


class DefinitionsLoaded(msgspec.Struct, frozen=True):
    """A code location was imported and printed a manifest (`backfilld.manifest` has its shape)."""

    schema: ClassVar[int] = 1

    code_location: str
    digest: str  # SHA-256 of the manifest's canonical JSON, in hex
    manifest: dict[str, Any] | None  # None: an earlier fact has the manifest with this digest


class DefinitionsFailed(msgspec.Struct, frozen=True):
    """A code location could not be imported; what it declared before stays in force."""

    schema: ClassVar[int] = 1

    code_location: str
    failure: Failure
    runs_held: bool = False  # no process with older code is there either: its runs wait until it loads


class DefinitionsWithdrawn(msgspec.Struct, frozen=True):
    """The daemon is not given a code location any more: it declares nothing, and runs of it wait."""

    schema: ClassVar[int] = 1

    code_location: str


class BackfillRequested(msgspec.Struct, frozen=True):
    """Somebody asked for a backfill; the plan they saw is the plan that will be run."""

    schema: ClassVar[int] = 1

    selection: tuple[str, ...]  # as typed
    partitions_text: str  # as typed: a range text, "--all", "--missing", "--failed", or these two, "--latest"
    manifests: dict[str, str]  # code location -> digest of the manifest planned with
    partitions_as_of: str  # RFC 3339 UTC: the partitions that existed then were planned
    groups: tuple[RunGroup, ...]
    runs_total: int
    plan_digest: str
    reason: str | None = None
    max_concurrent_runs: int | None = None
    order: RunOrder = "oldest_first"
    priority: int = 0
    tags: dict[str, str] = {}
    only_between: str | None = None  # hours of the day in which runs are launched, as of a pool
    parent_backfill_id: str | None = None


class BackfillPaused(msgspec.Struct, frozen=True):
    """No run of the backfill is launched from here on; running ones finish."""

    schema: ClassVar[int] = 1

    reason: str | None = None


class BackfillResumed(msgspec.Struct, frozen=True):
    """A paused backfill launches again."""

    schema: ClassVar[int] = 1

    reason: str | None = None


class BackfillAmended(msgspec.Struct, frozen=True):
    """A running backfill was changed; a field left None stays as it was, unless it is among ``lifted``."""

    schema: ClassVar[int] = 1

    reason: str | None = None
    max_concurrent_runs: int | None = None
    order: RunOrder | None = None
    priority: int | None = None
    retries_max: int | None = None
    dropped: dict[str, PartitionKeys | None] = {}  # asset -> partitions that will not be launched any more
    lifted: tuple[Liftable, ...] = ()  # what the backfill sets no limit of its own to any more
    only_between: str | None = None  # hours of the day in which runs are launched


class BackfillCancelRequested(msgspec.Struct, frozen=True):
    """No run is launched from here on and running ones are being ended."""

    schema: ClassVar[int] = 1

    reason: str | None = None


class BackfillCompleted(msgspec.Struct, frozen=True):
    """A backfill ended. Counts are partitions by asset; an unpartitioned asset counts one."""

    schema: ClassVar[int] = 1

    outcome: Outcome
    materialized: dict[str, int] = {}
    failed: dict[str, int] = {}
    skipped: dict[str, int] = {}
    canceled: dict[str, int] = {}  # targeted, and never reached because of the cancellation


class RunLaunched(msgspec.Struct, frozen=True):
    """The daemon has committed to a run. Recorded before the effect, whose idempotency key is the run id."""

    schema: ClassVar[int] = 1

    number: int  # of the plan, from 1
    attempt: int  # from 1
    assets: tuple[str, ...]
    partitions: PartitionKeys | None
    code_location: str
    manifest_digest: str
    pools: tuple[str, ...] = ()  # in each of which it takes a slot until it ends, and a token now


class RunStarted(msgspec.Struct, frozen=True):
    """The run's process is about to call user code."""

    schema: ClassVar[int] = 1

    pid: int
    host: str


class PartitionMaterialized(msgspec.Struct, frozen=True):
    """Partitions of one asset were filled."""

    schema: ClassVar[int] = 1

    asset: str
    partitions: PartitionKeys | None
    code_version: str | None = None
    metadata: dict[str, Any] = {}


class PartitionFailed(msgspec.Struct, frozen=True):
    """An attempt at partitions of one asset failed."""

    schema: ClassVar[int] = 1

    asset: str
    partitions: PartitionKeys | None
    failure: Failure


class PartitionSkipped(msgspec.Struct, frozen=True):
    """Partitions will not be run in this backfill because something they need did not come."""

    schema: ClassVar[int] = 1

    asset: str
    partitions: PartitionKeys | None
    causes: tuple[Cause, ...]  # nearest first, the failure that began it last


class RunCancelRequested(msgspec.Struct, frozen=True):
    """Somebody asked for this one run to be ended; what it has not filled by then is not tried again."""

    schema: ClassVar[int] = 1

    reason: str | None = None


class RunTimedOut(msgspec.Struct, frozen=True):
    """The run has taken longer than it may and is being ended: it will be RunFailed, as timed out."""

    schema: ClassVar[int] = 1

    timeout_s: float


class RunSucceeded(msgspec.Struct, frozen=True):
    """Every partition of the run was materialized."""

    schema: ClassVar[int] = 1

    duration_s: float


class RunFailed(msgspec.Struct, frozen=True):
    """The run ended with at least one partition not materialized."""

    schema: ClassVar[int] = 1

    duration_s: float
    failure: Failure


class RunCanceled(msgspec.Struct, frozen=True):
    """The run was ended on request, or was never started because of it."""

    schema: ClassVar[int] = 1

    duration_s: float | None = None


class RunLost(msgspec.Struct, frozen=True):
    """The run's process is gone and left no outcome."""

    schema: ClassVar[int] = 1

    reason: str


class DynamicPartitionsAdded(msgspec.Struct, frozen=True):
    """Keys joined a named dynamic set, in this order."""

    schema: ClassVar[int] = 1

    name: str
    keys: tuple[str, ...]
    reason: str | None = None


class DynamicPartitionsRemoved(msgspec.Struct, frozen=True):
    """Keys left a named dynamic set; history keeps them."""

    schema: ClassVar[int] = 1

    name: str
    keys: tuple[str, ...]
    reason: str | None = None


class PoolConfigured(msgspec.Struct, frozen=True):
    """The limits of a pool from here on; None lifts the limit."""

    schema: ClassVar[int] = 1

    pool: str
    slots: int | None = None
    rate_per_minute: float | None = None
    only_between: str | None = None  # hours of the day, "22:00-06:00 Europe/Berlin"
    reason: str | None = None


class TokenCreated(msgspec.Struct, frozen=True):
    """Whoever has the secret may come to the API and the pages, under the token's name."""

    schema: ClassVar[int] = 1

    name: str  # the actor of what is done with it
    role: TokenRole
    sha256: str  # of the secret, in hex; the secret itself is nowhere
    expires_at: str | None = None  # RFC 3339 UTC; None: it lasts until it is revoked
    reason: str | None = None


class TokenRevoked(msgspec.Struct, frozen=True):
    """The newest token of this name opens nothing any more."""

    schema: ClassVar[int] = 1

    name: str
    reason: str | None = None


class LeaderElected(msgspec.Struct, frozen=True):
    """A daemon took over the log."""

    schema: ClassVar[int] = 1

    daemon_id: str  # of this lead: a daemon that leads again has another
    host: str
    pid: int
    version: str
    max_concurrent_runs: int | None = None  # that it allows, over all backfills
    home: str | None = None  # the folder with the runs of this lead
    home_id: str | None = None  # what the folder calls itself, whatever path leads to it


Fact: TypeAlias = (
    DefinitionsLoaded
    | DefinitionsFailed
    | DefinitionsWithdrawn
    | BackfillRequested
    | BackfillPaused
    | BackfillResumed
    | BackfillAmended
    | BackfillCancelRequested
    | BackfillCompleted
    | RunLaunched
    | RunStarted
    | RunCancelRequested
    | RunTimedOut
    | PartitionMaterialized
    | PartitionFailed
    | PartitionSkipped
    | RunSucceeded
    | RunFailed
    | RunCanceled
    | RunLost
    | DynamicPartitionsAdded
    | DynamicPartitionsRemoved
    | PoolConfigured
    | TokenCreated
    | TokenRevoked
    | LeaderElected
)
