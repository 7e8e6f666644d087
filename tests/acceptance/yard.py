"""A folder with code whose runs say that they run and wait to be let go, and real daemons on one log."""

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio

from daemon.launching.report import lock_holder
from events.crash_points import VARIABLE
from events.envelope import Recorded
from events.facts import (
    BackfillCompleted,
    Fact,
    LeaderElected,
    PartitionMaterialized,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from events.log import Filter
from events.postgres import PostgresLog
from events.verifying import Verified

PATIENCE_S = 60.0
DAYS = 12
CHUNK = 3
AT_ONCE = 8
RUNS = DAYS + DAYS // CHUNK
CODE = f"""
import time
from pathlib import Path

from backfilld import BackfillPolicy, DailyPartitionsDefinition, RetryPolicy, asset

days = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-{DAYS + 1:02}")
folder = Path(__file__).parent


def note(context, name):
    with (folder / "executed").open("a") as executed:
        for key in context.partition_keys:
            executed.write(f"{{name}} {{key}} {{context.run_id}}\\n")


@asset(partitions_def=days, retry_policy=RetryPolicy(max_retries=1, delay=0))
def raw(context):
    note(context, "raw")
    while not (folder / "go").exists() and not (folder / f"go-{{context.partition_key}}").exists():
        time.sleep(0.01)


@asset(partitions_def=days, deps=[raw], backfill_policy=BackfillPolicy.multi_run({CHUNK}))
def clean(context):
    note(context, "clean")
"""

FactType = TypeVar("FactType", bound=Fact)


class Up:
    """A daemon's process."""

    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self.process = process
        self.pid = process.pid
        self._said = said

    async def line(self) -> dict[str, Any]:
        """The next thing it says of itself."""
        return await anyio.to_thread.run_sync(self._line)

    def _line(self) -> dict[str, Any]:
        output = self.process.stdout
        assert output is not None
        readable, _, _ = select.select([output], [], [], PATIENCE_S)
        line = output.readline() if readable else ""
        assert line, self.said()
        said: dict[str, Any] = json.loads(line)
        return said

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """What it exits with, or -n for a signal."""
        return await anyio.to_thread.run_sync(self.process.wait, PATIENCE_S)

    def said(self) -> str:
        """Its own log."""
        return self._said.read_text()


class Yard:
    """The folder, and the log at a URL."""

    def __init__(self, folder: Path, url: str, log: PostgresLog) -> None:
        self.folder = folder
        self.url = url
        self.log = log
        (folder / "code.py").write_text(CODE)

    @contextmanager
    def up(
        self, home: str = "home", *options: str, url: str | None = None, crash_at: str | None = None
    ) -> Iterator[Up]:
        """A daemon, killed at the end if it still runs."""
        said = self.folder / f"{home}-{len(list(self.folder.glob('*.log')))}.log"
        environment = self._environment(url) | ({VARIABLE: crash_at} if crash_at else {})
        with said.open("w") as errors:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "daemon.cli", "up", "code.py", "--no-web"),
                    *("--home", home, "-o", "json", "--max-concurrent", str(AT_ONCE), *options),
                ],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            yield Up(process, said)
        finally:
            process.kill()
            process.communicate()

    async def call(self, *arguments: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        """What a command answers."""
        done = await anyio.run_process(
            [sys.executable, "-m", "daemon.cli", "--home", "home", "-o", "json", *arguments],
            cwd=self.folder,
            env=self._environment(),
            check=False,
        )
        assert done.returncode in {0, 1}, done.stderr
        return json.loads(done.stdout)

    def let_go(self, day: int | None = None) -> None:
        """Let the runs of a day, or all, come to their end."""
        (self.folder / ("go" if day is None else f"go-2024-01-{day:02}")).touch()

    def executed(self) -> list[str]:
        """What user code was called for: the asset, the partition and the run's id."""
        with suppress(FileNotFoundError):
            return (self.folder / "executed").read_text().splitlines()
        return []

    async def until_executed(self, count: int) -> None:
        """Nothing, once so many runs have begun."""
        await self.until(lambda: len(self.executed()) >= count)

    async def until_started(self, what: str) -> Recorded:
        """That a run began which was executed for this, an asset and a partition."""
        await self.until(lambda: any(line.startswith(what) for line in self.executed()))
        (run_id,) = [line.split()[-1] for line in self.executed() if line.startswith(what)]
        with anyio.fail_after(PATIENCE_S):
            async for batch in self.log.follow(after=0):
                for recorded in batch:
                    if recorded.run_id == run_id and isinstance(recorded.fact, RunStarted):
                        return recorded
        raise AssertionError

    async def until(self, condition: Callable[[], bool]) -> None:
        """Nothing, once a condition holds that nothing here could be woken by."""
        with anyio.fail_after(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - see above.
                await anyio.sleep(0.01)

    async def until_recorded(self, kind: type[FactType], count: int = 1) -> Recorded:
        """The fact of that kind that makes it so many."""
        with anyio.fail_after(PATIENCE_S):
            async for batch in self.log.follow(after=0):
                for recorded in batch:
                    count -= isinstance(recorded.fact, kind)
                    if not count:
                        return recorded
        raise AssertionError

    async def facts(self, *kinds: type[Fact]) -> list[Recorded]:
        """The facts of those kinds, or all."""
        types = frozenset(kind.__name__ for kind in kinds)
        return [each async for batch in self.log.read(matching=Filter(types=types)) for each in batch]

    async def assert_filled_once(self) -> None:
        """Each partition was filled by one execution and has one record; all is as it was written."""
        completed = (await self.until_recorded(BackfillCompleted)).fact
        assert completed == BackfillCompleted("succeeded", {"raw": DAYS, "clean": DAYS})
        by_id = {each.id: each for each in await self.facts()}
        filled: Counter[str] = Counter()
        launched: Counter[str | None] = Counter()
        for each in by_id.values():
            if isinstance(each.fact, PartitionMaterialized) and each.fact.partitions is not None:
                filled[each.fact.asset] += each.fact.partitions.count
            if isinstance(each.fact, RunLaunched):
                launched[each.run_id] += 1
                assert by_id[each.causation_id or ""].position < each.position
        assert filled == {"raw": DAYS, "clean": DAYS}
        assert (len(launched), set(launched.values())) == (RUNS, {1})
        assert len(await self.facts(RunSucceeded)) == RUNS
        assert len(self.executed()) == len(set(self.executed())) == 2 * DAYS
        assert isinstance(await self.log.verify(), Verified)

    async def leaders(self) -> list[LeaderElected]:
        """Who has led, in order."""
        return [each.fact for each in await self.facts(LeaderElected) if isinstance(each.fact, LeaderElected)]

    def end_runs(self) -> None:
        """Leave no process behind, whatever the test came to."""
        for report in self.folder.glob("*/runs/*/report.jsonl"):
            holder = lock_holder(report)
            if holder is not None:
                os.killpg(holder, signal.SIGKILL)

    def _environment(self, url: str | None = None) -> dict[str, str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("BACKFILLD_")}
        return own | {"BACKFILLD_DATABASE_URL": url or self.url}


@asynccontextmanager
async def new_yard(folder: Path, url: str) -> AsyncIterator[Yard]:
    """A yard whose runs are ended with it."""
    async with PostgresLog(url, poll_s=0.1) as log:
        yard = Yard(folder, url, log)
        try:
            yield yard
        finally:
            yard.end_runs()
