"""How long a plan of very many runs will take: reckoned by pieces, where simulating each run takes too long.

The runs of a group are cut into pieces in their order, and a piece waits for those upstream that hold what
its first, middle and last runs need. Pieces share the slots as a fluid does: a piece of n runs that take d
seconds on average, with s slots, takes n * d / s seconds, and d at the least. Of so many runs the average is
what counts, and how much they differ makes the sum uncertain by the root of their number alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf, sqrt
from statistics import fmean, pvariance
from typing import Final, NamedTuple

import msgspec

from backfilld.ranges import Ranges
from daemon.planning.planned import PlannedBackfill
from projections.daily_hours import DailyHours, hours_of
from projections.durations import Durations, Seen
from projections.plan import Plan, PlannedGroup
from projections.pools import Pool

PIECES_MAX: Final = 1_000  # of all groups
PIECES_OF_GROUP_MAX: Final = 100
STEPS_MAX: Final = 20_000
NEVER: Final = timedelta(days=8)  # in which nothing at all could be launched
Z_HIGH: Final = 1.2816  # nine in ten of a normal distribution are below its mean and so many deviations


class Reckoned(NamedTuple):
    """What a plan takes."""

    median_s: float
    high_s: float  # nine times in ten it takes no longer


class _Piece(msgspec.Struct):
    runs: int
    waits_for: tuple[tuple[int, int], ...]  # of a group, so many of its first pieces
    left_s: float  # of work, by one slot
    drawn_s: float = 0.0  # the slots that all pieces had while it was under way, times that time
    under_way_s: float = 0.0


class _Group(msgspec.Struct):
    pieces: list[_Piece]
    each_s: float  # that a run takes on average
    variance: float
    at_once: int  # of its runs: fewer than all where some need others
    pools: tuple[str, ...]
    hours: tuple[DailyHours, ...]
    done: int = 0  # of its first pieces


def reckoned(
    planned: PlannedBackfill,
    durations: Durations,
    pools: Mapping[str, Pool],
    now: datetime,
    *,
    runs_max: int,
) -> Reckoned | None:
    """What a plan will take from now on, with so many runs at the same time; None if it never ends.

    What nothing is known of takes no time.
    """
    groups = _groups(planned, durations, pools)
    most = planned.ask.max_concurrent_runs
    slots = min(runs_max, most) if most is not None else runs_max
    at, idle_since, variance = now, now, 0.0
    for _ in range(STEPS_MAX):
        if all(group.done == len(group.pieces) for group in groups):
            took_s = (at - now).total_seconds()
            return Reckoned(took_s, took_s + Z_HIGH * sqrt(variance))
        drawn = _drawn(groups, pools, slots, at)
        step_s = min((piece.left_s / share for _, piece, share in drawn), default=inf)
        until = _hours_change(groups, at)
        if until is not None:
            step_s = min(step_s, (until - at).total_seconds())
        if step_s == inf or (not drawn and at - idle_since > NEVER):
            return None
        for group, piece, share in drawn:
            piece.left_s -= share * step_s
            piece.drawn_s += step_s * sum(each for *_, each in drawn)
            piece.under_way_s += step_s
            if piece.left_s <= 1e-9:
                piece.left_s = 0.0
                variance += _variance(group, piece)
        for group in groups:
            while group.done < len(group.pieces) and not group.pieces[group.done].left_s:
                group.done += 1
        at += timedelta(seconds=step_s)
        idle_since = at if drawn else idle_since
    return None


def _variance(group: _Group, piece: _Piece) -> float:
    if not piece.drawn_s:
        return 0.0
    return piece.runs * group.variance * (piece.under_way_s / piece.drawn_s) ** 2


def _drawn(
    groups: Sequence[_Group], pools: Mapping[str, Pool], slots: int, at: datetime
) -> list[tuple[_Group, _Piece, float]]:
    """The pieces under way, and how many slots each has: the most downstream first, as it is decided."""
    free = float(slots)
    free_of = {name: inf if pool.slots is None else float(pool.slots) for name, pool in pools.items()}
    rate_of = {
        name: inf if pool.rate_per_minute is None else pool.rate_per_minute / 60
        for name, pool in pools.items()
    }
    drawn = []
    for group in reversed(groups):
        if free <= 0:
            break
        if group.done == len(group.pieces) or not all(hours.hold(at) for hours in group.hours):
            continue
        of_group = float(group.at_once)
        for piece in group.pieces[group.done :]:
            if not piece.left_s:
                continue
            if any(groups[upstream].done < count for upstream, count in piece.waits_for):
                break
            rate = min((rate_of.get(name, inf) for name in group.pools), default=inf)
            by_pool = min((free_of.get(name, inf) for name in group.pools), default=inf)
            share = min(free, of_group, float(piece.runs), by_pool, rate * group.each_s)
            if share <= 0:
                break
            drawn.append((group, piece, share))
            free, of_group = free - share, of_group - share
            for name in group.pools:
                free_of[name] = free_of.get(name, inf) - share
                rate_of[name] = rate_of.get(name, inf) - share / group.each_s
    return drawn


def _hours_change(groups: Sequence[_Group], at: datetime) -> datetime | None:
    """When the next hours of any group that is not done begin or end."""
    hours = {each for group in groups if group.done < len(group.pieces) for each in group.hours}
    ends = (DailyHours(each.end, each.begin, each.timezone).begin_after(at) for each in hours)
    return min((*(each.begin_after(at) for each in hours), *ends), default=None)


def _groups(planned: PlannedBackfill, durations: Durations, pools: Mapping[str, Pool]) -> list[_Group]:
    plan = planned.plan
    each_most = max(1, min(PIECES_OF_GROUP_MAX, PIECES_MAX // len(plan.groups)))
    counts = [min(each_most, group.cut.chunks_total) for group in plan.groups]
    backfill_hours = hours_of(planned.ask.only_between)
    made = []
    for group in plan.groups:
        seen = durations.seen(group.assets, len(group.cut.chunk(0)))
        each_s, variance = _takes(seen, durations.lag)
        hours = (backfill_hours, *(pools[name].hours for name in group.pools if name in pools))
        made.append(
            _Group(
                pieces=_pieces(plan, group, counts, each_s),
                each_s=each_s,
                variance=variance,
                at_once=_at_once(plan, group),
                pools=group.pools,
                hours=tuple(each for each in hours if each is not None),
            )
        )
    return made


def _takes(seen: Seen | None, lag: timedelta) -> tuple[float, float]:
    """What a run takes on average, and how much that varies."""
    if seen is None:
        return max(lag.total_seconds(), 1e-6), 0.0
    took_s = [sum((each.scaled(seen.scale)), timedelta()).total_seconds() for each in seen.samples]
    return max(fmean(took_s) + lag.total_seconds(), 1e-6), pvariance(took_s)


def _pieces(plan: Plan, group: PlannedGroup, counts: Sequence[int], each_s: float) -> list[_Piece]:
    total, count = group.cut.chunks_total, counts[group.index]
    edges = [edge for edge in plan.edges_into[group.index] if edge.upstream_group is not group]
    made = []
    for number in range(count):
        first, stop = total * number // count, total * (number + 1) // count
        waits_for: dict[int, int] = {}
        for chunk in {first, (first + stop) // 2, stop - 1}:
            ordinals = group.cut.chunk(chunk)
            for edge in edges:
                upstream = edge.upstream_group
                needed = upstream.cut.chunks_of(edge.needed(ordinals))
                if needed:
                    of_all = needed.intervals[-1][1] - 1, upstream.cut.chunks_total
                    piece = _piece_of(*of_all, counts[upstream.index])
                    waits_for[upstream.index] = max(waits_for.get(upstream.index, 0), piece + 1)
        made.append(_Piece(stop - first, tuple(waits_for.items()), (stop - first) * each_s))
    return made


def _piece_of(chunk: int, total: int, count: int) -> int:
    """The piece that holds a chunk, where so many chunks are cut into so many pieces.

    >>> [_piece_of(chunk, 10, 4) for chunk in range(10)] == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]
    True
    """
    return ((chunk + 1) * count - 1) // total


def _at_once(plan: Plan, group: PlannedGroup) -> int:
    """How many runs of a group could be under way together, by what they need of each other."""
    within = plan.edges_within[group.index]
    if not within:
        return group.cut.chunks_total
    first = group.targets
    for edge in within:
        first -= edge.dependants(group.targets)
    return max(1, len(group.cut.chunks_of(first or Ranges.single(group.targets.first))))
