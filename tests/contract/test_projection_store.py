"""Snapshots and tables in a real database: both are caches of the log, and never say anything else."""

from datetime import UTC, datetime
from functools import partial

import anyio
import pytest
from sqlalchemy import text, update

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from events.driver import database_url as parsed
from events.driver import make_engine
from events.envelope import Event
from events.facts import PoolConfigured
from events.ids import new_id
from events.postgres import PostgresLog
from projections import durations as durations_fold
from projections import snapshot, snapshots_kept
from projections.durations import Durations
from projections.snapshots_kept import NEWEST_KEPT
from projections.tables import schema
from projections.tables.changes import changes
from projections.tables.store import ProjectionStore
from projections.tables.then import backfill_rows, run_rows
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


async def test_the_newest_runs_are_looked_through_where_they_say_enough(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.tables.store.LATELY", 2)
    story = Story(raw, shaky, slots=2)
    story.ask("*")
    while runs := story.launched():
        for run in runs:
            story.run(run)
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        await store.bring_up_to_date(log)
        lately = (await store.durations([("raw", "shaky")])).seen(("raw", "shaky"), 1)
        all_told = (await store.durations([("raw", "shaky"), ("raw",)])).seen(("raw", "shaky"), 1)
    assert lately is not None
    assert all_told is not None
    assert (len(lately.samples), len(all_told.samples) > 2) == (2, True)


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
        assert (await store.durations([("raw", "shaky")])).seen(("raw", "shaky"), 1) == found
        assert (await store.durations([("raw", "shaky"), ("new",)])).seen(("raw", "shaky"), 1) == found
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


async def test_only_the_newest_snapshots_of_a_short_log_are_kept(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        for upto in range(1, 7):
            await write(log, story, upto=upto)
            await store.save_snapshot(await folded(log), NOW)
    assert NEWEST_KEPT == 3
    assert await snapshots(migrated_url) == [1, 4, 5, 6]


async def test_a_long_way_to_a_moment_is_gone_only_once(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots_kept, "SPACING_MIN", 300)
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        for _ in range(10):
            await log.append([Event(new_id(NOW), NOW, "story", PoolConfigured("p")) for _ in range(100)])
        world = await store.load_world(log, upto=700)
        assert (world.position, await snapshots(migrated_url)) == (700, [500, 700])
        await store.load_world(log)
        assert await snapshots(migrated_url) == [500, 700, 950]
        assert (await store.load_world(log, upto=499)).position == 499
        assert await snapshots(migrated_url) == [499, 500, 700, 950]


async def test_a_database_that_may_only_be_read_is_looked_at_all_the_same(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots_kept, "SPACING_MIN", 2)
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log:
        await write(log, story)
        engine = make_engine(parsed(migrated_url), pooled=False)
        async with engine.begin() as connection:
            name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
            await connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        await engine.dispose()
        async with ProjectionStore(migrated_url) as store:
            assert snapshot.encode(await store.load_world(log)) == snapshot.encode(await folded(log))
    assert await snapshots(migrated_url) == []


async def test_snapshots_of_older_versions_go_with_the_first_one_of_this(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story, upto=4)
        await store.save_snapshot(await folded(log), NOW)
        engine = make_engine(parsed(migrated_url), pooled=False)
        async with engine.begin() as connection:
            await connection.execute(update(schema.snapshots).values(version=snapshot.VERSION - 1))
        await engine.dispose()
        await write(log, story)
        await store.save_snapshot(await folded(log), NOW)
    assert await snapshots(migrated_url) == [len(story.told)]


async def test_runs_are_told_as_they_were_at_every_position(migrated_url: str) -> None:
    story = a_backfill_that_fails()
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await write(log, story)
        await store.bring_up_to_date(log)
        for upto in range(1, len(story.told) + 1):
            made = changes(story.told[:upto])
            world = await store.load_world(log, upto=upto)
            rows = await run_rows(partial(store.rows, schema.runs), world, where={}, limit=0)
            expected = {row["id"]: (row["status"], row.get("error")) for row in made.new_runs.values()}
            assert {row["id"]: (row["status"], row["error"]) for row in rows} == expected
            for status in ("launched", "running", "succeeded", "failed"):
                some = await run_rows(
                    partial(store.rows, schema.runs), world, where={"status": status}, limit=0
                )
                assert some == [row for row in rows if row["status"] == status]
            backfills = backfill_rows(world, limit=0)
            assert [row["status"] for row in backfills] == [
                row["status"] for row in made.new_backfills.values()
            ]
            assert sum(row["partitions_materialized"] for row in backfills) == sum(made.materialized.values())
        assert backfill_rows(world, limit=0) == await store.rows(schema.backfills, where={}, limit=0)


async def snapshots(url: str) -> list[int]:
    """The positions of those that are kept."""
    engine = make_engine(parsed(url), pooled=False)
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT position FROM snapshots ORDER BY position"))
        positions = list(found.scalars())
    await engine.dispose()
    return positions


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
