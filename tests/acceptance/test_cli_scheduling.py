"""Pools, orders and `explain` as a user calls them, with a real daemon and runs."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.house import House, new_house

GATED = '''
import time
from pathlib import Path

from backfilld import DailyPartitionsDefinition, asset

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")


@asset(partitions_def=DAYS, pool="gate")
def gated(context):
    """Takes until there is a file with its key."""
    for _ in range(6000):
        if Path(context.partition_key).exists():
            return
        time.sleep(0.01)


@asset(partitions_def=DAYS, deps=[gated])
def after(context):
    pass


@asset(deps=[after])
def report():
    pass
'''
PATIENCE_S = 30.0


@pytest.fixture
def house() -> Iterator[House]:
    """A house with a daemon whose one pool has two slots."""
    with new_house() as house:
        (house.folder / "gates.py").write_text(GATED)
        with house.daemon("gates.py", "--max-concurrent", "4"):
            assert house.call("pool", "set", "gate", "--slots", "2", "--reason", "narrow").status == 0
            yield house


def until(found: Callable[[], bool]) -> None:
    """Return once something is so; what a daemon does takes a moment, and so does every look."""
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline


def slots_taken(house: House) -> int:
    (pool,) = house.call("pool", "list", "-o", "json").value
    return int(pool["slots_taken"])


def test_a_pool_bounds_what_is_under_way_and_explain_names_who_holds_it(house: House) -> None:
    backfill = house.call("launch", "*", "--all", "--newest-first", "--priority", "2").out.split()[1]
    until(lambda: slots_taken(house) == 2)
    (pool,) = house.call("pool", "list", "-o", "json").value
    assert pool == {
        "pool": "gate",
        "slots": 2,
        "slots_taken": 2,
        "rate_per_minute": None,
        "only_between": None,
        "run_ids": [f"{backfill}-5-1", f"{backfill}-4-1"],
        "assets": ["gated"],
    }
    told = house.call("explain", backfill).out
    assert f"waits for a slot of pool gate (2 in all), held by {backfill}-5-1, {backfill}-4-1" in told
    assert "waits for 5 partitions of after" in told
    one = house.call("explain", backfill, "--asset", "gated", "--partition", "2024-01-01", "-o", "json").value
    assert one["reasons"] == [
        {"type": "pool_full", "pool": "gate", "slots": 2, "run_ids": [f"{backfill}-5-1", f"{backfill}-4-1"]}
    ]
    assert house.call("pool", "set", "gate", "--slots", "none").out == (
        "Pool gate is set: any number of runs at a time, at any rate, at any hour.\n"
    )
    until(lambda: slots_taken(house) == 4)
    for day in range(1, 6):
        (house.folder / f"2024-01-0{day}").touch()
    assert house.call("status", backfill, "--watch").status == 0
    (fact,) = house.call("log", "--type", "BackfillRequested", "-o", "json").value
    assert (fact["data"]["order"], fact["data"]["priority"]) == ("newest_first", 2)
    done = house.call("explain", backfill, "--asset", "after", "--partition", "2024-01-02")
    assert "  is materialized" in done.out
    types = [line.split()[3] for line in done.out.splitlines()[3:]]
    assert types[0] == "BackfillRequested"
    assert types[-1] == "RunSucceeded"
    assert house.call("explain", backfill).out.endswith("It has ended: nothing waits.\n")


def test_a_second_backfill_over_the_same_partitions_says_so_and_waits(house: House) -> None:
    first = house.call("launch", "gated", "--partitions", "2024-01-01").out.split()[1]
    until(lambda: slots_taken(house) == 1)
    answer = house.call("launch", "gated", "--partitions", "2024-01-01").out
    assert (
        f"Warning: backfill {first} has still to fill 2024-01-01 of gated; no partition is filled by two"
        in answer
    )
    second = answer.split()[1]
    until(lambda: f"for run {first}-1-1, which is filling the same" in house.call("explain", second).out)
    (house.folder / "2024-01-01").touch()
    assert house.call("status", second, "--watch").status == 0
    runs = house.call("runs", "-o", "json").value
    ends = {run["backfill_id"]: (run["launched_at"], run["ended_at"]) for run in runs}
    assert ends[second][0] >= ends[first][1]


MISTAKES = (
    (("pool", "set", "gate", "--slots", "0"), 2, "--slots is a number from 1 on, or 'none'; '0' is not."),
    (("pool", "set", "gate", "--rate", "fast"), 2, "--rate is a number and a time, such as 30/min"),
    (("pool", "set", "gate", "--only-between", "late"), 2, "--only-between: 'late' are no hours of the day"),
    (("pool", "set", "gate"), 3, "Nothing is to change of pool 'gate'; give --slots, --rate or"),
    (("launch", "gated", "--all", "--newest-first", "--random"), 2, "--newest-first and --random exclude"),
    (("launch", "gated", "--all", "--only-between", "9-17"), 2, "--only-between: '9-17' are no hours"),
    (("explain", "nowhere"), 3, "There is no backfill 'nowhere'"),
    (("explain", "x", "--partition", "y"), 2, "--partition is a partition of an asset: give --asset too."),
)


def test_a_mistake_is_one_sentence(house: House) -> None:
    for arguments, code, sentence in MISTAKES:
        status, out, err = house.call(*arguments)
        assert (status, out) == (code, ""), arguments
        assert err.startswith(sentence)
        assert err.count("\n") == 1
