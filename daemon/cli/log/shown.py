"""Facts as `backfilld log` and other commands show them: for programs, and on a line for people."""

import msgspec
from rich.text import Text

from daemon.cli.fact_text import describe
from events.envelope import Recorded
from events.facts import Fact


class Shown(msgspec.Struct, frozen=True):
    """A fact of the log as JSON shows it; the names are those of the log's table."""

    position: int
    id: str
    at: str
    type: str
    schema: int
    actor: str
    backfill_id: str | None
    run_id: str | None
    causation_id: str | None
    correlation_id: str | None
    data: Fact


def shown(recorded: Recorded) -> Shown:
    """A recorded fact with its type named beside it."""
    return Shown(
        position=recorded.position,
        id=recorded.id,
        at=recorded.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        type=type(recorded.fact).__name__,
        schema=recorded.fact.schema,
        actor=recorded.actor,
        backfill_id=recorded.backfill_id,
        run_id=recorded.run_id,
        causation_id=recorded.causation_id,
        correlation_id=recorded.correlation_id,
        data=recorded.fact,
    )


def line(fact: Shown) -> Text:
    """A fact on one line for people; times are UTC."""
    text = Text()
    text.append(f"{fact.position:>8}  ", style="dim")
    text.append(f"{fact.at[:10]} {fact.at[11:23]}  ", style="dim")
    text.append(f"{fact.type:<24} ", style="bold")
    text.append(f"{fact.run_id or fact.backfill_id or '':<16} ", style="cyan")
    text.append(describe(fact.data))
    text.rstrip()
    return text
