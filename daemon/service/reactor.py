"""The daemon's one loop: facts in, fold, decide, record, launch."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import anyio
import msgspec
import structlog
from anyio.abc import TaskStatus

from backfilld.ranges import Ranges
from daemon.clock import Clock
from daemon.deciding.decide import Decision, decide, next_due
from daemon.deciding.room import Limits
from daemon.launching.port import Launcher, Reported, RunFact, RunSpec
from daemon.service.errors import SupersededError
from daemon.service.recording import append_surely, catch_up
from daemon.service.taking_over import given_up
from events.crash_points import CrashPoint, reach
from events.envelope import Event, Recorded
from events.facts import (
    BackfillCompleted,
    Fact,
    Failure,
    LeaderElected,
    RunCanceled,
    RunFailed,
    RunLaunched,
    RunTimedOut,
)
from events.ids import derived_id, new_id
from events.log import Appended, HeadMoved, Log
from projections.backfill.state import Backfill, LiveRun
from projections.held import held_runs
from projections.sets import keys_of, keys_singly
from projections.world import World, evolve

ACTOR = "daemon"
REPORTS_MAX = 10_000  # facts taken from the launcher and not recorded yet; it waits beyond that

log = structlog.get_logger(__name__)


class Settings(msgspec.Struct, frozen=True):
    """How the daemon behaves."""

    limits: Limits
    cancel_grace_s: float = 10.0  # between asking a run to end and killing it


class Reactor:
    """Folds what is recorded, decides what follows, records that, and acts on what was recorded.

    Decisions and folding happen in one task, so that nobody sees the world half changed; the tasks around it
    bring facts and wake it. A crash at any point is harmless: what is on record is reconciled by `lead`.

    Whatever it records, it records where the log's newest leader is itself, or not at all: what a daemon that
    was stopped and wakes up later would add, the log turns away.
    """

    def __init__(
        self, *, event_log: Log, launcher: Launcher, clock: Clock, settings: Settings, world: World
    ) -> None:
        self.world = world
        self._log = event_log
        self._launcher = launcher
        self._clock = clock
        self._settings = settings
        self._draining = False
        self._wake = anyio.Event()
        self._head_seen = world.position
        self._reports: list[Reported] = []
        self._reports_taken = anyio.Event()
        self._own_facts: list[Event] = []
        self._asked_to_end: set[str] = set()
        self._daemon_id: str | None = None
        self._decided_at = clock.now()  # What came due since then is to be decided yet.
        self.drained = anyio.Event()  # after `drain`: no run has a process any more

    async def lead(self, elected: LeaderElected, *, gives_up: bool = False) -> None:
        """Take over the log: record it, catch up, and find out what became of the runs under way.

        :param gives_up: runs under way elsewhere are lost, and recorded to be.
        :raises RunsElsewhereError: there are such runs, and are not to be given up; nothing was recorded.
        """
        while True:
            lost = given_up(self.world, elected, at=self._clock.now(), allowed=gives_up)
            events = [self._event(elected), *map(self._reported, lost)]
            answer = await append_surely(self._log, events, expected_head=self.world.position)
            if isinstance(answer, Appended):
                break
            await self.catch_up()
        self._daemon_id = elected.daemon_id
        reach(CrashPoint.AFTER_ELECTION)
        await self._take_in(events, answer)
        runs = [self._spec(backfill, run) for backfill, run in self._live()]
        await self._launcher.reconcile(runs)
        log.info("daemon.leading", position=self.world.position, runs_reconciled=len(runs))

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_log)
            tasks.start_soon(self._watch_launcher)
            await self._record_news()
            task_status.started()
            while True:
                self._wake = anyio.Event()
                await self._turn()
                if self._draining and self.world.live_runs() == held_runs(self.world):
                    self.drained.set()
                await self._sleep()

    def drain(self) -> None:
        """Launch nothing more; `drained` is set once no run has a process."""
        self._draining = True
        self._wake.set()

    def record(self, fact: Fact) -> None:
        """See to it that a fact of the daemon itself is recorded, before anything else is decided."""
        self._own_facts.append(self._event(fact))
        self._wake.set()

    async def catch_up(self) -> None:
        """Fold everything that is on record by now.

        :raises SupersededError: another daemon has taken over since this one did.
        """
        await catch_up(self._log, self.world)
        leader = self.world.known.leader
        if self._daemon_id is not None and leader is not None and leader.daemon_id != self._daemon_id:
            raise SupersededError(f"process {leader.pid} on {leader.host} leads this log now")

    async def _watch_log(self) -> None:
        """Wake the loop for what others record; what it recorded itself it has folded by then."""
        while True:
            self._head_seen = await self._log.wait_past(max(self._head_seen, self.world.position))
            self._wake.set()

    async def _watch_launcher(self) -> None:
        async for batch in self._launcher.reports:
            self._reports.extend(batch)
            self._wake.set()
            while len(self._reports) >= REPORTS_MAX:
                await self._reports_taken.wait()

    async def _sleep(self) -> None:
        """Return when something new has come, or at the next due time."""
        due = next_due(self.world, self._decided_at)
        if due is None:
            await self._wake.wait()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._wake_at, due)
            await self._wake.wait()
            tasks.cancel_scope.cancel()

    async def _wake_at(self, due: datetime) -> None:
        await self._clock.sleep_until(due)
        self._wake.set()

    async def _turn(self) -> None:
        """Take in everything that has come, and decide until nothing more follows from it."""
        if self._head_seen > self.world.position:
            await self.catch_up()
        await self._record_news()
        await self._end_runs()
        while decisions := self._decisions():
            await self._enact(decisions)
            await self._record_news()

    def _decisions(self) -> list[Decision]:
        limits = Limits(0) if self._draining else self._settings.limits
        self._decided_at = self._clock.now()
        return decide(self.world, self._decided_at, limits)

    async def _enact(self, decisions: Sequence[Decision]) -> None:
        """Record decisions where they were made, or not at all; then do what they say."""
        now = self._clock.now()
        events = [
            Event(
                id=new_id(now),
                at=now,
                actor=ACTOR,
                fact=decision.fact,
                backfill_id=decision.backfill_id,
                run_id=decision.run_id,
                causation_id=decision.causation_id,
                correlation_id=decision.correlation_id,
            )
            for decision in decisions
        ]
        reach(CrashPoint.BEFORE_APPEND)
        answer = await append_surely(self._log, events, expected_head=self.world.position)
        if isinstance(answer, HeadMoved):
            await self.catch_up()
            return
        await self._take_in(events, answer)
        launched = [spec for event in events if (spec := self._launched(event)) is not None]
        if launched:
            reach(CrashPoint.AFTER_APPEND)
            await self._launcher.launch(launched)
            reach(CrashPoint.AFTER_LAUNCH)
        if any(isinstance(event.fact, RunTimedOut) for event in events):
            await self._end_runs()
        for event in events:
            if isinstance(event.fact, BackfillCompleted):
                log.info("backfill.completed", backfill_id=event.backfill_id, outcome=event.fact.outcome)

    def _launched(self, event: Event) -> RunSpec | None:
        backfill = self.world.backfill(event.backfill_id or "")
        if not isinstance(event.fact, RunLaunched) or backfill is None or event.run_id not in backfill.live:
            return None
        log.debug("run.launched", run_id=event.run_id, attempt=event.fact.attempt)
        return self._spec(backfill, backfill.live[event.run_id])

    async def _record_news(self) -> None:
        """Record what the daemon itself has told so far, and what the launcher has, in one append."""
        own, self._own_facts = self._own_facts, []
        if own:
            await self._append(own)
            await self.catch_up()  # Read back: a manifest may be spelled otherwise than the log spells it.
        reports, self._reports = self._reports, []
        self._reports_taken.set()
        self._reports_taken = anyio.Event()
        if reports:
            reach(CrashPoint.DURING_REPORT)
            await self._record([self._reported(report) for report in reports])
            reach(CrashPoint.AFTER_REPORT)

    def _reported(self, report: Reported) -> Event:
        """The event of a report; however often a report is given, its event has the same id."""
        backfill = self.world.backfill(self.world.backfill_of_run.get(report.run_id, ""))
        run = backfill.live.get(report.run_id) if backfill is not None else None
        return Event(
            id=derived_id(report.at, report.run_id, str(report.sequence)),
            at=report.at,
            actor=f"run {report.run_id}",
            fact=_with_reason(report.fact, run),
            backfill_id=report.run_id.split("-", 1)[0],
            run_id=report.run_id,
            causation_id=run.launch_event_id if run is not None else None,
            correlation_id=backfill.request_event_id if backfill is not None else None,
        )

    async def _end_runs(self) -> None:
        """Ask each run that is to end before its time to do so, once."""
        self._asked_to_end &= self.world.backfill_of_run.keys()
        for backfill, run in self._live():
            is_to_end = backfill.cancel_requested or run.cancel_requested or run.timed_out
            if is_to_end and run.run_id not in self._asked_to_end:
                self._asked_to_end.add(run.run_id)
                await self._launcher.cancel(run.run_id, grace_s=self._settings.cancel_grace_s)

    async def _record(self, events: Sequence[Event]) -> None:
        await self._take_in(events, await self._append(events))

    async def _append(self, events: Sequence[Event]) -> Appended:
        """Record what is so wherever the log ends, as long as this daemon leads."""
        while True:
            answer = await append_surely(self._log, events, expected_head=self.world.position)
            if isinstance(answer, Appended):
                return answer
            await self.catch_up()

    async def _take_in(self, events: Sequence[Event], appended: Appended) -> None:
        """Fold what was just recorded; from memory where nobody else wrote in between."""
        first = self.world.position + 1
        if appended.positions == tuple(range(first, first + len(events))):
            for position, event in enumerate(events, first):
                evolve(self.world, recorded_as(event, position))
        else:
            await self.catch_up()

    def _live(self) -> Iterator[tuple[Backfill, LiveRun]]:
        for backfill in self.world.known.active.values():
            for run in backfill.live.values():
                yield backfill, run

    def _spec(self, backfill: Backfill, run: LiveRun) -> RunSpec:
        group = self.world.plans[backfill.id].group_at(run.number)
        as_planned = all(self.world.is_as_planned(asset, group) for asset in run.assets)
        named = keys_of if as_planned else keys_singly
        ordinals = Ranges(run.ordinals)
        return RunSpec(
            run_id=run.run_id,
            backfill_id=backfill.id,
            number=run.number,
            attempt=run.attempt,
            code_location=run.code_location,
            assets=run.assets,
            partitions=named(ordinals, group.partitions),
            partitions_as_of=backfill.request.partitions_as_of,
            dynamic_keys=group.partitions.dynamic_keys(ordinals),
            tags=backfill.request.tags,
        )

    def _event(self, fact: Fact) -> Event:
        now = self._clock.now()
        return Event(id=new_id(now), at=now, actor=ACTOR, fact=fact)


def _with_reason(fact: RunFact, run: LiveRun | None) -> RunFact:
    """What the launcher told; it knows that it ended a run and not why, which is on record."""
    if not isinstance(fact, RunCanceled) or run is None or not run.timed_out or run.cancel_requested:
        return fact
    message = f"it took longer than the {run.timeout_s:g} s that its assets may take"
    return RunFailed(fact.duration_s or 0.0, Failure("TimedOut", message))


def recorded_as(event: Event, position: int) -> Recorded:
    """The event as the log gives it back from this position."""
    return Recorded(
        position=position,
        id=event.id,
        at=event.at,
        actor=event.actor,
        fact=event.fact,
        backfill_id=event.backfill_id,
        run_id=event.run_id,
        causation_id=event.causation_id,
        correlation_id=event.correlation_id,
    )
