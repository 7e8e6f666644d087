"""Why partitions of a backfill are not filled yet: from the log's state alone, by what `decide` goes by."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from pyroaring import BitMap

from backfilld.ranges import Ranges
from daemon.deciding.holds import Hold, hold_text
from daemon.deciding.room import Limits, Room
from events.facts import PartitionKeys
from projections.backfill.readiness import wanting
from projections.backfill.state import Backfill, Piece
from projections.plan import Edge, Plan, PlannedGroup
from projections.sets import bitmap, intervals, keys_of
from projections.world import World

Fate: TypeAlias = Literal["materialized", "failed", "skipped", "canceled"]
FATES: tuple[Fate, ...] = ("materialized", "failed", "skipped", "canceled")


class Upstream(msgspec.Struct, frozen=True, tag="upstream"):
    """Partitions upstream that this backfill has still to fill."""

    asset: str
    partitions: PartitionKeys | None
    under_way: int  # how many of them a run is filling


class RetryDelay(msgspec.Struct, frozen=True, tag="retry_delay"):
    """The delay before the next attempt has not passed."""

    attempt: int
    due_at: datetime


class UnderWay(msgspec.Struct, frozen=True, tag="under_way"):
    """A run is filling it."""

    run_id: str
    since: datetime


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """This backfill does nothing more about it."""

    fate: Fate


class NextTurn(msgspec.Struct, frozen=True, tag="next_turn"):
    """Nothing holds it back: it is launched when the daemon decides next, or before it others are."""


Reason: TypeAlias = Upstream | RetryDelay | UnderWay | Settled | NextTurn | Hold


class Waiting(msgspec.Struct, frozen=True):
    """Runs of some assets that are not launched, and why; without reasons where nobody looked."""

    assets: tuple[str, ...]
    runs: int
    reasons: tuple[Reason, ...]


def limits_of(world: World) -> Limits:
    """The limits of the daemon that leads, as it has said on record; without any, as good as none."""
    leader = world.known.leader
    most = leader.max_concurrent_runs if leader is not None else None
    return Limits(most if most is not None else 1 << 30)


def why_waiting(
    world: World, backfill: Backfill, now: datetime, *, looked_at_max: int | None = None
) -> list[Waiting]:
    """What the runs of a backfill that are not launched wait for, upstream first; at a cost by groups.

    :param looked_at_max: the cost is bounded too where runs wait in many stretches, as in an order of chance,
        or in many pieces: of more than this, only as many runs are looked at, and no reason is told for the
        others.
    """
    plan = world.plans.get(backfill.id)
    if plan is None:
        return []
    room = Room(world, now, limits_of(world))
    pieces = backfill.pieces[:looked_at_max]
    found = [Waiting(piece.assets, 1, _why_piece(room, backfill, plan, piece)) for piece in pieces]
    others = Counter(piece.assets for piece in backfill.pieces[len(pieces) :])
    found += [Waiting(assets, count, ()) for assets, count in others.items()]
    for group in plan.groups:
        progress = backfill.groups[group.index]
        if progress.ready:
            first = group.cut.chunk(progress.ready[0])
            reason = room.hold(backfill, group, group.assets, first, group.pools) or NextTurn()
            found.append(Waiting(group.assets, len(progress.ready), (reason,)))
        blocked = progress.waiting - progress.ready
        if blocked:
            looked_at = _first_of(blocked, looked_at_max)
            ordinals = group.cut.ordinals_of(intervals(looked_at))
            reasons = tuple(_upstream(backfill, plan.edges_into[group.index], ordinals))
            found.append(Waiting(group.assets, len(looked_at), reasons))
            if rest := len(blocked) - len(looked_at):
                found.append(Waiting(group.assets, rest, ()))
    return found


def _first_of(chunks: BitMap, most: int | None) -> BitMap:
    """All of them, or the first ones of those that make up too many stretches."""
    if most is None or len(chunks - chunks.shift(1)) <= most:
        return chunks
    return BitMap(chunks[:most])


class Place(NamedTuple):
    """One partition of a backfill."""

    plan: Plan
    asset: str
    ordinal: int  # in the plan


def why_not(world: World, backfill: Backfill, place: Place, now: datetime) -> tuple[Reason, ...]:
    """What one partition waits for, or what came of it."""
    plan, asset, ordinal = place
    for fate in FATES:
        if ordinal in getattr(backfill.assets[asset], fate):
            return (Settled(fate),)
    if backfill.completed is not None:  # What was not reached before a cancellation.
        return (Settled("canceled"),)
    for run in backfill.live.values():
        if asset in run.assets and ordinal in Ranges(run.ordinals):
            return (UnderWay(run.run_id, run.started_at or run.launched_at),)
    room = Room(world, now, limits_of(world))
    group = plan.group_of[asset]
    for piece in backfill.pieces:
        if asset in piece.assets and group.has_run(piece.number) and ordinal in Ranges(piece.ordinals):
            return _why_piece(room, backfill, plan, piece)
    (chunk,) = group.cut.chunks_of(Ranges.single(ordinal))
    ordinals = group.cut.chunk(chunk)
    if chunk in backfill.groups[group.index].ready:
        return (room.hold(backfill, group, group.assets, ordinals, group.pools) or NextTurn(),)
    return tuple(_upstream(backfill, plan.edges_into[group.index], ordinals))


def _why_piece(room: Room, backfill: Backfill, plan: Plan, piece: Piece) -> tuple[Reason, ...]:
    group, ordinals = plan.group_at(piece.number), Ranges(piece.ordinals)
    if piece.due_at is not None and piece.due_at > room.now:
        return (RetryDelay(piece.attempt, piece.due_at),)
    if lacking := wanting(backfill, plan, piece):
        return tuple(
            _still_to_come(backfill, asset, group, intervals(bits)) for asset, bits in lacking.items()
        )
    pools = plan.pools_of(piece.assets)
    return (room.hold(backfill, group, piece.assets, ordinals, pools) or NextTurn(),)


def _upstream(backfill: Backfill, edges: tuple[Edge, ...], ordinals: Ranges) -> Iterator[Upstream]:
    """What is still to be filled upstream of some partitions, an asset at a time."""
    pending: dict[str, tuple[PlannedGroup, Ranges]] = {}
    for edge in edges:
        lacking = edge.needed(ordinals) - intervals(backfill.assets[edge.upstream].materialized)
        group, before = pending.get(edge.upstream, (edge.upstream_group, Ranges()))
        pending[edge.upstream] = group, before | lacking
    for asset, (group, lacking) in pending.items():
        if lacking:
            yield _still_to_come(backfill, asset, group, lacking)


def _still_to_come(backfill: Backfill, asset: str, group: PlannedGroup, lacking: Ranges) -> Upstream:
    bits = bitmap(lacking)
    under_way = sum(
        len(bits & bitmap(Ranges(run.ordinals))) for run in backfill.live.values() if asset in run.assets
    )
    return Upstream(asset, keys_of(lacking, group.partitions), under_way)


def reason_text(reason: Reason) -> str:
    """A reason as the end of a sentence about a run or a partition."""
    match reason:
        case Upstream(asset=asset, partitions=keys, under_way=under_way):
            count = 1 if keys is None else keys.count
            what = (
                asset
                if keys is None
                else f"{count:,} {'partition' if count == 1 else 'partitions'} of {asset}"
            )
            doing = f" ({under_way:,} under way)" if under_way else ""
            return f"waits for {what}{doing}"
        case RetryDelay(attempt=attempt, due_at=due_at):
            return f"waits for attempt {attempt}, which is due at {due_at:%Y-%m-%d %H:%M:%S} UTC"
        case UnderWay(run_id=run_id, since=since):
            return f"is being filled by run {run_id} since {since:%Y-%m-%d %H:%M:%S} UTC"
        case Settled(fate=fate):
            return f"is {fate}" if fate == "materialized" else f"was {fate}" if fate != "failed" else "failed"
        case NextTurn():
            return "has all it needs, and is launched in its turn"
        case _:
            return f"waits {hold_text(reason)}"
