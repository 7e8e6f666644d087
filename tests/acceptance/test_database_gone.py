"""PostgreSQL is stopped and started again under a running backfill: it goes on, and nothing is lost."""

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import anyio
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
STOPS = (200, 800, 1_400)  # where the log ends, at least, when the database is stopped; of some 2,300 facts


def command(*arguments: str, home: Path, url: str) -> list[str]:
    return [sys.executable, "-m", "daemon.cli", *arguments, "--home", str(home), "--database", url]


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


@pytest.mark.timeout(180)
async def test_a_database_that_is_restarted_is_waited_for(folder: Path) -> None:
    house, home = folder / "database", folder / "home"
    with embedded_database(house) as url:
        await migrate(url)
        up = command("up", str(folder / "code.py"), home=home, url=url)
        daemon = await anyio.open_process(up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            async with PostgresLog(url, poll_s=0.1) as log:
                await log.wait_past(1)
                await anyio.run_process(command("launch", "filled", "--all", home=home, url=url))
                for position in STOPS:
                    await restart(Server(data_folder(house)), log, position)
                end = await completed(log)
                assert end == BackfillCompleted("succeeded", {"filled": PARTITIONS})
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


async def restart(server: Server, log: PostgresLog, position: int) -> None:
    """Stop the server once the log is past a position, and start it again after a moment without it."""
    await log.wait_past(position)
    await anyio.to_thread.run_sync(server.stop)
    await anyio.to_thread.run_sync(server.start)
