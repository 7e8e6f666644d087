"""New tables beside the old ones: nobody sees them before they are whole, and then everybody does."""

import os
import sys

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from events.crash_points import VARIABLE, CrashPoint
from events.log import Log
from projections.tables import rebuilding
from projections.tables.writing import LIVE
from tests.contract.kept import Kept
from tests.contract.test_projection_store import a_backfill_that_fails, write

INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename IN ('backfills', 'runs', 'materializations') ORDER BY indexname
"""
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_name IN ('backfills', 'runs', 'materializations') ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid IN ('backfills'::regclass, 'runs'::regclass, 'materializations'::regclass) ORDER BY conname
"""
WAITED_FOR = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'runs'::regclass"


async def rows(kept: Kept, statement: str) -> list[tuple[object, ...]]:
    async with kept.session() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def test_the_new_tables_are_made_as_the_migrations_made_the_old_ones(small: Kept) -> None:
    before = [await rows(small, each) for each in (INDEXES, COLUMNS, CONSTRAINTS)]
    for _ in range(2):
        await small.store.rebuild(small.log)
    assert [await rows(small, each) for each in (INDEXES, COLUMNS, CONSTRAINTS)] == before
    assert len(before[0]) >= 8


@pytest.mark.parametrize("times", [1, 2])
async def test_killed_on_its_way_it_leaves_the_old_tables_and_the_next_one_starts_clean(
    small: Kept, times: int
) -> None:
    await small.execute("UPDATE runs SET status = 'as it was'")
    killed = await anyio.run_process(
        [sys.executable, "-m", "daemon.cli", "--database", small.url, "projections", "rebuild"],
        env=os.environ | {VARIABLE: f"{CrashPoint.DURING_REBUILD}:{times}"},
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    assert {row["status"] for row in await small.store.rows(LIVE.runs, where={}, limit=0)} == {"as it was"}
    # The server may take a moment to see that the session is gone.
    with anyio.fail_after(10):
        while await small.store.rebuild(small.log) is None:  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.05)
    assert (await small.check()).differences == ()
    assert await rows(small, "SELECT relname FROM pg_class WHERE relname LIKE '%rebuilt%'") == []


async def test_of_several_at_once_one_rebuilds_and_the_others_are_told(small: Kept) -> None:
    answers: list[rebuilding.Rebuilt | None] = []

    async def rebuild() -> None:
        answers.append(await small.store.rebuild(small.log))

    async with small.session() as other:
        await other.execute(text(f"SELECT pg_advisory_xact_lock({rebuilding._REBUILD_LOCK})"))
        await rebuild()
    assert answers == [None]
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(rebuild)
    assert any(answers)
    assert (await small.check()).differences == ()


async def test_a_reader_is_waited_for_and_readers_behind_it_are_not_held_up(
    small: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "SWAP_LOCK_S", 0.05)
    monkeypatch.setattr(rebuilding, "SWAP_RETRY_S", 0.01)
    async with anyio.create_task_group() as tasks, small.session() as reader:
        await reader.execute(text("SELECT count(*) FROM runs"))
        tasks.start_soon(small.store.rebuild, small.log)
        await until_waited_for(small)
        assert await small.store.rows(LIVE.runs, where={}, limit=0)
        await small.store.bring_up_to_date(small.log)
    assert (await small.check()).differences == ()


async def until_waited_for(kept: Kept) -> None:
    """Nothing, once somebody waits for the tables."""
    with anyio.fail_after(30):
        while not await rows(kept, WAITED_FOR):  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.005)


async def test_tables_that_are_filled_meanwhile_lose_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "NEAR_FACTS", 5)
    story = a_backfill_that_fails()

    async def live() -> None:
        for upto in range(1, len(story.told) + 1):
            await write(kept.log, story, upto=upto)
            await kept.store.bring_up_to_date(kept.log)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        for _ in range(5):
            assert await kept.store.rebuild(kept.log)
            assert (await kept.check()).differences == ()
    assert await kept.store.bring_up_to_date(kept.log) == len(story.told)
    assert (await kept.check()).differences == ()


async def test_what_came_in_last_is_in_the_new_tables_when_they_are_swapped_in(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = a_backfill_that_fails()
    await write(kept.log, story, upto=9)
    swap = rebuilding._swap

    async def swap_later(connection: AsyncConnection, log: Log, position: int) -> int:
        await write(kept.log, story)
        await kept.store.bring_up_to_date(kept.log)
        return await swap(connection, log, position)

    monkeypatch.setattr(rebuilding, "_swap", swap_later)
    rebuilt = await kept.store.rebuild(kept.log)
    assert rebuilt is not None
    assert rebuilt.position == len(story.told)
    assert (await kept.check()).differences == ()


async def test_tables_of_another_version_are_read_as_they_are_until_the_new_ones_are_whole(
    small: Kept,
) -> None:
    await small.execute("UPDATE checkpoint SET version = version - 1")
    await small.execute("UPDATE runs SET status = 'of another version'")
    async with small.session() as other:
        await other.execute(text(f"SELECT pg_advisory_xact_lock({rebuilding._REBUILD_LOCK})"))
        with anyio.move_on_after(0.5) as waiting:
            await small.store.bring_up_to_date(small.log)
        assert waiting.cancelled_caught
        assert {row["status"] for row in await small.store.rows(LIVE.runs, where={}, limit=0)} == {
            "of another version"
        }
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(small.store.bring_up_to_date, small.log)
    assert (await small.check()).differences == ()
