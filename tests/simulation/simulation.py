"""One simulation: everything that happens in it follows from one number."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import patch

from events import ids
from events.envelope import Recorded
from projections import snapshot
from projections.world import Known, World, evolve
from tests.simulation.house import House
from tests.simulation.safeguards import core_of
from tests.simulation.stage import Safeguard, Stage, ViolationError
from tests.simulation.telling import told
from tests.simulation.trouble import Trouble

CALM_ROUNDS_MAX = 3_000
CALM_S_MAX = 3 * 24 * 3600.0


class Result(NamedTuple):
    """What came of a simulation."""

    seed: int
    facts: Counter[str]  # how many of each type
    violation: str | None
    trace: Callable[[], str]
    log: list[Recorded]


def simulate(seed: int, *, without: Safeguard | None = None) -> Result:
    """What comes of a simulation: trouble of all kinds, then calm until everything has ended.

    Always the same for a seed. The first violation ends it.
    """
    house = House(seed, without)
    mix, violation = house.stage.mix, None
    with ids_drawn(seed), core_of(house.stage):
        try:
            make_trouble(house)
            calm_down(house)
            check_end(house)
        except ViolationError as found:
            violation = str(found)
        except Exception:  # noqa: BLE001 - what crashes a simulation is told with its seed, as any violation
            violation = traceback.format_exc()
        finally:
            house.close()
    log = house.invariants.ledger.facts
    facts = Counter(type(recorded.fact).__name__ for recorded in log)
    return Result(seed, facts, violation, lambda: told(seed, mix, house.stage.trace, violation), log)


@contextmanager
def ids_drawn(seed: int) -> Iterator[None]:
    """Ids follow from the seed as all else does."""
    draw = SimpleNamespace(randbits=Random(f"ids {seed}").getrandbits)
    with patch.object(ids, "secrets", draw):
        yield


def make_trouble(house: House) -> None:
    """Things go wrong for as long as the mix says."""
    trouble = Trouble(house)
    for _ in range(house.stage.mix.steps):
        trouble.step()


def calm_down(house: House) -> None:
    """Nothing goes wrong any more: within bounds, every backfill ends.

    :raises ViolationError: one does not.
    """
    stage = house.stage
    stage.note("all trouble ends")
    stage.mix = stage.mix._replace(straight=100, unavailable=0, hanging=0, weights={})
    if None in house.machine.deployed.values():
        house.machine.deployed.update((code.location, code) for code in house.draw_code())
    house.people.open_pools()
    house.people.ask()
    for daemon in list(house.daemons):
        if len(daemon.locations) < len(house.machine.deployed):
            house.kill(daemon)
            continue
        if daemon.gates.is_frozen:
            house.thaw(daemon)
        house.check_lead(daemon)
    began_s, explained = stage.loop.time(), (0, 0)
    for _ in range(CALM_ROUNDS_MAX):
        before = (len(house.invariants.ledger.facts), len(stage.trace))
        _go_on(house)
        if (len(house.invariants.ledger.facts), len(stage.trace)) != before:
            continue
        if not house.people.world.known.active:
            return
        if stage.loop.time() - began_s > CALM_S_MAX:
            break
        if before != explained:
            house.check_explained()
            explained = before
        _let_time_pass(stage)
    left = ", ".join(house.people.world.known.active)
    raise ViolationError(f"not every backfill has ended, nor does it seem that it will: {left}")


def _go_on(house: House) -> None:
    """Whatever can go on does."""
    house.people.resume_all()
    house.settle()
    if not house.daemons:
        house.start_daemon(is_whole=True)
    for daemon in list(house.daemons):
        while daemon.gates.waiting:
            daemon.gates.open(daemon.gates.waiting[0])
        house.settle()
    for daemon in house.daemons:
        launcher = daemon.launcher
        for name in launcher.loadings:
            if name not in launcher.codes:
                launcher.load_now(name)
        launcher.kill_overdue()
        launcher.tell(list(launcher.runs))
    for process in house.machine.alive():
        process.hangs = False
        house.machine.advance(process)
    house.settle()


def _let_time_pass(stage: Stage) -> None:
    timer_s = stage.loop.next_timer_s()
    stage.loop.move_on(1.0 if timer_s is None else max(timer_s - stage.loop.time(), 0.001))


def check_end(house: House) -> None:
    """What was acknowledged or reported is on record, and every state that was seen is that of its prefix.

    :raises ViolationError: it is not.
    """
    facts = house.invariants.ledger.facts
    for event_id, position in house.stage.acknowledged.items():
        if position > len(facts) or facts[position - 1].id != event_id:
            raise ViolationError(f"event {event_id} was acknowledged at {position} and is not there")
    house.invariants.check_reports(house.machine)
    for daemon in house.daemons:
        house.look_at(daemon)
    house.seen.append((len(facts), "everybody", snapshot.encode(house.people.world)))
    _check_replay(house)


def _check_replay(house: House) -> None:
    """The fold of each prefix is what daemons had, and goes on from a snapshot of itself as they did."""
    facts = house.invariants.ledger.facts
    seen = sorted(house.seen, key=lambda each: each[0], reverse=True)
    cut = house.stage.rng.randint(0, len(facts))
    world = World()
    for recorded in [*facts, None]:
        while seen and seen[-1][0] == world.position:
            _, whose, state = seen.pop()
            if not _is_same(snapshot.encode(world), state):
                raise ViolationError(
                    f"at {world.position} the state of {whose} is not that of the log's fold"
                )
        if world.position == cut:
            resumed = snapshot.decode(snapshot.encode(world))
            if resumed is None:
                raise ViolationError(f"the snapshot of {cut} cannot be read")
            world = resumed
        if recorded is not None:
            evolve(world, recorded)


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two snapshots hold the same, in the same order where order matters."""
    if one == other:
        return True
    worlds = [snapshot.decode(state) for state in (one, other)]
    first, second = (world.known for world in worlds if world is not None)
    return first == second and _in_order(first) == _in_order(second)


def _in_order(known: Known) -> tuple[list[str], list[list[int]]]:
    return list(known.active), [list(known.dynamic[name].present) for name in sorted(known.dynamic)]
