"""`backfilld projections` as a user calls it, with a daemon that fills partitions meanwhile."""

import json
from collections.abc import Iterator

import anyio
import pytest
from sqlalchemy import text

from events.driver import database_url, make_engine
from events.embedded import embedded_database
from tests.acceptance.house import House, new_house

MANY = """
import time
from pathlib import Path

from backfilld import StaticPartitionsDefinition, asset

PARTS = StaticPartitionsDefinition([f"p{number:03}" for number in range(150)])


@asset(partitions_def=PARTS)
def first(context):
    stage = Path(f"stage{int(context.partition_key[1:]) // 50}")
    while not stage.exists():
        time.sleep(0.01)
    if context.partition_key.endswith("7"):
        raise ValueError("no sevens")


@asset(partitions_def=PARTS, deps=[first])
def second(context):
    pass
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house in which a backfill was filled while its tables were made anew again and again."""
    with new_house() as house:
        (house.folder / "many.py").write_text(MANY)
        with house.daemon("many.py", "--max-concurrent", "8"):
            backfill_id = house.call("launch", "*", "--all", "-o", "json").value["id"]
            for stage in range(3):
                (house.folder / f"stage{stage}").touch()
                assert house.call("projections", "rebuild").status == 0
                # Every view that is read meanwhile is one that the log gives.
                assert house.call("projections", "check").status == 0
            while house.call("status", backfill_id, "-o", "json").value["ended_at"] is None:
                assert house.call("projections", "rebuild").status == 0
            house.call("backfills")
            yield house


def test_a_check_tells_what_was_compared(house: House) -> None:
    status, out, err = house.call("projections", "check")
    assert (status, err) == (0, "")
    told = " ".join(out.split())
    assert told.startswith("The tables say what the log says: 1 backfill, 150 runs, 270 materializations at ")
    assert "were compared with" in told


def test_a_check_in_json(house: House) -> None:
    value = house.call("projections", "check", "-o", "json").value
    assert value["rows"] == {"backfills": 1, "runs": 150, "materializations": 270}
    assert (value["differences"], value["rows_differing"]) == ([], 0)
    assert value["position"] == value["head"] == value["facts"]


def test_a_difference_is_told_by_key_and_exits_with_1_and_is_mended(house: House) -> None:
    (run,) = house.call("runs", "--status", "succeeded", "--limit", "1", "-o", "json").value
    damage(house, f"UPDATE runs SET status = 'failed' WHERE id = '{run['id']}'")
    damage(house, "DELETE FROM backfills")
    status, out, _ = house.call("projections", "check")
    assert status == 1
    lines = out.splitlines()
    assert lines[0].startswith(f"backfills {run['backfill_id']}: it is not there, the log says {{")
    assert lines[1] == f'runs {run["id"]} status: there is "failed", the log says "succeeded"'
    assert "2 rows and 0 snapshots differ; `backfilld projections rebuild` makes them anew." in lines[2]
    status, out, _ = house.call("projections", "check", "-o", "json")
    assert status == 1
    (whole, one) = json.loads(out)["differences"]
    assert (whole["table"], whole["column"], whole["there"]) == ("backfills", None, None)
    assert (one["table"], one["key"], one["column"]) == ("runs", run["id"], "status")
    status, out, _ = house.call("projections", "rebuild")
    assert status == 0
    assert out.endswith(" facts: 1 backfill, 150 runs, 270 materializations.\n")
    assert house.call("projections", "check").status == 0


def test_a_rebuild_in_json(house: House) -> None:
    value = house.call("projections", "rebuild", "-o", "json").value
    assert value["rows"] == {"backfills": 1, "runs": 150, "materializations": 270}
    assert value["snapshots_mended"] == 0


def damage(house: House, statement: str) -> None:
    """Change a table behind everybody's back."""

    async def execute(url: str) -> None:
        engine = make_engine(database_url(url), pooled=False)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    with embedded_database(house.home) as url:
        anyio.run(execute, url)
