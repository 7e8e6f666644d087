"""Loading that the launcher does by itself, told to the log; a backfill goes on when its code does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest

from backfilld.assets import asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.partitions import DailyPartitionsDefinition
from daemon.clock import ManualClock
from daemon.deciding.room import Limits
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
from daemon.launching.memory import MemoryLauncher
from daemon.service.definitions import DefinitionsLoader
from daemon.service.errors import CodeNotImportedError
from daemon.service.reactor import Reactor, Settings
from events.envelope import Event
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    Fact,
    LeaderElected,
    RunLaunched,
    RunLost,
)
from events.ids import new_id
from events.memory import MemoryLog
from projections.held import held_locations
from projections.world import World
from tests.story import Story

NOW = datetime(2024, 6, 1, tzinfo=UTC)
BROKEN = LoadFailure("code", "SyntaxError", "invalid syntax", runs_held=True)
CODE, WEB = CodeLocation("code", "code.py"), CodeLocation("web", "web.py")


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06"))
def raw() -> None: ...


@asset
def clicks() -> None: ...


def loaded(name: str, *assets: object) -> Loaded:
    manifest = manifest_of(Definitions(assets=assets), code_location=name)  # type: ignore[arg-type]
    return Loaded(name, manifest_digest(manifest), manifest)


class House:
    """A log, a launcher in memory whose code changes as it is told to, and daemons on them."""

    def __init__(self, launcher: MemoryLauncher) -> None:
        self.log = MemoryLog()
        self.launcher = launcher
        self.reactor: Reactor

    @asynccontextmanager
    async def daemon(self, *code_locations: CodeLocation) -> AsyncIterator[DefinitionsLoader]:
        """A daemon that serves these, put together as `daemon.service.leading` does it."""
        settings = Settings(Limits(2), cancel_grace_s=0.0)
        self.reactor = Reactor(
            event_log=self.log,
            launcher=self.launcher,
            clock=ManualClock(NOW),
            settings=settings,
            world=World(),
        )
        await self.reactor.lead(LeaderElected("daemon", "host", 1, "0"))
        loader = DefinitionsLoader(self.launcher, self.reactor, code_locations)
        await loader.load_first()
        loader.record_loaded()
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.reactor.run)
            tasks.start_soon(loader.follow)
            yield loader
            tasks.cancel_scope.cancel()

    async def append(self, fact: Fact, backfill_id: str | None = None) -> None:
        await self.log.append([Event(id=new_id(NOW), at=NOW, actor="me", fact=fact, backfill_id=backfill_id)])

    async def ask(self, named: str = "b") -> None:
        """A backfill of `raw` is requested."""
        story = Story(raw)
        backfill = story.ask("raw")
        await self.append(backfill.request, named)

    async def until(self, kind: type[Fact], *, count: int = 1) -> None:
        """Nothing, once so many facts of a kind are on record."""
        with anyio.fail_after(10):
            async for batch in self.log.follow(after=0):
                count -= sum(isinstance(each.fact, kind) for each in batch)
                if count <= 0:
                    return

    async def facts(self, *kinds: type[Fact]) -> list[Fact]:
        return [
            each.fact async for batch in self.log.read() for each in batch if isinstance(each.fact, kinds)
        ]


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    async with MemoryLauncher(now=lambda: NOW) as launcher:
        launcher.change_code(loaded("code", raw))
        launcher.change_code(loaded("web", clicks))
        yield House(launcher)


async def test_a_backfill_goes_on_when_its_code_loads_again_and_loses_nothing() -> None:
    async with house() as here, here.daemon(CODE, WEB):
        here.launcher.change_code(BROKEN)
        await here.until(DefinitionsFailed)
        await here.ask()
        # The same failure is not told twice, another one is.
        here.launcher.change_code(BROKEN)
        here.launcher.change_code(LoadFailure("code", "NameError", "x", runs_held=True))
        await here.until(DefinitionsFailed, count=2)
        assert await here.facts(RunLaunched) == []
        here.launcher.change_code(loaded("code", raw))
        await here.until(BackfillCompleted)
        assert await here.facts(BackfillCompleted) == [BackfillCompleted("succeeded", {"raw": 5})]
        assert await here.facts(RunLost) == []
        failed = await here.facts(DefinitionsFailed)
        assert [fact.failure.type for fact in failed if isinstance(fact, DefinitionsFailed)] == [
            "SyntaxError",
            "NameError",
        ]
        # Loaded again as it was, though the log had that manifest: that is what ended the wait.
        assert len(await here.facts(DefinitionsLoaded)) == 3


async def test_a_daemon_that_is_asked_to_stop_does_not_wait_for_runs_that_wait() -> None:
    async with house() as here, here.daemon(CODE):
        # Launched in the moment before it is known that the code does not load.
        here.launcher.end_code("code")
        await here.ask()
        await here.until(RunLaunched, count=2)
        here.launcher.change_code(BROKEN)
        await here.until(DefinitionsFailed)
        here.reactor.drain()
        with anyio.fail_after(10):
            await here.reactor.drained.wait()
        assert here.launcher.launched == []


async def test_runs_that_wait_can_be_canceled() -> None:
    async with house() as here, here.daemon(CODE):
        here.launcher.end_code("code")
        await here.ask()
        await here.until(RunLaunched, count=2)
        await here.append(BackfillCancelRequested(), "b")
        await here.until(BackfillCompleted)
        assert await here.facts(BackfillCompleted) == [
            BackfillCompleted("canceled", {"raw": 0}, canceled={"raw": 5})
        ]


async def test_broken_code_is_refused_at_the_start_unless_a_backfill_needs_a_daemon() -> None:
    async with house() as here:
        async with here.daemon(CODE, WEB):
            pass
        here.launcher.change_code(BROKEN)
        with pytest.raises(CodeNotImportedError):
            async with here.daemon(CODE, WEB):
                pass
        await here.ask()
        async with here.daemon(CODE, WEB) as loader:
            assert list(loader.not_loaded()) == ["code"]
            assert held_locations(here.reactor.world) == {"code"}
            here.launcher.change_code(loaded("code", raw))
            await here.until(BackfillCompleted)
        unknown = LoadFailure("fresh", "SyntaxError", "invalid syntax", runs_held=True)
        here.launcher.change_code(unknown)
        await here.ask("c")
        with pytest.raises(CodeNotImportedError, match="fresh"):
            async with here.daemon(CODE, CodeLocation("fresh", "fresh.py")):
                pass


async def test_a_code_location_that_is_not_given_delays_its_backfill() -> None:
    async with house() as here:
        async with here.daemon(CODE, WEB):
            pass
        await here.ask()
        async with here.daemon(WEB) as loader:
            assert list(loader.not_loaded()) == ["code"]
            assert await here.facts(RunLaunched, DefinitionsWithdrawn) == [DefinitionsWithdrawn("code")]
        async with here.daemon(CODE, WEB) as loader:
            await here.until(BackfillCompleted)
            assert loader.not_loaded() == {}
        assert await here.facts(BackfillCompleted) == [BackfillCompleted("succeeded", {"raw": 5})]
