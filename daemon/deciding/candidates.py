"""The runs of one backfill that could be launched now, in the order they should be."""

from collections.abc import Iterator
from itertools import islice
from random import Random

import msgspec
from pyroaring import BitMap

from backfilld.ranges import Ranges
from daemon.deciding.room import Room
from projections.backfill.readiness import can_start
from projections.backfill.state import Backfill
from projections.plan import Plan, PlannedGroup

CANDIDATES_MAX = 1_000  # looked at in one decision; a backfill whose first ones are all taken waits


class Candidate(msgspec.Struct, frozen=True):
    """A run, or what is left of one, that has all it needs."""

    number: int
    attempt: int
    group: PlannedGroup
    assets: tuple[str, ...]
    ordinals: Ranges
    pools: tuple[str, ...]
    cause_event_id: str  # what made it ready


def candidates(backfill: Backfill, plan: Plan, room: Room) -> Iterator[Candidate]:
    """Parts of runs and retries that are due, then ready runs, most downstream first, in its order.

    Downstream goes first so that what was begun is finished before more is begun. What a limit holds back as
    a group is passed over as one, so that a thousand runs which wait for a pool cost no more than one.
    """
    return islice(_all(backfill, plan, room), CANDIDATES_MAX)


def _all(backfill: Backfill, plan: Plan, room: Room) -> Iterator[Candidate]:
    for piece in backfill.pieces:
        if (piece.due_at is None or piece.due_at <= room.now) and can_start(backfill, plan, piece):
            group, pools = plan.group_at(piece.number), plan.pools_of(piece.assets)
            if room.group_hold(group, pools) is None:
                ordinals = Ranges(piece.ordinals)
                yield Candidate(
                    piece.number, piece.attempt, group, piece.assets, ordinals, pools, piece.cause_event_id
                )
    for group in reversed(plan.groups):
        for chunk in _in_order(backfill, backfill.groups[group.index].ready):
            if room.group_hold(group, group.pools) is not None:
                break
            number = group.first_number + chunk
            cause = backfill.released_by.get(number, backfill.request_event_id)
            yield Candidate(number, 1, group, group.assets, group.cut.chunk(chunk), group.pools, cause)


def _in_order(backfill: Backfill, ready: BitMap) -> Iterator[int]:
    match backfill.order:
        case "newest_first":
            return (ready[index] for index in range(len(ready) - 1, -1, -1))
        case "random":
            # Drawn from the backfill's own past, so that deciding twice on one state gives the same.
            draw = Random(f"{backfill.id}:{backfill.runs_launched}")  # noqa: S311 - order, not a secret.
            return (ready[index] for index in draw.sample(range(len(ready)), min(len(ready), CANDIDATES_MAX)))
        case _:
            return iter(ready)
