"""`backfilld cancel`, `pause` and `resume`: changes to a backfill, each a fact with who and why."""

from daemon.cli.invocation import Invocation, database_command
from daemon.cli.launch import IdArgument, ReasonOption
from daemon.cli.opening import ask
from daemon.operations.interventions import Intervened, Intervening
from daemon.operations.interventions import cancel as cancel_backfill
from daemon.operations.interventions import pause as pause_backfill
from daemon.operations.interventions import resume as resume_backfill
from daemon.operations.operation import Operation

NOT_SERVED = "No daemon runs: it is ended once one does, with `backfilld up`."

Intervention = Operation[Intervening, Intervened]


@database_command
def cancel(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """End a backfill: nothing more is launched, and runs under way are ended; what is filled stays.

    backfilld cancel k3v9x2ab --reason 'wrong month'
    """
    asked = Intervening(backfill_id=backfill_id, reason=reason)
    change(invocation, cancel_backfill, asked, done="is being canceled", already="was canceled already")


@database_command
def pause(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """Keep a backfill from launching more runs; those under way finish."""
    asked = Intervening(backfill_id=backfill_id, reason=reason)
    change(invocation, pause_backfill, asked, done="is paused", already="was paused already")


@database_command
def resume(invocation: Invocation, backfill_id: IdArgument, *, reason: ReasonOption = None) -> None:
    """Let a paused backfill launch again."""
    asked = Intervening(backfill_id=backfill_id, reason=reason)
    change(invocation, resume_backfill, asked, done="goes on", already="was not paused")


def change(
    invocation: Invocation, intervention: Intervention, asked: Intervening, *, done: str, already: str
) -> None:
    """Does it, and says how the backfill stands then."""
    backfill = ask(invocation, intervention, asked)
    unchanged = f"had ended already ({backfill.status})" if backfill.has_ended else already
    words = done if backfill.changed else unchanged
    value = {"id": backfill.id, "status": backfill.status, "changed": backfill.changed}
    invocation.output.value(value, lambda console: console.print(f"Backfill {backfill.id} {words}."))
    if backfill.status == "canceling" and not backfill.is_served:
        invocation.output.note(NOT_SERVED, style="yellow")
