"""One fact, whole, with what led to it and what it led to."""

from contextlib import aclosing
from typing import Annotated

import msgspec

from daemon.operations.errors import UnknownError
from daemon.operations.fields import said
from daemon.operations.log.finding import singly
from daemon.operations.log.shown import Shown, shown
from daemon.operations.moment import time_text
from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import BackfillRequested, RunLaunched
from events.log import Filter, Log
from events.seeking import fact_at

CAUSED_MAX = 20  # told; what an early fact of a long backfill led to may be thousands


class Whole(msgspec.Struct, frozen=True):
    """A fact and the facts that it is tied to, as JSON shows them."""

    fact: Shown
    cause: Shown | None  # the fact that directly led to it
    story: Shown | None  # the fact that its whole story began with, by its correlation_id; may be itself
    caused: list[Shown]  # what it directly led to, the first of them
    caused_more: bool  # whether it led to more than these


class FactAt(PastQuestion, frozen=True, kw_only=True):
    """A fact by its position."""

    position: Annotated[int, said("A position of the log, from 1.")]


@operation("GET", "/log/{position}")
async def fact(records: Records, asked: FactAt) -> Whole:
    """Show one fact whole: all that it says, what caused it, and what it caused.

    :raises UnknownError: there is none at that position, or there was none yet.
    """
    log, upto = records.log, records.upto
    recorded = await fact_at(log, asked.position) if asked.position > 0 else None
    if recorded is None:
        raise UnknownError(no_position_text(asked.position, upto or await log.head()))
    if upto is not None and recorded.position > upto:
        raise UnknownError(f"position {recorded.position:,} was recorded later, at {time_text(recorded.at)}.")
    caused = [shown(each) for each in await caused_by(log, recorded, CAUSED_MAX + 1, upto=upto)]
    cause = await fact_named(log, recorded.causation_id)
    is_same = recorded.correlation_id == recorded.causation_id
    story = cause if is_same else await fact_named(log, recorded.correlation_id)
    return Whole(
        shown(recorded),
        None if cause is None else shown(cause),
        None if story is None else shown(story),
        caused[:CAUSED_MAX],
        len(caused) > CAUSED_MAX,
    )


def no_position_text(position: int, head: int) -> str:
    """The sentence for a position at which there is no fact."""
    if position <= head:
        return f"position {position:,} is not among the facts of this file."
    ends = f"the log ends with {head:,}" if head else "the log is empty"
    return f"there is no position {position:,}: {ends}."


async def fact_named(log: Log, name: str | None) -> Recorded | None:
    """The fact with this id, if there is one in the log."""
    if name is None:
        return None
    async with aclosing(singly(log.read(matching=Filter(id=name)))) as found:
        async for recorded in found:
            return recorded
    return None


async def caused_by(log: Log, recorded: Recorded, most: int, *, upto: int | None) -> list[Recorded]:
    """The first facts, up to a position, that this one directly led to; they stand behind it.

    What a launch led to is about its run. Nearly all that others led to is about their backfill; only
    requests are of backfills of their own.
    """
    if recorded.backfill_id is None:
        return []
    of_run = recorded.run_id if isinstance(recorded.fact, RunLaunched) else None
    here = Filter(recorded.backfill_id, of_run, causation_id=recorded.id)
    elsewhere = Filter(types=frozenset({BackfillRequested.__name__}), causation_id=recorded.id)
    found: dict[int, Recorded] = {}
    for matching in (here, elsewhere):
        async with aclosing(singly(log.read(after=recorded.position, upto=upto, matching=matching))) as each:
            async for caused in each:
                found[caused.position] = caused
                if len(found) >= most:
                    break
    return [found[position] for position in sorted(found)]
