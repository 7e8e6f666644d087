"""Daemons to kill: the real reactor and loader of definitions, between simulated ports.

`Daemon._serve` does what `daemon.service.leading.Lead` does, in its order; `SimulatedLog` and
`SimulatedClock` are the log in memory and the loop's time behind the daemon's gates. Everything from
`Reactor.lead` and `Reactor._turn` inwards is the product's own code.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

import anyio
import msgspec

from daemon.clock import SystemClock
from daemon.deciding.room import Limits
from daemon.launching.code_location import CodeLocation
from daemon.service.definitions import DefinitionsLoader
from daemon.service.errors import CodeNotImportedError, SupersededError
from daemon.service.reactor import Reactor, Settings
from daemon.service.recording import catch_up
from events.envelope import Event, Recorded
from events.errors import LogUnavailableError
from events.facts import LeaderElected
from events.log import Appended, Filter, HeadMoved
from events.memory import MemoryLog
from projections import snapshot
from projections.world import World
from tests.simulation.gates import Gates
from tests.simulation.launcher import SimulatedLauncher
from tests.simulation.machine import Machine
from tests.simulation.safeguards import limit_of, reactor_of
from tests.simulation.stage import Safeguard, Stage, ViolationError

HOME = "home"  # of all daemons: the machine is one
GRACE_S = 10.0
STOP_GRACE_S = 30.0


class SimulatedLog:
    """The log as one daemon has it: behind its gates, and now and then away."""

    def __init__(self, stage: Stage, gates: Gates, name: str) -> None:
        self._stage = stage
        self._gates = gates
        self._name = name
        self._log: MemoryLog = stage.log

    async def append(
        self, events: Sequence[Event], *, expected_head: int | None = None
    ) -> Appended | HeadMoved:
        """See `Log.append`."""
        stage = self._stage
        await self._gates.passed(f"to append {', '.join(type(event.fact).__name__ for event in events[:3])}")
        is_away = self._gates.is_trying_again = stage.chance(stage.mix.unavailable)
        if is_away and stage.chance(50):
            stage.note(f"{self._name}: the log is away, nothing is appended")
            raise LogUnavailableError("memory", "simulated")
        if stage.without is Safeguard.COMPARE_AND_APPEND:
            expected_head = None
        if stage.without is Safeguard.IDEMPOTENT_IDS:
            events = [self._as_new(event) for event in events]
        stage.authors.update((event.id, self._name) for event in events)
        answer = await self._log.append(events, expected_head=expected_head)
        if isinstance(answer, HeadMoved):
            stage.note(f"{self._name}: nothing is appended, the log's head is at {answer.head}")
        if is_away:
            stage.note(f"{self._name}: the log goes away before it answers")
            raise LogUnavailableError("memory", "simulated")
        await self._gates.passed("to be answered")
        if isinstance(answer, Appended):
            stage.acknowledged.update(zip((event.id for event in events), answer.positions, strict=True))
        return answer

    def _as_new(self, event: Event) -> Event:
        """The event, under another id if it was given before."""
        given = event.id in self._stage.authors
        return msgspec.structs.replace(event, id=self._stage.new_id()) if given else event

    async def head(self) -> int:
        """See `Log.head`."""
        return await self._log.head()

    async def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.read`."""
        await self._gates.passed("to read")
        pages = self._log.read(after=after, upto=upto, matching=matching, newest_first=newest_first)
        async with aclosing(pages):
            async for page in pages:
                yield page

    async def follow(self, *, after: int) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.follow`."""
        async for page in self._log.follow(after=after):
            yield page

    async def wait_past(self, position: int) -> int:
        """See `Log.wait_past`."""
        head = await self._log.wait_past(position)
        await self._gates.passed("to notice what others recorded")
        return head


class SimulatedClock:
    """The loop's time as a daemon's clock."""

    def __init__(self, stage: Stage, gates: Gates) -> None:
        self._stage = stage
        self._gates = gates

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._stage.now()

    async def sleep_until(self, due: datetime) -> None:
        """See `Clock.sleep_until`."""
        while (left := (due - self.now()).total_seconds()) > 0:
            jumps = "jump" in self._stage.mix.weights
            await anyio.sleep(min(left, SystemClock.STEP_MAX_S) if jumps else left)
        await self._gates.passed("to wake up")


class Daemon:
    """A daemon's process, from its start to its end, whichever that is."""

    def __init__(
        self,
        stage: Stage,
        machine: Machine,
        name: str,
        *,
        locations: Sequence[str],
        limit: int,
        snapshots: Sequence[bytes],
    ) -> None:
        self.name = name
        self.gates = Gates(stage)
        self.launcher = SimulatedLauncher(stage, machine, self.gates, runs_alive_max=limit)
        self.reactor: Reactor | None = None
        self._stage = stage
        self._machine = machine
        self.locations = locations
        self._limit = limit
        self._newest_snapshot = snapshots[-1] if snapshots else None
        self._told_to = asyncio.Queue[str]()
        self._lead_is_lost = asyncio.Event()
        self._task = stage.loop.begin(self._serve())

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, be it frozen."""
        return self.gates.is_alive

    def is_at_rest(self, position: int, now: datetime) -> bool:
        """Whether it leads, has decided on all that is on record until now, and found nothing to do."""
        reactor = self.reactor
        gates = self.gates
        is_awake = gates.is_alive and not (gates.is_frozen or gates.waiting or gates.is_trying_again)
        return (
            is_awake
            and reactor is not None
            and reactor.world.position == position
            and reactor._decided_at == now
            and not reactor._draining
        )

    def tell_to(self, signal: str) -> None:
        """Send it a signal: reload or stop."""
        self._told_to.put_nowait(signal)

    def lose_lead(self) -> None:
        """It finds that another daemon has taken over."""
        self._lead_is_lost.set()

    def kill(self) -> None:
        """The process is gone; nothing it was about to do is done."""
        self.gates.is_alive = False
        self._task.cancel()
        self._stage.loop.run_until_idle()
        assert self._task.done()
        self._buried()

    def ended(self) -> str | None:
        """Why it has ended by itself; None if it has not.

        :raises ViolationError: it crashed.
        """
        if not self._task.done():
            return None
        self._buried()
        error = None if self._task.cancelled() else self._task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is None:
            return "has stopped"
        if isinstance(error, SupersededError | CodeNotImportedError):
            return f"ends: {type(error).__name__}"
        if isinstance(error, ViolationError):
            raise error
        raise ViolationError(f"{self.name} crashed: {error!r}") from error

    def _buried(self) -> None:
        self.gates.is_alive = False
        self.gates.waiting.clear()
        self.launcher.close()

    async def _serve(self) -> None:
        stage = self._stage
        event_log = SimulatedLog(stage, self.gates, self.name)
        world = await self._folded(event_log)
        reactor = reactor_of(stage)(
            event_log=event_log,
            launcher=self.launcher,
            clock=SimulatedClock(stage, self.gates),
            settings=Settings(Limits(limit_of(stage, self._limit)), cancel_grace_s=GRACE_S),
            world=world,
        )
        locations = [CodeLocation(name=name, code=name) for name in self.locations]
        self.reactor = reactor
        await reactor.lead(LeaderElected(self.name, "simulated", 1, "0", self._limit, HOME, HOME))
        loader = DefinitionsLoader(self.launcher, reactor, locations)
        await loader.load_first()
        loader.record_loaded()
        async with anyio.create_task_group() as tasks:
            await tasks.start(reactor.run)
            tasks.start_soon(loader.follow)
            tasks.start_soon(self._lead_until_told)
            while await self._told_to.get() != "stop":
                await loader.reload()
            reactor.drain()
            with anyio.move_on_after(STOP_GRACE_S):
                await reactor.drained.wait()
            tasks.cancel_scope.cancel()

    async def _lead_until_told(self) -> None:
        """Stands for the lease, which is renewed every second and is another's then."""
        await self._lead_is_lost.wait()
        raise SupersededError("another daemon serves this log")

    async def _folded(self, event_log: SimulatedLog) -> World:
        """The world at the log's head, as `ProjectionStore.load_world` folds it."""
        world = snapshot.decode(self._newest_snapshot) if self._newest_snapshot is not None else World()
        assert world is not None, "a snapshot of this version can be read"
        await catch_up(event_log, world)
        return world
