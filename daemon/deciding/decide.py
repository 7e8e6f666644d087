"""The one place where it is decided what happens next. Pure: state, time and limits in, facts out."""

from collections.abc import Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import chain

import msgspec

from daemon.deciding.candidates import Candidate, candidates
from daemon.deciding.room import Limits, Room
from events.facts import BackfillCompleted, Fact, Outcome, PartitionSkipped, RunLaunched, RunTimedOut
from projections.backfill.state import Backfill, LiveRun
from projections.daily_hours import hours_of
from projections.plan import Plan
from projections.sets import intervals, keys_of
from projections.world import World


class Decision(msgspec.Struct, frozen=True):
    """A fact to be recorded at the head it was decided at."""

    fact: Fact
    backfill_id: str
    correlation_id: str  # the event of the backfill's request
    causation_id: str
    run_id: str | None = None


def decide(world: World, now: datetime, limits: Limits) -> list[Decision]:
    """What is to be recorded now; empty when nothing is to be done before another fact or `next_due`.

    The facts are in the order they must be recorded in, and fold into a world in which deciding again goes on
    from there: a chain of skips takes a call for each link.
    """
    decisions = [
        decision for backfill in world.known.active.values() for decision in _settle(world, backfill)
    ]
    decisions.extend(_timeouts(world, now))
    decisions.extend(_launches(world, Room(world, now, limits)))
    return decisions


def next_due(world: World, now: datetime) -> datetime | None:
    """When something becomes possible by time alone; None if nothing will."""
    dues = (due for backfill in world.known.active.values() for due in _dues(world, backfill, now))
    timeouts = (at for _, _, at in _limited_runs(world))
    return min((due for due in chain(dues, timeouts) if due > now), default=None)


def _dues(world: World, backfill: Backfill, now: datetime) -> Iterator[datetime]:
    """Times at which a backfill may be able to go on."""
    if not backfill.launching or backfill.id not in world.plans:
        return
    yield from (piece.due_at for piece in backfill.pieces if piece.due_at is not None)
    plan = world.plans[backfill.id]
    pools = {pool for piece in backfill.pieces for pool in plan.pools_of(piece.assets)}
    pools.update(*(group.pools for group in plan.groups if backfill.groups[group.index].ready))
    hours = [hours_of(backfill.only_between)]
    for pool in (world.known.pools[name] for name in sorted(pools & world.known.pools.keys())):
        hours.append(pool.hours)
        yield pool.token_due(now)
    yield from (each.begin_after(now) for each in hours if each is not None and not each.hold(now))


def _limited_runs(world: World) -> Iterator[tuple[Backfill, LiveRun, datetime]]:
    """The runs that may take only so long, and until when; those being ended already are none."""
    for backfill in world.known.active.values():
        if backfill.cancel_requested is None:
            for run in backfill.live.values():
                if run.times_out_at is not None:
                    yield backfill, run, run.times_out_at


def _timeouts(world: World, now: datetime) -> Iterator[Decision]:
    """That runs have taken longer than they may."""
    for backfill, run, at in _limited_runs(world):
        if at <= now and run.timeout_s is not None:
            fact = RunTimedOut(run.timeout_s)
            yield Decision(fact, backfill.id, backfill.request_event_id, run.launch_event_id, run.run_id)


def _settle(world: World, backfill: Backfill) -> Iterator[Decision]:
    """Skips that are due, or the end of a backfill in which nothing is left to do."""
    if backfill.skips_due and not backfill.cancel_requested:
        plan = world.plans[backfill.id]
        for due in backfill.skips_due:
            keys = keys_of(intervals(due.ordinals), plan.group_of[due.asset].partitions)
            skip = PartitionSkipped(due.asset, keys, due.causes)
            yield Decision(skip, backfill.id, backfill.request_event_id, due.cause_event_id)
        return
    outcome = _outcome(backfill)
    if outcome is not None:
        end = _completed(backfill, outcome)
        yield Decision(end, backfill.id, backfill.request_event_id, backfill.last_event_id)


