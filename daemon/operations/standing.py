"""How a backfill, or everything, stands: the values that `backfilld status` shows."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from daemon.operations.failed_runs import FailedRun
from daemon.operations.moment import Moment
from daemon.operations.records import Records
from events.attendance import Attendant
from events.facts import LeaderElected
from projections.backfill.state import Backfill, Intervention
from projections.held import held_runs_of, waits_for
from projections.progress import AssetCounts, elapsed_s, progress_of, time_left_s
from projections.world import NotLoaded, World


class BackfillStanding(msgspec.Struct, frozen=True):
    """How far a backfill has come, as JSON shows it."""

    id: str
    status: str
    requested_at: datetime
    requested_by: str
    reason: str | None
    selection: tuple[str, ...]
    partitions: str  # as typed
    parent_backfill_id: str | None  # of which it is a retry
    runs_total: int
    runs_done: int
    runs_in_progress: int
    partitions_targeted: int
    partitions_settled: int
    progress: dict[str, AssetCounts]
    elapsed_s: float
    runs_per_s: float | None
    left_s: float | None
    ended_at: datetime | None
    paused: Intervention | None = None  # the pause it is in
    canceled: Intervention | None = None
    runs_held: int = 0  # of those in progress: launched, and waiting for their code location
    waits_for: dict[str, NotLoaded] = {}  # by code location: nothing of it can be launched
    failures: tuple[FailedRun, ...] = ()
    as_of: Moment | None = None  # None: now
    is_served: bool | UnsetType = UNSET  # by a daemon; told where it was asked for


class DaemonStanding(msgspec.Struct, frozen=True):
    """Whether a daemon serves the log, as JSON shows it."""

    serving: bool
    pid: int | None = None
    host: str | None = None
    version: str | None = None
    standbys: tuple[Attendant, ...] = ()  # daemons that wait to take over


class Standing(msgspec.Struct, frozen=True):
    """What goes on, as JSON shows it."""

    daemon: DaemonStanding | None  # None: of a moment of the past, or of a file, it is not on record
    home: str
    position: int  # of the log's newest fact
    code_locations_not_loaded: dict[str, NotLoaded]  # those not given to the daemon only if they are needed
    backfills: tuple[BackfillStanding, ...]  # that have not ended
    led_by: LeaderElected | None = None  # the last daemon that took the lead
    as_of: Moment | None = None  # None: now


async def standing_of_all(records: Records, home: str, pid: int | None) -> Standing:
    """What goes on."""
    world = await records.world()
    now = records.now()
    daemon = None if records.is_of_the_past else await daemon_standing(records, world, pid)
    backfills = tuple(standing_of(world, backfill, now) for backfill in world.known.active.values())
    needed = {name for backfill in backfills for name in backfill.waits_for}
    return Standing(
        daemon=daemon,
        home=home,
        position=world.position,
        code_locations_not_loaded={
            name: state
            for name, state in world.known.not_loaded.items()
            if state.failure is not None or name in needed
        },
        backfills=backfills,
        led_by=world.known.leader,
        as_of=records.moment,
    )


async def daemon_standing(records: Records, world: World, pid: int | None) -> DaemonStanding:
    """Which daemons are there now, as the database and the log of now have it."""
    leader = world.known.leader
    there = await records.attendance()
    if not there.is_led:
        return DaemonStanding(serving=False, standbys=there.standbys)
    if leader is not None and (there.leader or leader).pid == leader.pid:
        return DaemonStanding(True, leader.pid, leader.host, leader.version, there.standbys)  # noqa: FBT003 -- its field
    # A daemon that has only just taken the lead is not on record yet.
    return DaemonStanding(serving=True, pid=pid, standbys=there.standbys)


def standing_of(
    world: World, backfill: Backfill, now: datetime, failures: tuple[FailedRun, ...] = ()
) -> BackfillStanding:
    """How far a backfill has come."""
    progress = progress_of(backfill)
    waits = waits_for(world, backfill)
    spent_s = elapsed_s(backfill, now)
    return BackfillStanding(
        id=backfill.id,
        status=backfill.status,
        requested_at=backfill.requested_at,
        requested_by=backfill.requested_by,
        reason=backfill.request.reason,
        selection=backfill.request.selection,
        partitions=backfill.request.partitions_text,
        parent_backfill_id=backfill.request.parent_backfill_id,
        runs_total=progress.runs_total,
        runs_done=progress.runs_done,
        runs_in_progress=progress.runs_in_progress,
        partitions_targeted=progress.partitions.targeted,
        partitions_settled=progress.partitions.settled,
        progress=progress.assets,
        elapsed_s=round(spent_s, 3),
        runs_per_s=round(progress.runs_done / spent_s, 3) if spent_s and progress.runs_done else None,
        left_s=time_left_s(progress.runs_done, progress.runs_left, spent_s)
        if backfill.launching and not waits
        else None,
        ended_at=backfill.completed_at,
        paused=backfill.paused if backfill.status == "paused" else None,
        canceled=backfill.cancel_requested,
        runs_held=held_runs_of(world, backfill),
        waits_for=waits,
        failures=failures,
    )
