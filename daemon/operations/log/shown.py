"""Facts as answers hold them."""

from datetime import datetime
from typing import Any, cast

import msgspec

from events import codec
from events.envelope import Recorded
from events.facts import Fact

BY_ITSELF = "daemon"
BY_RUN = "run "


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
    data: Any  # the fact, or its JSON where it came over HTTP

    @property
    def fact(self) -> Fact:
        """The fact itself."""
        if isinstance(self.data, msgspec.Struct):
            return cast("Fact", self.data)
        return codec.decode(self.position, self.type, self.schema, msgspec.json.encode(self.data))


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


def recorded(fact: Shown) -> Recorded:
    """The fact as the log has it."""
    return Recorded(
        position=fact.position,
        id=fact.id,
        at=datetime.fromisoformat(fact.at),
        actor=fact.actor,
        fact=fact.fact,
        backfill_id=fact.backfill_id,
        run_id=fact.run_id,
        causation_id=fact.causation_id,
        correlation_id=fact.correlation_id,
    )
