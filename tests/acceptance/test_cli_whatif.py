"""`whatif` and `plan --estimate` as a user calls them, over a log with backfills that have ended."""

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House, new_house

SHOP = """
import time

from backfilld import BackfillPolicy, DailyPartitionsDefinition, RetryPolicy, asset

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-09")


@asset(partitions_def=DAYS, pool="warehouse", retry_policy=RetryPolicy(max_retries=1))
def raw(context):
    time.sleep(0.1)
    if context.partition_key == "2024-01-03":
        raise ValueError("no file for that day")


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(4))
def clean(context):
    time.sleep(0.05 * len(context.partition_keys))


@asset(partitions_def=DAYS)
def never_run():
    pass
"""
DAY_S = 24 * 3600


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house in which a backfill has failed for one day; its daemon is gone."""
    with new_house() as house:
        (house.folder / "shop.py").write_text(SHOP)
        with house.daemon("shop.py", "--max-concurrent", "4"):
            assert house.call("pool", "set", "warehouse", "--slots", "1").status == 0
            launched = house.call("launch", "raw", "clean", "--all", "--wait")
            assert launched.status == 1, launched
        yield house


def backfill_of(house: House) -> str:
    (backfill,) = house.call("backfills", "-o", "json").value
    return str(backfill["id"])


def head_of(house: House) -> int:
    (last,) = house.call("log", "--limit", "1", "-o", "json").value
    return int(last["position"])


def test_what_if_compares_what_was_with_another_policy_and_records_nothing(house: House) -> None:
    backfill, head = backfill_of(house), head_of(house)
    answer = house.call("whatif", backfill, "--pool", "warehouse=4", "--newest-first", "-o", "json")
    assert answer.status == 0, answer
    found = answer.value
    assert found["backfill_id"] == backfill
    assert found["policy"] == {
        "max_concurrent_runs": None,
        "order": "newest_first",
        "retries_max": None,
        "only_between": None,
        "pool_slots": {"warehouse": 4},
        "runs_max": None,
    }
    was, again, other = found["recorded"], found["simulated"], found["what_if"]
    assert [each["status"] for each in (was, again, other)] == ["failed"] * 3
    assert [each["runs"] for each in (was, again, other)] == [was["runs"]] * 3
    assert [each["pools"] for each in (was, again, other)] == [
        {"warehouse": 1},
        {"warehouse": 1},
        {"warehouse": 4},
    ]
    # Nine attempts of a tenth of a second, one after the other; what the daemon needs between them is not
    # simulated, so that the model is a little faster than what was.
    assert 0.9 <= again["took_s"] <= was["took_s"]
    assert other["took_s"] < again["took_s"]
    assert other["waiting_total_s"] < again["waiting_total_s"]
    raw = {name: each["assets"][0] for name, each in found.items() if name in ("simulated", "what_if")}
    assert raw["simulated"]["oldest_s"] < raw["simulated"]["newest_s"]
    assert raw["what_if"]["oldest_s"] > raw["what_if"]["newest_s"]
    assert head_of(house) == head


def test_what_if_is_told_in_a_table_and_a_sentence(house: House) -> None:
    answer = house.call("whatif", backfill_of(house), "--retries", "3", "--max-runs", "1")
    assert answer.status == 0, answer
    lines = answer.out.splitlines()
    names = ["came", "took", "runs", "of", "of", "a", "all", "runs", "of"]
    assert lines[0].split() == ["as", "recorded", "simulated", "what", "if"]
    assert [line.split()[0] for line in lines[2:11]] == names
    assert lines[2].split()[2:] == ["failed", "failed", "succeeded"]
    assert lines[10].startswith("of pool warehouse at once ")
    assert max(map(len, lines[:11])) <= 80
    assert "7 → 8 of 8" in answer.out
    assert "never → " in answer.out
    assert "later than in the simulation of what was." in answer.out
    assert "taken to need the median of the same assets, and to succeed." in answer.out
    assert answer.err == "Nothing was launched, and nothing recorded.\n"


def test_hours_are_those_of_the_time_of_its_request(house: House) -> None:
    found = house.call("whatif", backfill_of(house), "--only-between", "00:00-00:01", "-o", "json").value
    assert found["what_if"]["took_s"] <= DAY_S + 60


def test_an_estimate_goes_by_what_runs_took(house: House) -> None:
    head = head_of(house)
    found = house.call("plan", "raw", "clean", "--all", "--estimate", "-o", "json").value["estimate"]
    assert (found["runs_max"], found["pools"], found["why_not"]) == (4, {"warehouse": 1}, None)
    raw, clean = found["runs"]
    assert (raw["assets"], raw["runs"], raw["partitions_per_run"], raw["seen"]) == (["raw"], 8, 1, 7)
    assert 0.1 <= raw["median_s"] <= raw["high_s"]
    assert (clean["assets"], clean["runs"], clean["partitions_per_run"]) == (["clean"], 2, 4)
    # One by one through the pool's one slot, and then what is downstream of the last.
    assert found["took_median_s"] >= 8 * 0.1 + 0.2
    assert found["took_high_s"] >= found["took_median_s"]
    assert "It will take about " in house.call("plan", "raw", "--all", "--estimate").out
    assert head_of(house) == head


def test_an_estimate_says_what_it_does_not_know(house: House) -> None:
    answer = house.call("plan", "never_run", "--all", "--estimate")
    assert "How long it takes cannot be told: no run of these assets has ever succeeded" in answer.out
    both = house.call("plan", "raw", "never_run", "--all", "--estimate")
    assert "Nothing is known of what never_run takes: it is left out." in both.out
    assert "estimate" not in house.call("plan", "raw", "--all", "-o", "json").value


MISTAKES = (
    ((), 2, "What if what? Give --max-concurrent, --order, --retries, --only-between, --pool or --max-runs."),
    (("--pool", "warehouse"), 2, "--pool takes NAME=SLOTS, such as warehouse=5 or warehouse=none, and not"),
    (("--pool", "warehouse=0"), 2, "--pool takes NAME=SLOTS"),
    (("--pool", "ware=1"), 3, "No run of backfill"),
    (("--order", "newest-first", "--random"), 2, "--order excludes --newest-first and --random; give one"),
    (("--newest-first", "--random"), 2, "--newest-first and --random exclude each other"),
    (("--max-concurrent", "0"), 2, "--max-concurrent takes a number from 1 on, or none, and not '0'."),
    (("--retries", "x"), 2, "--retries takes a number from 0 on, or none, and not 'x'."),
    (("--only-between", "late"), 2, "--only-between: 'late' are no hours of the day"),
)


def test_a_mistake_is_one_sentence(house: House) -> None:
    backfill = backfill_of(house)
    for options, code, sentence in MISTAKES:
        status, out, err = house.call("whatif", backfill, *options)
        assert (status, out) == (code, ""), options
        assert err.startswith(sentence)
        assert err.count("\n") == 1
    status, _, err = house.call("whatif", "nowhere", "--retries", "1")
    assert (status, err.split(";")[0]) == (3, "There is no backfill 'nowhere'")
