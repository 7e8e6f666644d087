"""Who gives a command, and the event that it becomes in the log."""

import getpass
import os
import socket
from datetime import datetime

from events.envelope import Event
from events.facts import BackfillRequested, Fact
from events.ids import new_id
from projections.world import World

ACTOR_VARIABLE = "BACKFILLD_ACTOR"


def actor() -> str:
    """Who gives the command: ``$BACKFILLD_ACTOR``, or the user and the machine."""
    named = os.environ.get(ACTOR_VARIABLE)
    if named:
        return named
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number that no user has.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def event_of(
    world: World, fact: Fact, at: datetime, backfill_id: str | None, run_id: str | None, *, cause: str | None
) -> Event:
    """The event of a person's command. It belongs to the story that the request of its backfill begins."""
    name, story = new_id(at), None
    backfill = None if backfill_id is None else world.backfill(backfill_id)
    if backfill is not None:
        story = backfill.request_event_id
    elif isinstance(fact, BackfillRequested):
        story = name
    return Event(name, at, actor(), fact, backfill_id, run_id, cause, story)


def parent_of(fact: Fact) -> str | None:
    """The backfill that a request goes on with."""
    return fact.parent_backfill_id if isinstance(fact, BackfillRequested) else None
