"""`retry` as a user calls it, with a real daemon and runs."""

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house with a daemon, in which 2024-01-03 cannot be filled."""
    with new_house() as house, house.daemon():
        (house.folder / "broken").touch()
        yield house


@pytest.fixture(scope="module")
def failed_id(house: House) -> str:
    return house.call("launch", "orders*", "--all", "--max-concurrent", "3", "--wait").out.split()[1]


def test_a_successor_fills_what_its_parent_did_not_and_names_it(house: House, failed_id: str) -> None:
    (house.folder / "broken").unlink()
    status, out, _ = house.call("retry", failed_id, "--reason", "file has come", "--wait")
    assert status == 0
    first, end = out.splitlines()
    assert first.endswith(f"is launched: 3 runs for orders, totals, report, a retry of {failed_id}.")
    assert " succeeded: 3 of 3 partitions materialized in " in end
    successor = house.call("status", first.split()[1], "-o", "json").value
    assert successor["parent_backfill_id"] == failed_id
    assert (successor["reason"], successor["partitions"]) == ("file has come", f"retry {failed_id}")
    (request,) = house.call(
        "log", "--backfill", first.split()[1], "--type", "BackfillRequested", "-o", "json"
    ).value
    assert request["data"]["parent_backfill_id"] == failed_id
    assert request["data"]["max_concurrent_runs"] == 3
    assert house.call("assets", "-o", "json").value[1]["statuses"]["materialized"] == 10


def test_what_makes_no_sense_is_refused_in_one_sentence(house: House, failed_id: str) -> None:
    done = house.call("launch", "orders", "--partitions", "2024-01-01", "--wait").out.split()[1]
    assert house.call("retry", done) == (3, "", f"Backfill {done} succeeded: nothing of it is left to do.\n")
    running = house.call("launch", "region", "--all").out.split()[1]
    assert house.call("retry", running) == (
        3,
        "",
        f"Backfill {running} has not ended (running); wait until it has, or cancel it first.\n",
    )
    (house.folder / "go").touch()
    status, _, err = house.call("retry", "nowhere")
    assert status == 3
    assert err.startswith("There is no backfill 'nowhere'")


def test_json_has_the_parent(house: House, failed_id: str) -> None:
    value = house.call("retry", failed_id, "-o", "json", "--wait").value
    assert (value["parent_backfill_id"], value["status"], value["runs_total"]) == (failed_id, "succeeded", 3)
