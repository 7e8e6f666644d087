"""The daemon is killed again and again as it fills four years of weather; nothing is lost or done twice."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest

from backfilld.partitions import UNPARTITIONED
from daemon.demo.expected import differences
from events.envelope import Recorded
from events.facts import BackfillCompleted, LeaderElected, PartitionMaterialized, RunLaunched
from events.log import Filter
from events.postgres import PostgresLog
from events.verifying import Verified
from projections.sets import ranges_of
from projections.world import World, evolve

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "daemon" / "demo" / "pipeline.py"
KILLS = 20
FACTS_BETWEEN_KILLS_MAX = 150  # of some 5,900 in all, so that the backfill outlives the kills
SEED = 20_260_101


class Killed:
    """A daemon on one home and database, started anew after each death."""

    def __init__(self, home: Path, folder: Path, database_url: str) -> None:
        self._arguments = ["up", str(PIPELINE), "--no-web", "--home", str(home), "--database", database_url]
        self._environment = os.environ | {"WEATHER_FOLDER": str(folder)}
        self._log = home.parent / "daemon.log"

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[subprocess.Popen[bytes]]:
        """The daemon from its start until it is killed with SIGKILL at the end of the block."""
        with self._log.open("ab") as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - it starts while nothing else has to go on.
                [sys.executable, "-m", "daemon.cli", *self._arguments],
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()

    def said(self) -> str:
        """What the daemons printed."""
        return self._log.read_text(errors="replace")[-4_000:]


@pytest.mark.timeout(600)
async def test_killed_twenty_times_everything_is_filled_exactly_once(
    tmp_path: Path, migrated_url: str
) -> None:
    draw = random.Random(SEED)
    home, folder = tmp_path / "home", tmp_path / "weather"
    daemon = Killed(home, folder, migrated_url)
    async with PostgresLog(migrated_url) as log:
        async with daemon.alive() as process:
            await until(log, LeaderElected, process, daemon)
            launch(home, migrated_url)
            await grown(log, await log.head() + draw.randrange(FACTS_BETWEEN_KILLS_MAX), process, daemon)
        for kill in range(1, KILLS):
            async with daemon.alive() as process:
                if kill % 4 == 0:  # Now and then it does not live to do anything, or dies while it starts.
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(draw.random() * 1.2)
                else:
                    goal = await log.head() + draw.randrange(1, FACTS_BETWEEN_KILLS_MAX)
                    await grown(log, goal, process, daemon)
        assert not [each async for each in facts(log, BackfillCompleted)], "the kills came too late"
        async with daemon.alive() as process:
            end = await until(log, BackfillCompleted, process, daemon)
        assert isinstance(end.fact, BackfillCompleted)
        assert end.fact.outcome == "succeeded"
        assert differences(folder) == []
        await assert_filled_once(log)
        assert isinstance(await log.verify(), Verified)


def launch(home: Path, database_url: str) -> None:
    """Ask for everything, as a person would."""
    arguments = ["launch", "*wettest_days", "--all", "--home", str(home), "--database", database_url]
    subprocess.run([sys.executable, "-m", "daemon.cli", *arguments], check=True, capture_output=True)


async def facts(log: PostgresLog, kind: type) -> AsyncIterator[Recorded]:
    """The facts of one kind there are."""
    async for batch in log.read(matching=Filter(types=frozenset({kind.__name__}))):
        for recorded in batch:
            yield recorded


async def grown(log: PostgresLog, position: int, process: subprocess.Popen[bytes], daemon: Killed) -> None:
    """Return once the log has grown so far, which the living daemon must bring about."""
    with anyio.move_on_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_fails_if_it_ends, process, daemon)
            await log.wait_past(position - 1)
            tasks.cancel_scope.cancel()
        return
    raise AssertionError(f"the log ends at {await log.head()}, before {position}: {daemon.said()}")


async def until(log: PostgresLog, kind: type, process: subprocess.Popen[bytes], daemon: Killed) -> Recorded:
    """The first fact of a kind, waited for."""
    while True:
        head = await log.head()  # Before looking: what comes while looking is waited for.
        async for recorded in facts(log, kind):
            return recorded
        await grown(log, head + 1, process, daemon)


async def _fails_if_it_ends(process: subprocess.Popen[bytes], daemon: Killed) -> None:
    status = await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
    raise AssertionError(f"the daemon ended with {status}: {daemon.said()}")


async def assert_filled_once(log: PostgresLog) -> None:
    """Each partition has one materialization in the log, and each run was launched once."""
    world = World()
    filled: Counter[tuple[str, int]] = Counter()
    launched: Counter[str | None] = Counter()
    async for batch in log.read():
        for recorded in batch:
            evolve(world, recorded)
            match recorded.fact:
                case PartitionMaterialized(asset=name, partitions=keys):
                    partitions = world.partitions(name, recorded.at) or UNPARTITIONED
                    filled.update((name, ordinal) for ordinal in ranges_of(keys, partitions))
                case RunLaunched():
                    launched[recorded.run_id] += 1
    assert set(filled.values()) == {1}
    assert Counter(name for name, _ in filled) == {
        "raw_weather": 1_461,
        "clean_weather": 1_461,
        "monthly_weather": 48,
        "wettest_days": 1,
    }
    assert set(launched.values()) == {1}