def _outcome(backfill: Backfill) -> Outcome | None:
    if backfill.live:
        return None
    if backfill.cancel_requested:
        return "canceled"
    if backfill.unplannable is not None:
        return "failed"
    if backfill.pieces or any(group.waiting for group in backfill.groups):
        return None
    of_assets = backfill.assets.values()
    if all(len(progress.materialized) == progress.targeted for progress in of_assets):
        return "succeeded"
    nothing_failed = not any(progress.failed for progress in of_assets)
    return "canceled" if nothing_failed and any(progress.canceled for progress in of_assets) else "failed"


def _completed(backfill: Backfill, outcome: Outcome) -> BackfillCompleted:
    assets = backfill.assets.items()
    return BackfillCompleted(
        outcome=outcome,
        materialized={key: len(progress.materialized) for key, progress in assets},
        failed={key: len(progress.failed) for key, progress in assets if progress.failed},
        skipped={key: len(progress.skipped) for key, progress in assets if progress.skipped},
        canceled={
            key: left
            for key, progress in assets
            if (left := progress.targeted - len(progress.materialized | progress.failed | progress.skipped))
        },
    )


def _launches(world: World, room: Room) -> Iterator[Decision]:
    """Runs for what room there is: the backfill of the least rank first, and ranked anew for each run."""
    found: dict[str, Iterator[Candidate]] = {}
    queue: list[tuple[tuple[int, int, int], str]] = []
    for backfill in world.known.active.values():
        if backfill.launching and backfill.id in world.plans:
            found[backfill.id] = candidates(backfill, world.plans[backfill.id], room)
            queue.append((room.rank(backfill), backfill.id))
    heapify(queue)
    while queue and room.daemon_hold() is None:
        _, backfill_id = heappop(queue)
        backfill = world.known.active[backfill_id]
        if room.backfill_hold(backfill) is not None:
            continue
        candidate = _first_free(room, found[backfill_id])
        if candidate is None:
            continue
        room.take(backfill, candidate.group, candidate.assets, candidate.ordinals, candidate.pools)
        yield _launch(backfill, world.plans[backfill_id], candidate)
        heappush(queue, (room.rank(backfill), backfill_id))


def _first_free(room: Room, found: Iterator[Candidate]) -> Candidate | None:
    """The next candidate of which no partition is being filled by another run."""
    for candidate in found:
        if room.overlapped(candidate.group, candidate.assets, candidate.ordinals) is None:
            return candidate
    return None


def _launch(backfill: Backfill, plan: Plan, candidate: Candidate) -> Decision:
    group = candidate.group
    fact = RunLaunched(
        number=candidate.number,
        attempt=candidate.attempt,
        assets=candidate.assets,
        partitions=keys_of(candidate.ordinals, group.partitions),
        code_location=group.code_location,
        manifest_digest=backfill.request.manifests[group.code_location],
        pools=candidate.pools,
    )
    return Decision(
        fact,
        backfill.id,
        backfill.request_event_id,
        candidate.cause_event_id,
        run_id_of(backfill.id, plan, candidate),
    )


def run_id_of(backfill_id: str, plan: Plan, candidate: Candidate) -> str:
    """The run's name: backfill, number in the plan, attempt; a part of a run also has its place in it.

    The place is how far into the run's partitions it begins and, unless it is the first, with which asset.
    It follows from what is run and never from when, so two deciders name the same run alike.
    """
    offset = candidate.ordinals.first - plan.run(candidate.number).ordinals.first
    asset = candidate.group.assets.index(candidate.assets[0])
    place = f".{offset}.{asset}" if asset else f".{offset}" if offset else ""
    number = f"{candidate.number}{place}"
    return f"{backfill_id}-{number}-{candidate.attempt}"
