"""Snapshots and tables in a real database: both are caches of the log, and never say anything else."""

from datetime import UTC, datetime

import anyio
import pytest
from sqlalchemy import text, update

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from events.driver import database_url as parsed
from events.driver import make_engine
from events.envelope import Event
from events.ids import new_id
from events.postgres import PostgresLog
from projections import durations as durations_fold
from projections import snapshot
from projections.durations import Durations
from projections.tables import schema
from projections.tables.store import SNAPSHOTS_KEPT, ProjectionStore
from projections.world import World, evolve
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw])
def shaky() -> None: ...


def a_backfill_that_fails() -> Story:
    story = Story(raw, shaky, slots=2)
    story.ask("*")
    while runs := story.launched():
        for run in runs:
            story.run(run, failing=[("shaky", "")] if run == "b-3-1" else [])
    return story


async def write(log: PostgresLog, story: Story, *, upto: int | None = None) -> None:
    """What the story has told beyond the log's head, or up to a position."""
    head = await log.head()
    events = [
        Event(
            id=new_id(NOW),
            at=each.at,
            actor=each.actor,
            fact=each.fact,
            backfill_id=each.backfill_id,
            run_id=each.run_id,
        )
        for each in story.told[head:upto]
    ]
    await log.append(events)


async def folded(log: PostgresLog) -> World:
    world = World()
    async for batch in log.read():
        for recorded in batch:
            evolve(world, recorded)
    return world


async def listed(store: ProjectionStore) -> dict[str, list[dict[str, object]]]:
    tables = (schema.backfills, schema.runs, schema.materializations)
    return {table.name: await store.rows(table, where={}, limit=0) for table in tables}


async def test_tables_say_what_the_log_says(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        assert await store.bring_up_to_date(log) == len(story.told)
        rows = await listed(store)
    (backfill,) = rows["backfills"]
    assert (backfill["id"], backfill["status"], backfill["runs_total"]) == ("b", "failed", 5)
    assert (backfill["partitions_total"], backfill["partitions_materialized"]) == (10, 9)
    statuses = {row["id"]: row["status"] for row in rows["runs"]}
    assert statuses == {f"b-{number}-1": "failed" if number == 3 else "succeeded" for number in range(1, 6)}
    (failed,) = [row for row in rows["runs"] if row["status"] == "failed"]
    assert failed["error"] == "ValueError: boom"
    assert len(rows["materializations"]) == 9


async def test_the_tables_know_what_runs_took_as_the_facts_do(migrated_url: str) -> None:
    story = Story(raw, shaky, slots=2)
    story.ask("*")
    while runs := story.launched():
        for seconds, run in enumerate(runs, 1):
            story.later(seconds)
            story.run(run, failing=[("shaky", "")] if run == "b-3-1" else [])
    durations = Durations()
    for told in story.told:
        durations_fold.evolve(durations, told)
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        await store.bring_up_to_date(log)
        found = (await store.durations()).seen(("raw", "shaky"), 1)
    assert found is not None
    assert len(found.samples) == 4
    assert found == durations.seen(("raw", "shaky"), 1)


@pytest.mark.parametrize("step", [1, 3, 7])
async def test_tables_are_the_same_however_often_they_are_brought_up_to_date(
    migrated_url: str, step: int
) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        for upto in range(step, len(story.told) + step, step):
            await write(log, story, upto=upto)
            await store.bring_up_to_date(log)
        in_steps = await listed(store)
        await empty(migrated_url)
        await store.bring_up_to_date(log)
        assert await listed(store) == in_steps


async def test_several_may_bring_them_up_to_date_at_once(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(store.bring_up_to_date, log)
        (backfill,) = (await listed(store))["backfills"]
        assert backfill["partitions_materialized"] == 9


async def test_tables_of_another_version_are_filled_anew(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        await store.bring_up_to_date(log)
        before = await listed(store)
        engine = make_engine(parsed(migrated_url), pooled=False)
        async with engine.begin() as connection:
            await connection.execute(update(schema.checkpoint).values(version=-1))
            await connection.execute(update(schema.runs).values(status="nonsense"))
        await engine.dispose()
        await store.bring_up_to_date(log)
        assert await listed(store) == before


async def test_a_world_from_a_snapshot_is_the_world_from_the_log(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story, upto=11)
        await store.save_snapshot(await folded(log), NOW)
        await write(log, story)
        loaded = await store.load_world(log)
        assert loaded.position == len(story.told)
        assert snapshot.encode(loaded) == snapshot.encode(await folded(log))
        earlier = await store.load_world(log, upto=5)
        assert earlier.position == 5


async def test_only_the_newest_snapshots_are_kept(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        for upto in range(1, 7):
            await write(log, story, upto=upto)
            await store.save_snapshot(await folded(log), NOW)
    engine = make_engine(parsed(migrated_url), pooled=False)
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT position FROM snapshots ORDER BY position"))
        assert list(found.scalars()) == [4, 5, 6]
    await engine.dispose()
    assert SNAPSHOTS_KEPT == 3


async def test_a_snapshot_that_cannot_be_read_is_not_used(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        await store.save_snapshot(await folded(log), NOW)
        engine = make_engine(parsed(migrated_url), pooled=False)
        async with engine.begin() as connection:
            await connection.execute(update(schema.snapshots).values(state=b"nonsense"))
        await engine.dispose()
        loaded = await store.load_world(log)
        assert snapshot.encode(loaded) == snapshot.encode(await folded(log))


async def empty(url: str) -> None:
    """Forget the tables, as if they had been dropped and made again."""
    engine = make_engine(parsed(url), pooled=False)
    async with engine.begin() as connection:
        for table in ("backfills", "runs", "materializations"):
            await connection.execute(text(f"DELETE FROM {table}"))
        await connection.execute(update(schema.checkpoint).values(position=0))
    await engine.dispose()
