"""The tables against the log: what is right is found right, and whatever is wrong is found by its key."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Table, text

from events.codec import FACT_TYPES
from events.envelope import Event
from events.facts import Failure, PartitionFailed, RunFailed, RunLaunched
from projections.tables import schema
from projections.tables.checked import Checked
from tests.contract.kept import Kept
from tests.contract.test_projection_store import a_backfill_that_fails, write
from tests.simulation.together import many_backfills
from tests.story import keys as keys_of_days

NOW = datetime(2024, 6, 1, tzinfo=UTC)
TABLES = (schema.backfills, schema.runs, schema.materializations)

# What every column of every table is made to say instead.
OTHERWISE = {
    "TEXT": "'otherwise'",
    "BIGINT": "-1",
    "INTEGER": "-1",
    "JSONB": """'["otherwise"]'""",
    "DATETIME": "'2001-01-01Z'",
}


@pytest.fixture
def simulated() -> list[Event]:
    """A log with every kind of fact; made where no event loop is, since simulations bring theirs."""
    events = many_backfills(200)
    assert {type(each.fact).__name__ for each in events} == FACT_TYPES
    return events


def keys(checked: Checked) -> set[tuple[str, str, str | None]]:
    return {(each.table, each.key, each.column) for each in checked.differences}


@pytest.mark.timeout(180)
async def test_tables_of_all_that_a_simulation_does_are_those_of_a_new_fold(
    simulated: list[Event], kept: Kept
) -> None:
    for first in range(0, len(simulated), 700):
        await kept.log.append(simulated[first : first + 700])
        await kept.store.bring_up_to_date(kept.log)
        world = await kept.store.load_world(kept.log)
        await kept.store.save_snapshot(world, NOW)
    checked = await kept.check()
    assert checked.differences == ()
    assert (checked.position, checked.facts, checked.snapshots) == (len(simulated), len(simulated), 3)
    assert checked.rows["backfills"] >= 200
    assert checked.rows["runs"] > 500
    rebuilt = await kept.store.rebuild(kept.log)
    assert rebuilt is not None
    assert (rebuilt.position, rebuilt.rows, rebuilt.snapshots_mended) == (len(simulated), checked.rows, 0)
    assert (await kept.check()).differences == ()


async def test_a_run_with_several_errors_says_the_same_however_its_facts_came_in(kept: Kept) -> None:
    story = a_backfill_that_fails()
    (launch, *_) = [each for each in story.told if isinstance(each.fact, RunLaunched)]
    about = {"backfill_id": launch.backfill_id, "run_id": launch.run_id}
    first, second = (Failure("ValueError", message) for message in ("the first", "the second"))
    for failure in (first, second):
        story.tell(PartitionFailed("raw", keys_of_days("2024-01-01"), failure), **about)
    story.tell(RunFailed(1.0, first), **about)
    for upto in range(len(story.told) - 3, len(story.told) + 1):
        await write(kept.log, story, upto=upto)
        await kept.store.bring_up_to_date(kept.log)
    assert (await kept.check()).differences == ()


async def test_the_empty_log_is_right(kept: Kept) -> None:
    checked = await kept.check()
    assert (checked.differences, checked.facts, checked.snapshots) == ((), 0, 0)


async def test_tables_that_are_behind_are_right_as_far_as_they_go(kept: Kept) -> None:
    story = a_backfill_that_fails()
    await write(kept.log, story, upto=9)
    await kept.store.bring_up_to_date(kept.log)
    await write(kept.log, story)
    checked = await kept.check()
    assert (checked.differences, checked.position, checked.head) == ((), 9, len(story.told))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_each_column_that_says_something_else_is_found(small: Kept, table: Table) -> None:
    (key,) = (column.name for column in table.primary_key.columns)
    for column in table.columns:
        await small.execute(
            f"UPDATE {table.name} SET {column.name} = {OTHERWISE[str(column.type)]} "
            f"WHERE position = (SELECT min(position) FROM {table.name})"
        )
        checked = await small.check()
        is_key = column.name == key
        assert checked.rows_differing == (2 if is_key else 1), column
        assert {each.column for each in checked.differences} == {None if is_key else column.name}
        await small.store.rebuild(small.log)
    assert (await small.check()).differences == ()


async def test_a_row_too_few_and_one_too_many_are_found(small: Kept) -> None:
    await small.execute("DELETE FROM runs WHERE id = 'b-2-1'")
    await small.execute(
        "INSERT INTO runs SELECT 'forged', backfill_id, status, number, attempt, assets, partitions, "
        "code_location, launched_at, started_at, ended_at, error, position FROM runs WHERE id = 'b-1-1'"
    )
    checked = await small.check()
    assert keys(checked) == {("runs", "b-2-1", None), ("runs", "forged", None)}
    there, gone = (
        next(each for each in checked.differences if each.key == key) for key in ("forged", "b-2-1")
    )
    assert (there.log, gone.there) == (None, None)
    assert gone.log["status"] == "succeeded"


async def test_a_snapshot_that_says_something_else_is_found_and_mended(small: Kept) -> None:
    world = await small.store.load_world(small.log, upto=11)
    world.known.active["b"].priority = 77
    await small.execute("DELETE FROM snapshots")
    await small.store.save_snapshot(world, NOW)
    checked = await small.check()
    assert keys(checked) == {("snapshots", "11", "active.b.priority")}
    assert (checked.differences[0].there, checked.differences[0].log) == (77, 0)
    rebuilt = await small.store.rebuild(small.log)
    assert rebuilt is not None
    assert rebuilt.snapshots_mended == 1
    assert (await small.check()).differences == ()


async def test_a_snapshot_that_cannot_be_read_is_found(small: Kept) -> None:
    await small.execute("UPDATE snapshots SET state = 'nonsense'")
    assert keys(await small.check()) == {("snapshots", "11", "state")}


async def test_tables_of_another_version_or_of_a_longer_log_are_told(small: Kept) -> None:
    await small.execute("UPDATE checkpoint SET version = version - 1, position = position + 1")
    assert keys(await small.check()) == {
        ("checkpoint", "tables", "version"),
        ("checkpoint", "tables", "position"),
    }


async def test_nothing_is_changed_by_a_check(small: Kept) -> None:
    await small.execute("UPDATE runs SET status = 'otherwise'")
    async with small.session() as connection:
        before = (await connection.execute(text(CHANGES))).all()
    await small.check()
    async with small.session() as connection:
        assert (await connection.execute(text(CHANGES))).all() == before
        names = (await connection.execute(text(TABLE_NAMES))).scalars().all()
    assert not [name for name in names if "folded" in name]


CHANGES = "SELECT xmin::text, ctid::text, id, status FROM runs ORDER BY id"
TABLE_NAMES = "SELECT relname FROM pg_class WHERE relkind = 'r' ORDER BY relname"
