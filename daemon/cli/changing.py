"""`backfilld cancel`, `pause` and `resume`: changes to a backfill, each a fact with who and why."""

from collections.abc import Callable, Sequence

from daemon.cli.invocation import Invocation, database_command
from daemon.cli.launch import IdArgument, ReasonOption
from daemon.cli.records import Records, with_records
from daemon.commands import cancel as decide_cancel
from daemon.commands import pause as decide_pause
from daemon.commands import resume as decide_resume
from daemon.refusal import Refused
from events.facts import Fact
from projections.backfill.state import Backfill
from projections.world import World

NOT_SERVED = "No daemon runs: it is ended once one does, with `backfilld up`."

Decide = Callable[[World, str, str | None], Sequence[Fact] | Refused]


@database_command
def cancel(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """End a backfill: nothing more is launched, and runs under way are ended; what is filled stays.

    backfilld cancel k3v9x2ab --reason 'wrong month'
    """
    change(
        invocation,
        backfill_id,
        reason,
        decide_cancel,
        done="is being canceled",
        already="was canceled already",
    )


@database_command
def pause(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """Keep a backfill from launching more runs; those under way finish."""
    change(invocation, backfill_id, reason, decide_pause, done="is paused", already="was paused already")


@database_command
def resume(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """Let a paused backfill launch again."""
    change(invocation, backfill_id, reason, decide_resume, done="goes on", already="was not paused")


def change(
    invocation: Invocation, backfill_id: str, reason: str | None, decide: Decide, *, done: str, already: str
) -> None:
    """Records what was decided, and says how the backfill stands then; saying it twice changes nothing."""

    async def call(records: Records) -> tuple[Sequence[Fact], Backfill, bool]:
        world = await records.world()
        facts = await records.record(world, backfill_id, lambda at_head: decide(at_head, backfill_id, reason))
        backfill = world.backfill(backfill_id)
        assert backfill is not None, "what was decided about a backfill is refused where there is none"
        return facts, backfill, await records.is_served()

    facts, backfill, is_served = with_records(invocation, call)
    words = (
        done if facts else already if backfill.completed is None else f"had ended already ({backfill.status})"
    )
    value = {"id": backfill.id, "status": backfill.status, "changed": bool(facts)}
    invocation.output.value(value, lambda console: console.print(f"Backfill {backfill.id} {words}."))
    if backfill.status == "canceling" and not is_served:
        invocation.output.note(NOT_SERVED, style="yellow")
