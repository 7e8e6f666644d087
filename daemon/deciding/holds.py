"""Why a run that has all it needs is not launched. Who decides and who explains ask the same (`Room`)."""

from datetime import datetime
from typing import TypeAlias, assert_never

import msgspec

NAMED_MAX = 3  # runs


class Paused(msgspec.Struct, frozen=True, tag="paused"):
    """The backfill is paused."""


class Canceling(msgspec.Struct, frozen=True, tag="canceling"):
    """The backfill is being canceled."""


class NotLoaded(msgspec.Struct, frozen=True, tag="not_loaded"):
    """The code location does not load."""

    code_location: str
    since: datetime
    reason: str


class OutsideHours(msgspec.Struct, frozen=True, tag="outside_hours"):
    """It is not the time of day."""

    only_between: str
    begins_at: datetime
    pool: str | None  # None: the hours are the backfill's


class DaemonFull(msgspec.Struct, frozen=True, tag="daemon_full"):
    """As many runs are under way as the daemon allows at the same time."""

    runs_max: int


class BackfillFull(msgspec.Struct, frozen=True, tag="backfill_full"):
    """As many runs of the backfill are under way as it allows at the same time."""

    runs_max: int
    run_ids: tuple[str, ...]


class PoolFull(msgspec.Struct, frozen=True, tag="pool_full"):
    """Other runs have all slots of a pool."""

    pool: str
    slots: int
    run_ids: tuple[str, ...]


class PoolRate(msgspec.Struct, frozen=True, tag="pool_rate"):
    """A pool's rate allows no launch yet."""

    pool: str
    rate_per_minute: float
    next_at: datetime


class Overlapping(msgspec.Struct, frozen=True, tag="overlapping"):
    """Another run is filling one of the partitions."""

    asset: str
    run_id: str | None  # None: one that is launched in the same decision


Hold: TypeAlias = (
    Paused
    | Canceling
    | NotLoaded
    | OutsideHours
    | DaemonFull
    | BackfillFull
    | PoolFull
    | PoolRate
    | Overlapping
)


def hold_text(hold: Hold) -> str:  # noqa: PLR0911 - a sentence each
    """What is waited for, as the end of a sentence that begins with "waits"."""
    match hold:
        case Paused():
            return "until the backfill is resumed"
        case Canceling():
            return "for nothing: the backfill is being canceled"
        case NotLoaded():
            return f"for code location {hold.code_location} to load ({hold.reason})"
        case OutsideHours():
            whose = "of the backfill" if hold.pool is None else f"of pool {hold.pool}"
            return f"for the hours {whose} ({hold.only_between}), which begin at {_time(hold.begins_at)}"
        case DaemonFull():
            return f"for room among the runs that the daemon allows at the same time ({hold.runs_max:,})"
        case BackfillFull():
            whose = f"for room among the runs that the backfill allows at the same time ({hold.runs_max:,})"
            return f"{whose}: {_runs(hold.run_ids)} under way"
        case PoolFull():
            return f"for a slot of pool {hold.pool} ({hold.slots:,} in all), held by {_runs(hold.run_ids)}"
        case PoolRate():
            return (
                f"for the rate of pool {hold.pool} ({hold.rate_per_minute:g}/min); its next token comes at "
                f"{_time(hold.next_at)}"
            )
        case Overlapping():
            whose = "another run" if hold.run_id is None else f"run {hold.run_id}"
            return f"for {whose}, which is filling the same partitions of {hold.asset}"
        case _:
            assert_never(hold)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _runs(run_ids: tuple[str, ...]) -> str:
    if not run_ids:
        return "nobody yet"
    more = len(run_ids) - NAMED_MAX
    return ", ".join(run_ids[:NAMED_MAX]) + (f" and {more:,} more" if more > 0 else "")
