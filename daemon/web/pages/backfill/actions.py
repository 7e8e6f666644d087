"""What can be done about a backfill, and what is said before it is done."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from daemon.web.pages.looking import Look
from projections.backfill.state import Backfill

Action: TypeAlias = Literal["pause", "resume", "amend", "cancel", "retry"]
ACTIONS: Final[tuple[Action, ...]] = ("pause", "resume", "amend", "cancel", "retry")


class Possible(msgspec.Struct, frozen=True):
    """An action that makes sense as the backfill stands."""

    name: Action
    label: str
    told: str  # what it does
    button: str  # that does it
    key: str = ""  # of a launch: the same one launches once


def actions_of(seen: Look, backfill: Backfill) -> tuple[Possible, ...]:
    """What can be done about it now, whoever may do it."""
    return tuple(_possible(seen, backfill))


def _possible(seen: Look, backfill: Backfill) -> Iterator[Possible]:
    if backfill.completed is not None:
        if backfill.status != "succeeded":
            yield Possible(
                "retry",
                "Retry",
                "Launches a new backfill over all that failed, was skipped or was canceled in this one, with "
                "the same limits and tags, by the code as it is now.",
                "Launch the retry",
                key=_retry_key(seen, backfill),
            )
        return
    if backfill.cancel_requested is None:
        if backfill.paused is None:
            yield Possible("pause", "Pause", "No more runs are launched; those under way finish.", "Pause it")
        else:
            yield Possible("resume", "Resume", "Runs are launched again.", "Let it go on")
        yield Possible("amend", "Amend", "What is changed holds for all runs from now on.", "Amend it")
        yield Possible(
            "cancel",
            "Cancel",
            "Runs under way are ended, and nothing more is launched. What is filled stays filled. This "
            "cannot be undone; a retry fills the rest later.",
            "Cancel the backfill",
        )


def _retry_key(seen: Look, backfill: Backfill) -> str:
    """The key of the next retry: the same however often it is pressed, and another once there is one."""
    known = seen.world.known
    everything = (*known.active.values(), *known.ended.values())
    before = sum(other.request.parent_backfill_id == backfill.id for other in everything)
    return f"retry {backfill.id} {before}"
