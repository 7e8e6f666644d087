"""The house: a log, a machine, people, and daemons that come and go; what they do is seen and checked."""

from random import Random

from daemon.deciding.explaining import NextTurn, why_waiting
from daemon.launching.port import RunSpec
from events import rows
from projections import snapshot
from projections.world import World, evolve
from tests.simulation.daemons import Daemon
from tests.simulation.invariants import Invariants
from tests.simulation.machine import Machine, Process
from tests.simulation.mixing import draw_mix
from tests.simulation.people import People
from tests.simulation.pipelines import Code, draw_code, draw_shape
from tests.simulation.stage import Safeguard, Stage, ViolationError
from tests.simulation.telling import Happened


class House:
    """Everything there is in one simulation."""

    def __init__(self, seed: int, without: Safeguard | None) -> None:
        self.stage = Stage(seed, draw_mix(Random(f"mix {seed}")), without)
        self._shape = draw_shape(self.stage.rng)
        self._codes: dict[str, Code] = {}  # by digest
        self.machine = Machine(self.stage, self.draw_code(), started=self._check_start, keys_of=self._keys_of)
        self.people = People(self.stage, World(), self.take_in)
        self.invariants = Invariants(self._codes.__getitem__)
        self.daemons: list[Daemon] = []
        self.leader: Daemon | None = None  # who holds the lock
        self.snapshots: list[bytes] = []
        self.seen: list[tuple[int, str, bytes]] = []  # states of daemons: position, whose, and the state
        self._daemons_started = 0

    def draw_code(self) -> tuple[Code, ...]:
        """Another version of all the code."""
        codes = draw_code(self.stage.rng, self._shape)
        self._codes.update((code.digest, code) for code in codes)
        return codes

    def start_daemon(self, *, is_whole: bool = False) -> None:
        """A daemon is started, and takes the lock; it is given all code locations if it ``is_whole``."""
        self._daemons_started += 1
        name = f"daemon {self._daemons_started}"
        self.stage.note(f"{name}: is started")
        limit = self.stage.mix.limit
        if self.stage.chance(20):
            limit = self.stage.rng.randint(1, 5)
        locations = list(self.machine.deployed)
        if not is_whole and len(locations) > 1 and self.stage.chance(20):
            locations.pop()
        self.leader = Daemon(
            self.stage, self.machine, name, locations=locations, limit=limit, snapshots=self.snapshots
        )
        self.daemons.append(self.leader)

    def kill(self, daemon: Daemon) -> None:
        """A daemon is killed, wherever it is."""
        waiting = ", ".join(gate.where for gate in daemon.gates.waiting)
        self.stage.note(f"{daemon.name}: is killed, {f'waiting {waiting}' if waiting else 'at rest'}")
        self.look_at(daemon)
        daemon.kill()
        self._gone(daemon)

    def thaw(self, daemon: Daemon) -> None:
        """A frozen daemon goes on as if nothing had been."""
        self.stage.note(f"{daemon.name}: goes on after having been frozen")
        daemon.gates.is_frozen = False

    def check_lead(self, daemon: Daemon) -> None:
        """A daemon asks whether it has the lock: it takes it if nobody has, and ends if another one has."""
        if self.leader is None:
            self.leader = daemon
        if daemon is not self.leader:
            self.stage.note(f"{daemon.name}: finds that it does not lead any more")
            daemon.lose_lead()

    def look_at(self, daemon: Daemon) -> None:
        """Keep a daemon's state, to be compared with the log's fold in the end."""
        if daemon.reactor is not None:
            world = daemon.reactor.world
            self.seen.append((world.position, daemon.name, snapshot.encode(world)))

    def check_explained(self) -> None:
        """Whatever is not launched has a reason; while the daemon is at rest, none that it could end.

        :raises ViolationError: what is told and what is done do not agree.
        """
        world, now = self.people.world, self.stage.now()
        for backfill in world.known.active.values():
            waiting = why_waiting(world, backfill, now)
            if self.leader is None or not self.leader.is_at_rest(world.position, now):
                continue
            for each in waiting:
                if not each.reasons or NextTurn() in each.reasons:
                    told = f"{each.assets} of {backfill.id}, whose reasons are {each.reasons}"
                    raise ViolationError(f"the daemon is at rest and launches none of {told}")

    def settle(self) -> None:
        """Whoever can go on does; then everybody sees, and everything is checked, that was recorded."""
        self.stage.loop.run_until_idle()
        for daemon in list(self.daemons):
            if (why := daemon.ended()) is not None:
                self.stage.note(f"{daemon.name}: {why}")
                self._gone(daemon)
        self.take_in()

    def take_in(self) -> None:
        """See and check what was recorded since; in the midst of a daemon's step too."""
        facts = self.invariants.ledger.facts
        for row in self.stage.log._rows[len(facts) :]:
            recorded = rows.recorded(len(facts) + 1, row)
            self.stage.note(Happened(recorded))
            evolve(self.people.world, recorded)
            self.invariants.take(recorded)

    def close(self) -> None:
        """Nothing goes on any more."""
        for daemon in self.daemons:
            daemon.kill()
        self.stage.loop.close()

    def _gone(self, daemon: Daemon) -> None:
        self.daemons.remove(daemon)
        if self.leader is daemon:
            self.leader = None

    def _check_start(self, process: Process) -> None:
        self.take_in()
        self.invariants.check_process(process, self.machine.alive())

    def _keys_of(self, spec: RunSpec) -> list[str]:
        self.take_in()
        target = self.invariants.ledger.backfills[spec.backfill_id].targets[spec.assets[0]]
        return target.named(spec.partitions)
