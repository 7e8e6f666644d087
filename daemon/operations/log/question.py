"""What a call of `backfilld log` asks for."""

from datetime import datetime
from enum import Enum

import msgspec

from daemon.operations.errors import UsageError, did_you_mean
from daemon.operations.log.shown import BY_RUN
from daemon.operations.moment import TypedMoment, typed_moment
from daemon.operations.typed import NUMBER_MAX
from events.codec import FACT_TYPES
from events.log import Filter


class Order(Enum):
    """Which of the facts that match are shown where the limit does not let all through, and how."""

    LAST = "the last ones, the oldest of them on top"
    OLDEST_FIRST = "the first ones"
    NEWEST_FIRST = "the last ones, the newest on top"


class Question(msgspec.Struct, frozen=True):
    """Which facts, in which order, and how many."""

    matching: Filter  # but for times, which `at` fills in
    order: Order
    limit: int  # 0: all
    first: int | None = None  # position
    last: int | None = None
    since: TypedMoment | None = None
    until: TypedMoment | None = None
    partitions: str | None = None  # of the asset, as typed
    follow: bool = False

    @property
    def after(self) -> int:
        """The position before the first that is asked for."""
        return (self.first or 1) - 1

    def upto(self, head: int) -> int:
        """The position that the answer ends with."""
        return head if self.last is None else min(self.last, head)

    def at(self, now: datetime) -> "Question":
        """The question with its times worked out.

        :raises UsageError: they are the wrong way round.
        """
        since = None if self.since is None else self.since.time(now)
        until = None if self.until is None else self.until.time(now)
        if since is not None and until is not None and since >= until:
            raise UsageError("nothing lies between --since and --until: the first is not before the second.")
        matching = msgspec.structs.replace(self.matching, since=since, until=until)
        return msgspec.structs.replace(self, matching=matching)


def matching_of(matching: Filter) -> Filter:
    """The same filter with what follows from it: what a run says is about that run, which has an index."""
    actor = matching.actor or ""
    if actor.startswith(BY_RUN) and matching.run_id is None:
        return msgspec.structs.replace(matching, run_id=actor.removeprefix(BY_RUN))
    return matching


def order_of(newest_first: bool | None, *, begins: bool) -> Order:  # noqa: FBT001 -- an option of three states
    """The order that was asked for; from a beginning on, the first ones are meant."""
    match newest_first:
        case True:
            return Order.NEWEST_FIRST
        case False:
            return Order.OLDEST_FIRST
        case None:
            return Order.OLDEST_FIRST if begins else Order.LAST


def time_typed(text: str | None, option: str) -> TypedMoment | None:
    """The time, or the time ago, that was typed.

    :raises UsageError: it is none.
    """
    if text is None:
        return None
    typed = typed_moment(text, option)
    if typed.position is not None:
        instead = "--from" if option == "--since" else "--to"
        raise UsageError(f"{option} takes a time, such as 2024-03-01 or 2h; positions are for {instead}.")
    return typed


def known_types(names: list[str] | None) -> frozenset[str]:
    """The types to be shown; empty for all.

    :raises UsageError: one of them is no type of fact.
    """
    for name in names or ():
        if name not in FACT_TYPES:
            raise UsageError(f"there is no fact of type {name!r}.{did_you_mean(name, FACT_TYPES)}")
    return frozenset(names or ())


def refuse_nonsense(question: Question) -> None:
    """Nothing, if the question's parts go together.

    :raises UsageError: they do not.
    """
    if question.partitions is not None and question.matching.asset is None:
        raise UsageError("--partitions are those of an asset: name it with --asset.")
    for position in (question.first, question.last):
        if position is not None and position > NUMBER_MAX:
            raise UsageError(f"no log is as long as a position of {len(str(position)):,} digits.")
    if question.first is not None and question.last is not None and question.first > question.last:
        raise UsageError(f"--from {question.first} is behind --to {question.last}.")
    if question.follow and question.order is Order.NEWEST_FIRST:
        raise UsageError("a log that is followed has no newest fact to begin with: leave --newest-first out.")
    if question.follow and (question.last is not None or question.until is not None):
        raise UsageError("a log that is followed has no end: leave --to and --until out.")
