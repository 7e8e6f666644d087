"""The logs of many simulations as one long log, with every kind of fact and many backfills."""

from collections.abc import Iterator
from itertools import count
from uuid import UUID, uuid5

from events import codec
from events.envelope import Event, Recorded
from events.facts import Fact
from tests.simulation.many import silenced
from tests.simulation.simulation import simulate
from tests.simulation.spaces import TENANTS


def many_backfills(at_least: int) -> list[Event]:
    """The events of as many simulations as make so many backfills, one simulation behind the other."""
    events: list[Event] = []
    backfills = 0
    with silenced():
        for seed in count():
            result = simulate(seed)
            events += _apart(seed, result.log)
            backfills += result.facts["BackfillRequested"]
            if backfills >= at_least:
                return events
    raise AssertionError


def _apart(seed: int, log: list[Recorded]) -> Iterator[Event]:
    """The events with ids that no other simulation has: each draws its own from its seed alone."""
    of_seed = UUID(int=seed)

    def event_id(known: str | None) -> str | None:
        return None if known is None else str(uuid5(of_seed, known))

    def named(known: str | None) -> str | None:
        return None if known is None else f"s{seed}x{known}"

    for each in log:
        yield Event(
            id=str(uuid5(of_seed, each.id)),
            at=each.at,
            actor=each.actor,
            fact=_with_tenants_of(seed, each),
            backfill_id=named(each.backfill_id),
            run_id=named(each.run_id),
            causation_id=event_id(each.causation_id),
            correlation_id=event_id(each.correlation_id),
        )


def _with_tenants_of(seed: int, recorded: Recorded) -> Fact:
    """The fact with a dynamic set of the simulation's own: each counts its keys from the first."""
    name, schema, content = codec.encode(recorded.fact)
    own = content.replace(f'"{TENANTS}"'.encode(), f'"{TENANTS}{seed}"'.encode())
    return codec.decode(recorded.position, name, schema, own)
