"""A backfill in simulated time: the same `decide` and the same fold, and a heap in place of the world."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from daemon.deciding.decide import Decision, decide, next_due
from daemon.deciding.explaining import limits_of
from daemon.deciding.room import Limits
from daemon.whatif.course import Course
from events.envelope import Recorded
from events.facts import BackfillCancelRequested, Fact, RunCanceled, RunLaunched, RunStarted
from projections.world import World, evolve

ACTOR = "simulation"
IDLE_MAX = timedelta(days=366)  # without a fact, after which a backfill is one that never ends


class _Due(NamedTuple):
    """A fact that is to be told."""

    at: datetime  # when the daemon knows it
    sequence: int  # of facts at the same time that comes first which was put there first
    told_at: datetime
    fact: Fact
    backfill_id: str | None
    run_id: str | None


def simulated(world: World, course: Course) -> Iterator[Recorded]:
    """The facts of the course, one by one, each when ``world`` has it folded in.

    The world is one's own: nothing else is under way in it, and its position is that before the request. It
    ends with the backfill, or when nothing more will come of it.
    """
    yield from _Simulation(world, course).facts()


class _Simulation:
    def __init__(self, world: World, course: Course) -> None:
        self._world = world
        self._course = course
        self._due: list[_Due] = []
        self._put = 0
        self._now = course.decides_from
        for given in course.given:
            self._put_off(given.at, given.fact, given.backfill_id, None)

    def facts(self) -> Iterator[Recorded]:
        """See `simulated`."""
        while True:
            now = self._next()
            if now is None:
                return
            self._now = now
            is_news = not self._due or self._due[0].at > now
            while self._due and self._due[0].at <= now:
                due = heappop(self._due)
                if due.run_id is None or due.run_id in self._world.backfill_of_run:
                    yield self._told(due.fact, due.told_at, due.backfill_id, due.run_id)
                    # Nothing follows from it that a run has started, but its time-out, which is due later.
                    is_news = is_news or not isinstance(due.fact, RunStarted)
            if now >= self._course.decides_from and is_news:
                yield from self._decided()
            if self._course.backfill_id in self._world.known.ended:
                return

    def _next(self) -> datetime | None:
        """The next time at which anything happens; None if nothing will."""
        by_time = next_due(self._world, self._now)
        dues = [self._due[0].at] if self._due else []
        dues += [by_time] if by_time is not None else []
        if self._now < self._course.decides_from:
            dues.append(self._course.decides_from)
        at = min(dues, default=None)
        is_late = at is not None and at > max(self._world.known.at, self._course.decides_from) + IDLE_MAX
        return None if is_late else at

    def _decided(self) -> Iterator[Recorded]:
        runs_max = self._course.runs_max
        while True:
            limits = limits_of(self._world) if runs_max is None else Limits(runs_max)
            decisions = decide(self._world, self._now, limits)
            if not decisions:
                return
            for decision in decisions:
                yield self._enacted(decision)

    def _enacted(self, decision: Decision) -> Recorded:
        recorded = self._told(
            decision.fact,
            self._now,
            decision.backfill_id,
            decision.run_id,
            causation_id=decision.causation_id,
        )
        if isinstance(decision.fact, RunLaunched) and decision.run_id is not None:
            for after, fact in self._course.script_for(decision.run_id, decision.fact):
                self._put_off(self._now + after, fact, decision.backfill_id, decision.run_id)
        return recorded

    def _told(
        self,
        fact: Fact,
        at: datetime,
        backfill_id: str | None,
        run_id: str | None,
        *,
        causation_id: str | None = None,
    ) -> Recorded:
        position = self._world.position + 1
        recorded = Recorded(
            position=position,
            id=f"{ACTOR}-{position}",
            at=at,
            actor=ACTOR,
            fact=fact,
            backfill_id=backfill_id,
            run_id=run_id,
            causation_id=causation_id,
        )
        evolve(self._world, recorded)
        if isinstance(fact, BackfillCancelRequested):
            for live in self._world.backfill_of_run:
                self._put_off(self._now, RunCanceled(), backfill_id, live)
        return recorded

    def _put_off(self, at: datetime, fact: Fact, backfill_id: str | None, run_id: str | None) -> None:
        known_at = at if run_id is None else at + self._course.lag
        heappush(self._due, _Due(known_at, self._put, at, fact, backfill_id, run_id))
        self._put += 1
