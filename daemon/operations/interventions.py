"""Changes to a backfill or a run that is under way, each a fact with who and why. Twice changes nothing."""

from collections.abc import Callable, Sequence

import msgspec

from daemon import commands
from daemon.operations.errors import UnknownError
from daemon.operations.fields import BackfillId, RunId, Why
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.operations.run_names import unknown_run
from daemon.refusal import Refused
from events.facts import Fact
from projections.backfill.state import ENDED
from projections.world import World

Decide = Callable[[World, str, str | None], Sequence[Fact] | Refused]


class Intervening(Question, frozen=True, kw_only=True):
    """Which backfill, and why."""

    backfill_id: BackfillId
    reason: Why = None


class Intervened(msgspec.Struct, frozen=True):
    """How the backfill stands then."""

    id: str
    status: str
    changed: bool
    is_served: bool  # a daemon is there to act on it

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED


class CancelingRun(Question, frozen=True, kw_only=True):
    """Which run, and why."""

    run_id: RunId
    reason: Why = None


class RunCanceled(msgspec.Struct, frozen=True):
    """How the run stands then."""

    id: str
    backfill_id: str
    status: str
    changed: bool
    has_ended: bool
    is_served: bool  # a daemon is there to act on it


@operation("POST", "/backfills/{backfill_id}/cancel")
async def cancel(records: Records, asked: Intervening) -> Intervened:
    """End a backfill: nothing more is launched, and runs under way are ended; what is filled stays."""
    return await _intervened(records, asked, commands.cancel)


@operation("POST", "/backfills/{backfill_id}/pause")
async def pause(records: Records, asked: Intervening) -> Intervened:
    """Keep a backfill from launching more runs; those under way finish."""
    return await _intervened(records, asked, commands.pause)


@operation("POST", "/backfills/{backfill_id}/resume")
async def resume(records: Records, asked: Intervening) -> Intervened:
    """Let a paused backfill launch again."""
    return await _intervened(records, asked, commands.resume)


async def _intervened(records: Records, asked: Intervening, decide: Decide) -> Intervened:
    world = await records.world()
    await records.backfill(world, asked.backfill_id)
    is_served = await records.is_served()
    facts = await records.record(
        world, asked.backfill_id, lambda at_head: decide(at_head, asked.backfill_id, asked.reason)
    )
    backfill = world.backfill(asked.backfill_id)
    assert backfill is not None, "what was decided about a backfill is refused where there is none"
    return Intervened(backfill.id, backfill.status, bool(facts), is_served)


@operation("POST", "/runs/{run_id}/cancel")
async def cancel_run(records: Records, asked: CancelingRun) -> RunCanceled:
    """End one run of a backfill; the others go on. What it filled stays, and it is not tried again."""
    run_id = asked.run_id
    world = await records.world()
    facts = await records.record(
        world,
        run_id.split("-", 1)[0],
        lambda at_head: commands.cancel_run(at_head, run_id, asked.reason),
        run_id=run_id,
    )
    found = await records.rows("runs", limit=1, id=run_id)
    if not found:
        raise UnknownError(await unknown_run(records, run_id))
    row = found[0]
    has_ended = row["ended_at"] is not None
    return RunCanceled(
        id=run_id,
        backfill_id=row["backfill_id"],
        status=row["status"] if has_ended else "canceling",
        changed=bool(facts),
        has_ended=has_ended,
        is_served=await records.is_served(),
    )
