"""What surrounds a fact: an `Event` on its way into the log, a `Recorded` once it has a position there."""

from datetime import datetime

import msgspec

from events.facts import Fact


class Event(msgspec.Struct, frozen=True):
    """A fact to be appended. Its id makes the append idempotent: the same id is recorded once."""

    id: str  # UUIDv7, lower-case hex with hyphens; see `events.ids`
    at: datetime  # when it happened, aware, UTC
    actor: str  # who or what says so: "user@host", "daemon", a token's name
    fact: Fact
    backfill_id: str | None = None
    run_id: str | None = None
    causation_id: str | None = None  # the event that directly led to this one
    correlation_id: str | None = None  # the event the whole story began with


class Recorded(msgspec.Struct, frozen=True):
    """A fact of the log. Positions count 1, 2, 3, ... without gaps."""

    position: int
    id: str
    at: datetime
    actor: str
    fact: Fact
    backfill_id: str | None = None
    run_id: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
