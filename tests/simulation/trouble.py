"""Everything that may happen in a simulation, one step at a time.

A kind of step is a method here and a weight of its name in `mixing`.
"""

from collections.abc import Iterator
from datetime import timedelta

from tests.simulation.daemons import Daemon
from tests.simulation.house import House

DAEMONS_MAX = 2


class Trouble:
    """Steps of all kinds, in any order; each does nothing where it makes no sense."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stage = house.stage
        self._rng = house.stage.rng

    def step(self) -> None:
        """Something happens."""
        weights = self._stage.mix.weights | dict.fromkeys(self._without_sense(), 0)
        (name,) = self._rng.choices(list(weights), list(weights.values()))
        getattr(self, name)()
        self._house.settle()

    def _without_sense(self) -> Iterator[str]:
        """Frequent steps that would do nothing now."""
        awake = [daemon for daemon in self._house.daemons if not daemon.gates.is_frozen]
        if not any(daemon.gates.waiting for daemon in awake):
            yield "gate"
        if not any(daemon.launcher.runs for daemon in awake):
            yield "report"
        if not self._house.machine.alive():
            yield "run"
        if self._house.leader is not None:
            yield "start"

    def gate(self) -> None:
        """A task that waits goes on."""
        gates = [
            (daemon, gate)
            for daemon in self._house.daemons
            if not daemon.gates.is_frozen
            for gate in daemon.gates.waiting
        ]
        if gates:
            daemon, gate = self._rng.choice(gates)
            self._stage.note(f"{daemon.name}: goes on {gate.where}")
            daemon.gates.open(gate)

    def run(self) -> None:
        """A run goes on."""
        if alive := self._house.machine.alive():
            self._house.machine.advance(self._rng.choice(alive))

    def report(self) -> None:
        """A launcher looks at some of its runs and tells what is new."""
        if (daemon := self._any(frozen=False)) and daemon.launcher.runs:
            runs = list(daemon.launcher.runs)
            daemon.launcher.tell(self._rng.sample(runs, k=self._rng.randint(1, len(runs))))

    def repeat(self) -> None:
        """A launcher tells again what it has told of a run, and what is new twice."""
        if (daemon := self._any(frozen=False)) and daemon.launcher.runs:
            run_id = self._rng.choice(list(daemon.launcher.runs))
            daemon.launcher.tell_again(run_id)
            if daemon.launcher.tell([run_id], times=2):
                self._stage.note(f"{daemon.name}: is told again of {run_id}")

    def time(self) -> None:
        """Time passes, often just to where something is due."""
        timer_s = self._stage.loop.next_timer_s()
        left_s = 0.5 if timer_s is None else max(timer_s - self._stage.loop.time(), 0.001)
        by_s = self._rng.choice((0.1, 1.0, 10.0, 60.0, left_s, left_s, left_s))
        if self._stage.chance(2):
            by_s = 3_600.0
        self._stage.note(f"{by_s:.3f} s pass")
        self._stage.loop.move_on(by_s)
        for daemon in self._house.daemons:
            daemon.launcher.kill_overdue()

    def jump(self) -> None:
        """The machine's clock is set to another time."""
        by_s = self._rng.choice((-3_600.0, -60.0, -0.5, 0.5, 60.0, 3_600.0))
        self._stage.note(f"machine: its clock jumps by {by_s} s")
        self._stage.clock_shift += timedelta(seconds=by_s)
        self._house.invariants.clock_jumped()

    def ask(self) -> None:
        """A backfill is launched."""
        self._house.people.ask()

    def command(self) -> None:
        """Somebody changes something."""
        people = self._house.people
        changes = (people.cancel, people.pause, people.resume, people.resume, people.retry)
        self._rng.choice((*changes, people.amend, people.amend, people.cancel_run))()

    def keys(self) -> None:
        """The dynamic set changes."""
        self._house.people.change_keys()

    def pool(self) -> None:
        """The limits of a pool change."""
        self._house.people.configure_pool()

    def token(self) -> None:
        """Somebody makes a token, or revokes one."""
        self._house.people.change_tokens()

    def start(self) -> None:
        """A daemon is started, if nobody holds the lock that it needs."""
        if self._house.leader is None and len(self._house.daemons) < DAEMONS_MAX:
            self._house.start_daemon()

    def crash(self) -> None:
        """A daemon is killed, wherever it is."""
        if daemon := self._any():
            self._house.kill(daemon)

    def crash_midway(self) -> None:
        """A daemon is killed between two things that are seen from outside."""
        midway = [each for each in self._house.daemons if any(gate.is_midway for gate in each.gates.waiting)]
        if midway:
            self._house.kill(self._rng.choice(midway))

    def freeze(self) -> None:
        """A daemon is stopped by a signal: nothing of it goes on."""
        if daemon := self._any(frozen=False):
            self._stage.note(f"{daemon.name}: is frozen")
            daemon.gates.is_frozen = True

    def thaw(self) -> None:
        """A frozen daemon goes on."""
        if daemon := self._any(frozen=True):
            self._house.thaw(daemon)

    def lock(self) -> None:
        """A frozen leader's connection, and its lock with it, is gone; or daemons notice that theirs is."""
        leader = self._house.leader
        if leader is not None and leader.gates.is_frozen:
            self._stage.note(f"{leader.name}: loses the lock")
            self._house.leader = None
            return
        for daemon in self._house.daemons:
            if daemon is not leader and not daemon.gates.is_frozen:
                self._house.check_lead(daemon)

    def stop(self) -> None:
        """A daemon is asked to stop, or to load its code again."""
        if daemon := self._any(frozen=False):
            signal = self._rng.choice(("stop", "reload", "reload"))
            self._stage.note(f"{daemon.name}: is asked to {signal}")
            daemon.tell_to(signal)

    def code(self) -> None:
        """Other code is deployed, or code that is broken, or mended."""
        for code in self._house.draw_code():
            is_broken = self._stage.chance(40)
            self._house.machine.deployed[code.location] = None if is_broken else code
            kind = "broken" if is_broken else "other"
            self._stage.note(f"machine: {kind} code of {code.location} is deployed")

    def zygote(self) -> None:
        """A code location's process ends, or is started again by itself."""
        if (daemon := self._any(frozen=False)) is None:
            return
        launcher = daemon.launcher
        gone = [name for name in launcher.loadings if name not in launcher.codes]
        if gone:
            launcher.load_now(gone[0])
        elif launcher.codes:
            name = self._rng.choice(list(launcher.codes))
            self._stage.note(f"{daemon.name}: the zygote of {name} dies")
            launcher.end_code(name)

    def kill(self) -> None:
        """A run's process is killed."""
        if alive := self._house.machine.alive():
            self._house.machine.end(self._rng.choice(alive), "is killed")

    def snapshot(self) -> None:
        """A daemon's state is looked at, or kept as a snapshot."""
        daemon = self._any(frozen=False)
        if daemon is None or daemon.reactor is None:
            return
        self._house.look_at(daemon)
        if self._stage.chance(50):
            position, _, state = self._house.seen[-1]
            self._stage.note(f"{daemon.name}: takes a snapshot at {position}")
            self._house.snapshots.append(state)

    def explain(self) -> None:
        """Somebody asks why a backfill goes no further."""
        self._house.check_explained()

    def _any(self, *, frozen: bool | None = None) -> Daemon | None:
        found = [each for each in self._house.daemons if frozen is None or each.gates.is_frozen == frozen]
        return self._rng.choice(found) if found else None
