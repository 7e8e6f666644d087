"""What if: a recorded backfill simulated under another policy, beside what it was."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import msgspec

from daemon.refusal import Refused
from daemon.whatif.course import Course, Given, Policy, Script, succeeding
from daemon.whatif.figures import Figures, folded, measured
from daemon.whatif.record import Record, record_of
from daemon.whatif.simulation import simulated
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    Fact,
    PoolConfigured,
    RunLaunched,
)
from projections.durations import MEDIAN, Durations, Took, count_of
from projections.pools import pool_of
from projections.world import World

AS_IT_WAS = Policy()
NO_TIME = Took(timedelta(), timedelta())


class Assumed(msgspec.Struct):
    """What a simulation took for granted where nothing is on record."""

    attempts: int = 0  # that were never made or never came to their end: they take the median, and succeed
    unknown: dict[tuple[str, ...], None] = {}  # assets of which no run ever succeeded: they take no time

    def took(self, launch: RunLaunched, known: list[Durations]) -> Took:
        """The time of an attempt that is not on record, by the first that knows its assets."""
        self.attempts += 1
        for durations in known:
            seen = durations.seen(launch.assets, count_of(launch.partitions))
            if seen is not None:
                return seen.at(MEDIAN)
        self.unknown[launch.assets] = None
        return NO_TIME


class Outcome(msgspec.Struct, frozen=True):
    """A simulated course of a backfill."""

    figures: Figures
    assumed: Assumed


class Comparison(msgspec.Struct, frozen=True):
    """A backfill as it was and as it would have been."""

    backfill_id: str
    recorded: Figures
    simulated: Figures  # under the policy that it had: how near simulating comes to what was
    what_if: Figures
    notes: tuple[str, ...]  # what was taken for granted, a sentence each


def compare(
    head: World,
    facts: Sequence[Recorded],
    surroundings: Iterable[Recorded],
    *,
    policy: Policy,
    history: Durations,
) -> Comparison | Refused:
    """A backfill's own facts, its request first, beside what they would have been under a policy.

    :param head: the world at the log's head, or any after the facts; nothing is changed in it.
    :param surroundings: the facts of the types in `SURROUNDINGS`, up to its end.
    :param history: what runs of whichever backfills took, for those that this one did not come to.
    """
    record = record_of(facts, surroundings)
    was = as_it_was(record, head)
    if was is None:
        return Refused(f"the plan of backfill {backfill_id(record)} cannot be read any more")
    record.lag = timedelta(seconds=was.lag_median_s)
    if not record.limit_is_told:
        record.runs_max = max(was.at_once_max, 1)
    again = simulate(record, head, AS_IT_WAS, history)
    other = simulate(record, head, policy, history)
    notes = tuple(_notes(record, head, again, other))
    return Comparison(backfill_id(record), was, again.figures, other.figures, notes)


def _notes(record: Record, head: World, again: Outcome, other: Outcome) -> Iterator[str]:
    """What the comparison takes for granted, where it makes a difference."""
    beside = _others_then(record, head)
    if beside:
        which = "1 other backfill of that time is" if beside == 1 else f"{beside:,} others of that time are"
        yield f"{which} not simulated: it is alone."
    if record.runs_max is not None:
        yield f"No daemon has said how many runs it allows: taken to be as many as then, {record.runs_max:,}."
    if record.canceled:
        yield "It was canceled. What if does not cancel it: what was not run then is run."
    if any(isinstance(given.fact, BackfillPaused) for given in record.given):
        yield "It was paused, and is at the same times in what if."
    attempts = max(again.assumed.attempts, other.assumed.attempts)
    if attempts:
        yield (
            f"{attempts:,} attempt{'s were' if attempts > 1 else ' was'} not made then, or not to the end: "
            f"taken to need the median of the same assets, and to succeed."
        )
    for assets in other.assumed.unknown | again.assumed.unknown:
        yield f"No run of {', '.join(assets)} ever succeeded: what it takes is not known and left out."
    if other.figures.took_s is None:
        yield f"What if does not come to an end: the backfill is left {other.figures.status}."


def _others_then(record: Record, head: World) -> int:
    """How many other backfills were under way at some time while this one was."""
    own = head.backfill(backfill_id(record))
    if own is None:
        return 0
    until = own.completed_at or head.known.at
    others = (each for each in (*head.known.active.values(), *head.known.ended.values()) if each is not own)
    return sum(
        each.requested_at < until and own.requested_at < (each.completed_at or head.known.at)
        for each in others
    )


def as_it_was(record: Record, head: World) -> Figures | None:
    """The figures of what is on record; None if the plan cannot be read any more."""
    world = record.world(head)
    return measured(world, folded(world, record.facts), backfill_id(record))


def simulate(record: Record, head: World, policy: Policy, history: Durations) -> Outcome:
    """The figures of the same backfill under a policy; `AS_IT_WAS` shows how near simulating comes.

    What a run did then it does again, whenever it is launched. Under another policy nobody cancels it.
    """
    assumed = Assumed()
    world = world_under(policy, record, head)
    facts = simulated(world, course_under(policy, record, [record.durations, history], assumed))
    figures = measured(world, facts, backfill_id(record))
    assert figures is not None, "a plan that was read before is read again"
    return Outcome(figures, assumed)


def world_under(policy: Policy, record: Record, head: World) -> World:
    """The world right before the request, with pools as a policy says."""
    world = record.world(head)
    for name, slots in policy.pool_slots.items():
        pool_of(world.known.pools, name).slots = slots
    return world


def course_under(policy: Policy, record: Record, known: list[Durations], assumed: Assumed) -> Course:
    """The course that a backfill would have taken under a policy; what had to be assumed is noted down."""

    def script_for(run_id: str, launch: RunLaunched) -> Script:
        script = record.script(run_id, launch, canceling=policy == AS_IT_WAS)
        return succeeding(launch, assumed.took(launch, known)) if script is None else script

    return Course(
        backfill_id=backfill_id(record),
        given=tuple(_given(record, policy)),
        decides_from=record.decides_from or record.asked.at,
        script_for=script_for,
        runs_max=policy.runs_max or record.runs_max,
        lag=record.lag,
    )


def backfill_id(record: Record) -> str:
    """The id of the backfill that a record is of."""
    assert record.asked.backfill_id is not None, "a request is about a backfill"
    return record.asked.backfill_id


def _given(record: Record, policy: Policy) -> Iterator[Given]:
    """The request and all that followed it, where it would have been the same under a policy."""
    asked_at, about = record.asked.at, backfill_id(record)
    yield Given(asked_at, policy.request(record.request), about)
    if isinstance(policy.retries_max, int):
        yield Given(asked_at, BackfillAmended(retries_max=policy.retries_max), about)
    for given in record.given:
        fact = _under(policy, given.fact)
        if fact is not None:
            yield Given(max(given.at, asked_at), fact, given.backfill_id)


def _under(policy: Policy, fact: Fact) -> Fact | None:
    """What remains of a fact under a policy."""
    match fact:
        case BackfillCancelRequested() if policy != AS_IT_WAS:
            return None
        case PoolConfigured() if fact.pool in policy.pool_slots:
            return msgspec.structs.replace(fact, slots=policy.pool_slots[fact.pool])
        case BackfillAmended():
            return policy.amendment(fact)
        case _:
            return fact
