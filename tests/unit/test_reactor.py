"""The reactor between the log in memory and the launcher in memory: the whole circle without a process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, DynamicPartitionsDefinition
from backfilld.policies import BackfillPolicy
from daemon.clock import ManualClock
from daemon.deciding.room import Limits
from daemon.launching.memory import MemoryLauncher
from daemon.launching.port import RunSpec
from daemon.service.errors import RunsElsewhereError, SupersededError
from daemon.service.reactor import Reactor, Settings
from events.envelope import Event, Recorded
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    Failure,
    LeaderElected,
    PartitionMaterialized,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from events.ids import new_id
from events.log import Appended, HeadMoved
from events.memory import MemoryLog
from projections.world import World
from tests.story import Story

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
ELECTED = LeaderElected("daemon", "host", 1, "0")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.single_run())
def clean() -> None: ...


@asset(partitions_def=DynamicPartitionsDefinition("customers"), backfill_policy=BackfillPolicy.multi_run(2))
def profiles() -> None: ...


@asset(timeout_s=30)
def slow() -> None: ...


async def run_until_it_dies(reactor: Reactor) -> None:
    await reactor.lead(ELECTED)
    await reactor.run()


class House:
    """A log, a launcher and reactors on them, one after the other."""

    def __init__(self, launcher: MemoryLauncher, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog()
        self.launcher = launcher
        self.clock = ManualClock(NOW)

    def reactor(self) -> Reactor:
        settings = Settings(Limits(2), cancel_grace_s=0.0)
        return Reactor(
            event_log=self.log, launcher=self.launcher, clock=self.clock, settings=settings, world=World()
        )

    async def append(self, fact: Fact, backfill_id: str | None = None, run_id: str | None = None) -> None:
        event = Event(id=new_id(NOW), at=NOW, actor="me", fact=fact, backfill_id=backfill_id, run_id=run_id)
        await self.log.append([event])

    async def ask(self, *selection: str, keys: tuple[str, ...] = ()) -> None:
        """Definitions, and a backfill of all of the selection; the keys are those of the customers."""
        story = Story(raw, clean, slow, profiles) if keys else Story(raw, clean, slow)
        if keys:
            story.tell(DynamicPartitionsAdded("customers", keys))
        story.ask(*selection)
        for told in story.told:
            await self.append(told.fact, told.backfill_id)

    async def facts(self) -> list[Recorded]:
        return [recorded async for batch in self.log.read() for recorded in batch]

    async def until(self, kind: type[Fact]) -> Recorded:
        with anyio.fail_after(10):
            async for batch in self.log.follow(after=0):
                for recorded in batch:
                    if isinstance(recorded.fact, kind):
                        return recorded
        raise AssertionError


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[Reactor]:
    """A reactor that leads and runs for as long as the block."""
    async with anyio.create_task_group() as tasks:
        reactor = house.reactor()
        await reactor.lead(ELECTED)
        await tasks.start(reactor.run)
        yield reactor
        tasks.cancel_scope.cancel()


async def test_a_request_is_run_to_its_end() -> None:
    async with MemoryLauncher(now=lambda: NOW) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("clean", "raw")
            end = await house.until(BackfillCompleted)
        assert end.fact == BackfillCompleted("succeeded", {"raw": 5, "clean": 5})
        launched = [each for each in await house.facts() if isinstance(each.fact, RunLaunched)]
        assert [spec.run_id for spec in house.launcher.launched] == [each.run_id for each in launched]


async def test_facts_name_what_led_to_them() -> None:
    async with MemoryLauncher(now=lambda: NOW) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("clean", "raw")
            await house.until(BackfillCompleted)
        facts = await house.facts()
        by_id = {each.id: each for each in facts}
        (launch,) = [each for each in facts if each.run_id == "b-6-1" and isinstance(each.fact, RunLaunched)]
        cause = by_id[launch.causation_id or ""]
        assert isinstance(cause.fact, PartitionMaterialized)
        assert cause.fact.asset == "raw"
        (filled,) = [
            each for each in facts if each.run_id == "b-6-1" and isinstance(each.fact, PartitionMaterialized)
        ]
        assert filled.causation_id == launch.id
        request = next(each for each in facts if each.backfill_id == "b")
        assert {each.correlation_id for each in facts if each.run_id is not None} == {request.id}


async def test_a_decision_is_recorded_before_it_is_acted_upon() -> None:
    """Whatever the launcher is asked to do is on record by then."""
    recorded_first: list[bool] = []

    class Watched(MemoryLauncher):
        async def launch(self, runs: Sequence[RunSpec]) -> None:
            facts = await house.facts()
            on_record = {each.run_id for each in facts if isinstance(each.fact, RunLaunched)}
            recorded_first.extend(spec.run_id in on_record for spec in runs)
            await super().launch(runs)

    async with Watched(now=lambda: NOW) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("raw")
            await house.until(BackfillCompleted)
        assert recorded_first == [True] * 5


async def test_a_successor_takes_up_what_was_launched() -> None:
    """The first daemon dies between the record of a launch and the launch: the second does it, once."""

    class Dying(MemoryLauncher):
        dead = False

        async def launch(self, runs: Sequence[RunSpec]) -> None:
            if runs and not self.dead:
                self.dead = True
                raise RuntimeError("killed")
            await super().launch(runs)

    async with Dying(now=lambda: NOW) as launcher:
        house = House(launcher)
        await house.ask("raw")
        with pytest.raises(BaseExceptionGroup):
            await run_until_it_dies(house.reactor())
        assert house.launcher.launched == []
        async with serving(house):
            end = await house.until(BackfillCompleted)
        assert end.fact == BackfillCompleted("succeeded", {"raw": 5})
        assert [spec.run_id for spec in house.launcher.launched] == [
            f"b-{number}-1" for number in range(1, 6)
        ]


async def test_runs_are_told_their_dynamic_keys_by_every_daemon() -> None:
    """The keys of the request are those of its runs, whatever was added and removed since."""
    reconciled: list[RunSpec] = []

    class Watched(MemoryLauncher):
        async def reconcile(self, runs: Sequence[RunSpec]) -> None:
            reconciled.extend(runs)
            await super().reconcile(runs)

    async with Watched(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        await house.ask("profiles", keys=("zoe", "abe", "kim"))
        async with serving(house):
            await house.until(RunStarted)
        assert [spec.dynamic_keys for spec in launcher.launched] == [
            {"customers": ("zoe", "abe")},
            {"customers": ("kim",)},
        ]
        await house.append(DynamicPartitionsRemoved("customers", ("abe", "kim")))
        await house.append(DynamicPartitionsAdded("customers", ("bob",)))
        async with serving(house):
            assert reconciled == launcher.launched


async def test_canceling_ends_the_runs_under_way() -> None:
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("raw")
            await house.until(RunStarted)
            await house.append(BackfillCancelRequested("enough"), "b")
            end = await house.until(BackfillCompleted)
        assert end.fact == BackfillCompleted("canceled", {"raw": 0}, canceled={"raw": 5})
        assert sum(isinstance(each.fact, RunCanceled) for each in await house.facts()) == 2


async def test_canceling_a_run_ends_it_alone() -> None:
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("raw")
            await house.until(RunStarted)
            await house.append(RunCancelRequested("hangs"), "b", "b-2-1")
            canceled = await house.until(RunCanceled)
            assert canceled.run_id == "b-2-1"
            await house.append(BackfillCancelRequested(), "b")
            await house.until(BackfillCompleted)


async def test_a_run_that_takes_too_long_is_ended_and_told_to_have_timed_out() -> None:
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        async with serving(house):
            await house.ask("slow")
            await house.until(RunStarted)
            house.clock.advance(timedelta(seconds=30))
            end = await house.until(BackfillCompleted)
        assert end.fact == BackfillCompleted("failed", {"slow": 0}, failed={"slow": 1})
        told = [each for each in await house.facts() if each.run_id == "b-1-1"]
        assert [type(each.fact) for each in told] == [RunLaunched, RunStarted, RunTimedOut, RunFailed]
        assert told[-1].fact == RunFailed(
            0.0, Failure("TimedOut", "it took longer than the 30 s that its assets may take")
        )


async def test_what_comes_due_between_a_decision_and_the_sleep_after_it_is_not_slept_through() -> None:
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        reactor = house.reactor()
        await house.ask("slow")
        await reactor.lead(ELECTED)
        await reactor._turn()
        reactor._reports.extend(await launcher.reports.receive())
        await reactor._turn()
        house.clock.advance(timedelta(hours=1))
        with anyio.fail_after(10):
            await reactor._sleep()
        await reactor._turn()
        assert isinstance((await house.facts())[-1].fact, RunTimedOut)


async def test_a_time_out_that_is_on_record_is_carried_out_by_the_next_daemon() -> None:
    """The first daemon dies between the record of the time-out and its effect."""

    class Dying(MemoryLauncher):
        async def cancel(self, run_id: str, *, grace_s: float) -> None:
            raise RuntimeError(f"killed before {run_id} was asked to end within {grace_s} s")

    async with Dying(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        await house.ask("slow")
        house.clock.advance(timedelta(seconds=30))
        with pytest.raises(BaseExceptionGroup):
            await run_until_it_dies(house.reactor())
        assert isinstance((await house.facts())[-1].fact, RunTimedOut)
        async with launcher.restarted() as house.launcher, serving(house):
            end = await house.until(BackfillCompleted)
        assert end.fact == BackfillCompleted("failed", {"slow": 0}, failed={"slow": 1})
        assert sum(isinstance(each.fact, RunTimedOut) for each in await house.facts()) == 1


async def test_draining_launches_nothing_more_and_lets_runs_finish() -> None:
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        async with serving(house) as reactor:
            await house.ask("raw")
            await house.until(RunStarted)
            reactor.drain()
            assert not reactor.drained.is_set()
            for spec in list(launcher.launched):
                filled = PartitionMaterialized("raw", spec.partitions)
                launcher.tell(spec.run_id, filled, RunSucceeded(1.0))
            with anyio.fail_after(10):
                await reactor.drained.wait()
        assert len(launcher.launched) == 2


async def test_a_log_that_moved_makes_it_decide_again() -> None:
    """Somebody else writes between the decision and its record: nothing is written, and nothing is lost."""

    class MeddledWith(MemoryLog):
        meddled = False

        async def append(
            self, events: Sequence[Event], *, expected_head: int | None = None
        ) -> Appended | HeadMoved:
            if isinstance(events[0].fact, RunLaunched) and not self.meddled:
                self.meddled = True
                await house.append(PoolConfigured("oven", slots=1))
            return await super().append(events, expected_head=expected_head)

    async with MemoryLauncher(now=lambda: NOW) as launcher:
        house = House(launcher, log := MeddledWith())
        async with serving(house):
            await house.ask("raw")
            end = await house.until(BackfillCompleted)
        assert log.meddled
        assert end.fact == BackfillCompleted("succeeded", {"raw": 5})


@pytest.mark.parametrize("has_news", [False, True], ids=["decisions", "facts of its own"])
async def test_a_leader_that_another_has_relieved_records_nothing_and_launches_nothing(
    has_news: bool,
) -> None:
    """As after SIGSTOP and SIGCONT: it wakes up in the middle of its work, and the log has moved on."""
    async with MemoryLauncher(now=lambda: NOW) as launcher:
        house = House(launcher)
        await house.ask("raw")
        stopped = house.reactor()
        await stopped.lead(ELECTED)
        await house.reactor().lead(LeaderElected("successor", "host", 2, "0"))
        if has_news:
            stopped.record(PoolConfigured("oven", slots=1))
        head = await house.log.head()
        with pytest.raises(BaseExceptionGroup) as raised:
            await stopped.run()
        assert raised.group_contains(SupersededError, match="process 2 on host leads this log now")
        assert await house.log.head() == head
        assert launcher.launched == []


async def test_a_leader_does_not_begin_where_runs_are_out_of_its_reach() -> None:
    at_home = LeaderElected("first", "host", 1, "0", home="there", home_id="home-1")
    elsewhere = LeaderElected("second", "host", 2, "0", home="here", home_id="home-2")
    async with MemoryLauncher(now=lambda: NOW, script=lambda _: (RunStarted(1, "host"),)) as launcher:
        house = House(launcher)
        await house.ask("raw")
        async with anyio.create_task_group() as tasks:
            reactor = house.reactor()
            await reactor.lead(at_home)
            await tasks.start(reactor.run)
            await house.until(RunStarted)
            tasks.cancel_scope.cancel()
        head = await house.log.head()
        with pytest.raises(RunsElsewhereError, match="in the home there on host"):
            await house.reactor().lead(elsewhere)
        assert await house.log.head() == head
        await house.reactor().lead(elsewhere, gives_up=True)
        elected, *lost = [each.fact for each in await house.facts()][head:]
        assert elected == elsewhere
        assert {type(fact) for fact in lost} == {RunLost}
        assert len(house.launcher.launched) == len(lost), "what is lost is not taken up"
