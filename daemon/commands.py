"""What people may ask of a backfill that is there: each answer is the facts to record, or a refusal."""

from difflib import get_close_matches

from daemon.refusal import Refused
from events.facts import BackfillCancelRequested, BackfillPaused, BackfillResumed, Fact
from projections.backfill.state import Backfill
from projections.world import World


def cancel(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The request to end a backfill; nothing for one that is being canceled or has ended already."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.cancel_requested or backfill.completed is not None:
        return ()
    return (BackfillCancelRequested(reason),)


def pause(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The fact that keeps a backfill from launching; nothing if it is paused already."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.completed is not None:
        return Refused(f"backfill {backfill_id} has ended ({backfill.status}); there is nothing to pause")
    return () if backfill.paused else (BackfillPaused(reason),)


def resume(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The fact that lets a paused backfill launch again; nothing if it is not paused."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.completed is not None:
        return Refused(
            f"backfill {backfill_id} has ended ({backfill.status}); `backfilld launch` starts another"
        )
    return (BackfillResumed(reason),) if backfill.paused else ()


def find_backfill(world: World, backfill_id: str) -> Backfill | Refused:
    """The backfill with this id, or a refusal that offers ids that look like it."""
    backfill = world.backfill(backfill_id)
    if backfill is not None:
        return backfill
    near = tuple(get_close_matches(backfill_id, [*world.known.active, *world.known.ended], n=3))
    hint = f"did you mean {' or '.join(near)}?" if near else "`backfilld backfills` lists what there is"
    return Refused(f"there is no backfill {backfill_id!r}; {hint}", near)
