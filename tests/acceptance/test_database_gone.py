"""PostgreSQL is stopped, or killed, under a running backfill: it goes on, and nothing is lost."""

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import psutil  # type: ignore[import-untyped]  # it has no annotations
import pytest

from events.embedded import data_folder, embedded_database
from events.facts import BackfillCompleted, PartitionMaterialized
from events.migrating import migrate
from events.pgserver import Server
from events.postgres import PostgresLog
from events.verifying import Verified

CODE = """
from backfilld import DailyPartitionsDefinition, asset

@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2025-08-01"))
def filled():
    pass
"""
PARTITIONS = 578
ENDS = (200, 1_000)  # where the log ends, at least, when the database does; of some 2,300 facts


def command(*arguments: str, home: Path, url: str | None = None) -> list[str]:
    database = [] if url is None else ["--database", url]
    return [sys.executable, "-m", "daemon.cli", *arguments, "--home", str(home), *database]


async def completed(log: PostgresLog) -> BackfillCompleted:
    with anyio.fail_after(90):
        async for batch in log.follow(after=0):
            for recorded in batch:
                if isinstance(recorded.fact, BackfillCompleted):
                    return recorded.fact
    raise AssertionError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with code, in which a database may live even when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="backfilld-test-") as name:
        Path(name).chmod(0o755)
        (Path(name) / "code.py").write_text(CODE)
        yield Path(name)


@asynccontextmanager
async def filling(folder: Path, home: Path, log: PostgresLog, url: str | None) -> AsyncIterator[None]:
    """A daemon with a backfill under way, which is filled once when the block ends."""
    up = command("up", str(folder / "code.py"), "--no-web", home=home, url=url)
    daemon = await anyio.open_process(up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await log.wait_past(1)
        await anyio.run_process(command("launch", "filled", "--all", home=home, url=url))
        yield
        assert await completed(log) == BackfillCompleted("succeeded", {"filled": PARTITIONS})
        filled: Counter[str] = Counter()
        async for batch in log.read():
            for recorded in batch:
                if isinstance(recorded.fact, PartitionMaterialized) and recorded.fact.partitions:
                    filled[recorded.fact.partitions.ranges[0][0]] += 1
        assert (len(filled), set(filled.values())) == (PARTITIONS, {1})
        assert isinstance(await log.verify(), Verified)
    finally:
        os.kill(daemon.pid, signal.SIGTERM)
        status = await daemon.wait()
    assert status == 0


def kill(server: Server) -> None:
    """End the server as a crash would: nothing of it is told, nothing is cleaned up."""
    postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
    postmaster.kill()
    with suppress(psutil.NoSuchProcess):
        while postmaster.status() != psutil.STATUS_ZOMBIE:
            pass


@pytest.mark.timeout(180)
@pytest.mark.parametrize("end", [Server.stop, kill])
async def test_a_database_that_is_started_again_is_waited_for(
    folder: Path, end: Callable[[Server], None]
) -> None:
    with embedded_database(folder / "database") as url:
        await migrate(url)
        server = Server(data_folder(folder / "database"))
        async with PostgresLog(url, poll_s=0.1) as log, filling(folder, folder / "home", log, url):
            for position in ENDS:
                await log.wait_past(position)
                await anyio.to_thread.run_sync(end, server)
                await anyio.to_thread.run_sync(server.start)


@pytest.mark.timeout(180)
async def test_an_embedded_database_that_is_killed_is_started_again_by_the_daemon(folder: Path) -> None:
    home = folder / "home"
    with embedded_database(home) as url:
        await migrate(url)
        server = Server(data_folder(home))
        async with PostgresLog(url, poll_s=0.1) as log, filling(folder, home, log, None):
            for position in ENDS:
                await log.wait_past(position)
                kill(server)
