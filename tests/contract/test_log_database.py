"""The log's tables: made once however many ask for it, known by their version, read by their indexes."""

import sys
from contextlib import AsyncExitStack

import anyio
import pytest
from sqlalchemy import Select, text

from events.errors import LogError, LogUnreadableError
from events.log import Appended, Filter
from events.migrating import migrate
from events.postgres import PostgresLog
from events.reading import Which, as_text, selecting_hashes
from tests.contract import log_process
from tests.contract.test_log_faults import ROOT
from tests.contract.told import event, events
from tests.databases import administer


async def test_processes_may_migrate_one_database_at_once(database_url: str) -> None:
    command = [sys.executable, "-m", log_process.__name__, "migrate", database_url, "-"]
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(await anyio.open_process(command, cwd=ROOT, stderr=None))
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert (await process.stdout.receive()).startswith(b"ready")
        for process in processes:
            assert process.stdin is not None
            await process.stdin.send(b"go\n")
        assert [await process.wait() for process in processes] == [0, 0, 0]
    async with PostgresLog(database_url) as log:
        assert await log.head() == 0


async def test_tasks_may_migrate_one_database_at_once(database_url: str) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(migrate, database_url)
    async with PostgresLog(database_url) as log:
        assert await log.append([event("1")]) == Appended((1,), 1)


async def test_migrating_again_leaves_the_log_as_it_is(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 3))
        await migrate(migrated_url)
        assert await log.head() == 3


async def test_a_database_of_a_newer_version_is_refused(migrated_url: str) -> None:
    await administer(migrated_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LogUnreadableError, match=r"9999.*newer backfilld"):
        await migrate(migrated_url)


async def test_a_database_without_a_log_is_refused(database_url: str) -> None:
    async with PostgresLog(database_url) as log:
        for call in (log.head, log.verify, lambda: log.append([event("1")])):
            with pytest.raises(LogUnreadableError, match="Start the daemon"):
                await call()


@pytest.mark.parametrize("url", ["sqlite:///log.db", "nonsense", "postgresql://host:notaport/db"])
async def test_what_is_no_postgresql_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(LogError, match="expected"):
        PostgresLog(url)


B = Filter(backfill_id="b7")
PLANS = {
    "all": (Which(after=5_000, upto=20_000).selecting(5_000), "log_position_key"),
    "all, newest first": (Which(0, 20_000, newest_first=True).selecting(100), "log_position_key"),
    "backfill": (Which(0, 20_000, B).selecting(5_000), "log_by_backfill"),
    "backfill, newest first": (Which(0, 20_000, B, newest_first=True).selecting(100), "log_by_backfill"),
    "run": (Which(0, 20_000, Filter(run_id="b7-1")).selecting(5_000), "log_by_run"),
    "rare type": (
        Which(0, 20_000, Filter(types=frozenset({"BackfillRequested"}))).selecting(5_000),
        "log_by_rare_type",
    ),
    "frequent type": (
        Which(0, 20_000, Filter(types=frozenset({"RunSucceeded"}))).selecting(5_000),
        "log_position_key",
    ),
    "verify": (selecting_hashes(after=5_000, limit=5_000), "log_position_key"),
}


@pytest.mark.parametrize("statistics", ["none", "fresh"])
async def test_every_read_goes_along_an_index_that_has_the_rows_in_order(
    migrated_url: str, statistics: str
) -> None:
    async with PostgresLog(migrated_url) as log:
        for number in range(10):
            await log.append(events(f"{number}-", 2_000, backfill_id=f"b{number}", run_id=f"b{number}-1"))
        if statistics == "fresh":
            await administer(migrated_url, "ANALYZE log")
        for name, (statement, index) in PLANS.items():
            plan = await explained(log, statement)
            assert f" using {index} on log" in plan, f"{name}: {plan}"
            assert "Sort" not in plan, f"{name}: {plan}"


async def explained(log: PostgresLog, statement: Select[tuple[object]]) -> str:
    """The plan, on a connection like those that read."""
    sql = as_text(statement)
    async with log._engine.connect() as connection:
        return "\n".join((await connection.execute(text(f"EXPLAIN {sql}"))).scalars())
