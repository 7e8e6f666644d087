"""What is on record of a backfill: its course as it was, and what every attempt of it did and took."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from daemon.whatif.course import Given, Script, Step
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    Fact,
    LeaderElected,
    PartitionFailed,
    PartitionMaterialized,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
)
from projections import durations
from projections.durations import Durations
from projections.pools import Pool, pool_of
from projections.world import Known, World

SURROUNDINGS = frozenset({"PoolConfigured", "LeaderElected"})  # types of fact that every backfill goes by


class Attempt(msgspec.Struct):
    """One attempt at a run."""

    launch: RunLaunched
    launched_at: datetime
    steps: list[Step] = []
    ended: bool = False
    cut_short: bool = False  # by the end of its whole backfill, which says nothing about the run

    def told(self, at: datetime, fact: Fact) -> None:
        """It tells a fact. A clock that was set back does not bring a fact before the one told last."""
        last = self.steps[-1].after if self.steps else timedelta()
        self.steps.append(Step(max(at - self.launched_at, last), fact))


class Record(msgspec.Struct):
    """A backfill as it was."""

    asked: Recorded
    request: BackfillRequested
    facts: Sequence[Recorded]  # all of its own, in order, from its request on
    pools: dict[str, Pool] = {}  # as they were when it was asked for
    leader: LeaderElected | None = None  # then
    given: list[Given] = []  # what people and daemons did from then on
    decides_from: datetime | None = None  # when the daemon that first launched a run was there
    attempts: dict[str, Attempt] = {}  # by run id
    durations: Durations = msgspec.field(default_factory=Durations)
    canceled: bool = False  # on request
    runs_max: int | None = None  # to go by where no daemon has said how many runs it allows
    lag: timedelta = timedelta()  # from the end of a run to the launch of the next

    @property
    def limit_is_told(self) -> bool:
        """Whether a daemon has said how many runs it allows at the same time."""
        leaders = [self.leader, *(given.fact for given in self.given)]
        return any(isinstance(each, LeaderElected) and each.max_concurrent_runs for each in leaders)

    def script(self, run_id: str, launch: RunLaunched, *, canceling: bool) -> Script | None:
        """What this very run did; None if it was never launched, or was not let come to its end.

        :param canceling: the backfill is canceled as it was, and so what it did until then will do.
        """
        attempt = self.attempts.get(run_id)
        if attempt is None or not (attempt.ended or (canceling and attempt.cut_short)):
            return None
        is_same = (attempt.launch.assets, attempt.launch.partitions) == (launch.assets, launch.partitions)
        return tuple(attempt.steps) if is_same else None

    def world(self, head: World) -> World:
        """The world right before the request, as if nothing else had ever been asked for.

        ``head`` is any later world of the same log; nothing is changed in it.
        """
        return alone(
            head,
            manifests=self.request.manifests,
            position=self.asked.position - 1,
            pools=self.pools.values(),
            leader=self.leader,
        )


def alone(
    head: World,
    *,
    manifests: dict[str, str],
    position: int,
    pools: Iterable[Pool],
    leader: LeaderElected | None,
) -> World:
    """A world of one's own, in which nothing is under way and everything can be launched."""
    limits = {
        pool.name: Pool(pool.name, pool.slots, pool.rate_per_minute, pool.only_between) for pool in pools
    }
    return World(
        Known(
            position=position,
            manifests=dict(manifests),
            manifest_of=dict(head.known.manifest_of),
            dynamic=dict(head.known.dynamic),
            pools=limits,
            leader=leader,
        )
    )


def record_of(facts: Sequence[Recorded], surroundings: Iterable[Recorded]) -> Record:
    """The record that a backfill's own facts make, its request first, with those of its surroundings.

    Both are in the log's order.
    """
    asked = facts[0]
    assert isinstance(asked.fact, BackfillRequested), "a backfill begins with its request"
    record = Record(asked, asked.fact, facts)
    for each in facts[1:]:
        durations.evolve(record.durations, each)
        _own(record, each)
    launches = (attempt.launched_at for attempt in record.attempts.values())
    first_launched_at = min(launches, default=None)
    for each in surroundings:
        _around(record, each, first_launched_at)
    record.given.sort(key=lambda given: given.at)
    return record


def _own(record: Record, recorded: Recorded) -> None:
    fact, run_id = recorded.fact, recorded.run_id or ""
    attempt = record.attempts.get(run_id)
    match fact:
        case RunLaunched():
            record.attempts[run_id] = Attempt(fact, recorded.at)
        case BackfillPaused() | BackfillResumed() | BackfillAmended():
            record.given.append(Given(recorded.at, fact, recorded.backfill_id))
        case BackfillCancelRequested():
            record.canceled = True
            record.given.append(Given(recorded.at, fact, recorded.backfill_id))
        case PartitionMaterialized() if attempt is not None:
            attempt.told(recorded.at, msgspec.structs.replace(fact, metadata={}) if fact.metadata else fact)
        case PartitionFailed() | RunStarted() | RunCancelRequested() if attempt is not None:
            attempt.told(recorded.at, fact)
        case RunSucceeded() | RunFailed() | RunLost() if attempt is not None:
            attempt.told(recorded.at, fact)
            attempt.ended = True
        case RunCanceled() if attempt is not None:
            by_itself = any(isinstance(step.fact, RunCancelRequested) for step in attempt.steps)
            attempt.cut_short = record.canceled and not by_itself
            attempt.ended = not attempt.cut_short
            if attempt.ended:
                attempt.told(recorded.at, fact)
        case _:
            pass


def _around(record: Record, recorded: Recorded, first_launched_at: datetime | None) -> None:
    fact = recorded.fact
    if recorded.position > record.asked.position:
        record.given.append(Given(recorded.at, fact, None))
    is_before_any_run = first_launched_at is None or recorded.at <= first_launched_at
    match fact:
        case PoolConfigured() if recorded.position < record.asked.position:
            pool_of(record.pools, fact.pool).configured(fact)
        case LeaderElected() if recorded.position < record.asked.position:
            record.leader = fact
        case LeaderElected() if is_before_any_run:
            record.decides_from = recorded.at
        case _:
            pass
