"""What may still be launched: all limits, less what is under way and what one decision has taken so far."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from pyroaring import BitMap

from backfilld.ranges import Ranges
from daemon.deciding.holds import (
    BackfillFull,
    Canceling,
    DaemonFull,
    Hold,
    NotLoaded,
    OutsideHours,
    Overlapping,
    Paused,
    PoolFull,
    PoolRate,
)
from projections.backfill.state import Backfill
from projections.daily_hours import hours_of
from projections.held import held_locations, held_runs
from projections.plan import PlannedGroup
from projections.pools import Pool
from projections.world import World

AGE_PER_PRIORITY = timedelta(minutes=1)  # of waiting, for which a backfill gains one in priority


class Limits(msgspec.Struct, frozen=True):
    """How much may be under way at once."""

    max_concurrent_runs: int  # over all backfills, at least 1


class Room:
    """The room there is at one moment. `take` what is launched; everything else only looks."""

    def __init__(self, world: World, now: datetime, limits: Limits) -> None:
        self.now = now
        self._world = world
        self._limits = limits
        # A run that waits for its code location has no process; the launcher begins it when there is room.
        self._free = limits.max_concurrent_runs - (world.live_runs() - held_runs(world))
        self._not_loaded = held_locations(world)
        self._taken_of_backfill: Counter[str] = Counter()
        self._taken_of_pool: Counter[str] = Counter()
        self._claimed: dict[str, BitMap] = {}

    def daemon_hold(self) -> Hold | None:
        """Why nothing at all can be launched."""
        return DaemonFull(self._limits.max_concurrent_runs) if self._free <= 0 else None

    def backfill_hold(self, backfill: Backfill) -> Hold | None:
        """Why nothing of a backfill can be launched, the daemon's own limit aside."""
        if backfill.cancel_requested:
            return Canceling()
        if backfill.paused:
            return Paused()
        hours = hours_of(backfill.only_between)
        if hours is not None and not hours.hold(self.now):
            return OutsideHours(backfill.only_between or "", hours.begin_after(self.now), None)
        most = backfill.max_concurrent_runs
        if most is not None and self.running(backfill) >= most:
            return BackfillFull(most, tuple(backfill.live))
        return None

    def running(self, backfill: Backfill) -> int:
        """How many runs of a backfill are under way, with those that were taken."""
        return len(backfill.live) + self._taken_of_backfill[backfill.id]

    def group_hold(self, group: PlannedGroup, pools: Iterable[str]) -> Hold | None:
        """Why no run of a group that takes part in these pools can be launched, limits of others aside."""
        if group.code_location in self._not_loaded:
            state = self._world.known.not_loaded[group.code_location]
            failure = state.failure
            reason = "no daemon serves it" if failure is None else f"{failure.type}: {failure.message}"
            return NotLoaded(group.code_location, state.since, reason)
        for name in pools:
            pool = self._world.known.pools.get(name)
            hold = None if pool is None else self._pool_hold(pool)
            if hold is not None:
                return hold
        return None

    def _pool_hold(self, pool: Pool) -> Hold | None:
        hours, taken = pool.hours, self._taken_of_pool[pool.name]
        if hours is not None and not hours.hold(self.now):
            return OutsideHours(pool.only_between or "", hours.begin_after(self.now), pool.name)
        if pool.slots is not None and len(pool.running) + taken >= pool.slots:
            return PoolFull(pool.name, pool.slots, tuple(pool.running))
        next_at = pool.token_due(self.now, taken)
        if next_at > self.now and pool.rate_per_minute is not None:
            return PoolRate(pool.name, pool.rate_per_minute, next_at)
        return None

    def overlapped(self, group: PlannedGroup, assets: Iterable[str], ordinals: Ranges) -> str | None:
        """The first of the assets of which another run fills any of these partitions."""
        for asset in assets:
            serials = self._world.status_bits(asset, group, ordinals)
            if self._world.in_progress(asset, serials):
                return asset
            if asset in self._claimed and serials.intersect(self._claimed[asset]):
                return asset
        return None

    def overlap_hold(self, group: PlannedGroup, assets: Iterable[str], ordinals: Ranges) -> Hold | None:
        """Why these partitions cannot be filled now, and by which run they are."""
        asset = self.overlapped(group, assets, ordinals)
        if asset is None:
            return None
        serials = self._world.status_bits(asset, group, ordinals)
        return Overlapping(asset, overlapping_run(self._world, asset, serials))

    def hold(
        self,
        backfill: Backfill,
        group: PlannedGroup,
        assets: Sequence[str],
        ordinals: Ranges,
        pools: Iterable[str],
    ) -> Hold | None:
        """Why a run that has all it needs is not launched now; None: its turn comes next."""
        return (
            self.backfill_hold(backfill)
            or self.group_hold(group, pools)
            or self.overlap_hold(group, assets, ordinals)
            or self.daemon_hold()
        )

    def take(
        self,
        backfill: Backfill,
        group: PlannedGroup,
        assets: Iterable[str],
        ordinals: Ranges,
        pools: Iterable[str],
    ) -> None:
        """Something is launched: what it takes is not there for others any more."""
        self._free -= 1
        self._taken_of_backfill[backfill.id] += 1
        self._taken_of_pool.update(pools)
        for asset in assets:
            serials = self._world.status_bits(asset, group, ordinals)
            self._claimed[asset] = self._claimed.get(asset, BitMap()) | serials

    def rank(self, backfill: Backfill) -> tuple[int, int, int]:
        """Backfills of a lesser rank come first.

        By priority, and a whole one more for each minute that a backfill has launched nothing, so that none
        waits for ever; then by the runs under way, so that a small one does not wait behind a large one.
        """
        since = backfill.last_launched_at or backfill.requested_at
        is_served = self._taken_of_backfill[backfill.id] > 0
        waited = 0 if is_served else max(self.now - since, timedelta()) // AGE_PER_PRIORITY
        return -(backfill.priority + waited), self.running(backfill), backfill.request_position


def overlapping_run(world: World, asset: str, serials: BitMap) -> str | None:
    """The run under way that fills any of these partitions of an asset."""
    for backfill in world.known.active.values():
        for run in backfill.live.values():
            if asset in run.assets:
                group = world.plans[backfill.id].group_at(run.number)
                if world.status_bits(asset, group, Ranges(run.ordinals)).intersect(serials):
                    return run.run_id
    return None
