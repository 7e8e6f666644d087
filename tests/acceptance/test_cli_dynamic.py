"""Dynamic sets on the command line: keys come and go with a daemon and without, and assets have them."""

import io
import re
import sys
import textwrap
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.acceptance.house import House, new_house

PIPELINE = '''
import time
from pathlib import Path

from backfilld import *

CUSTOMERS = DynamicPartitionsDefinition(name="customers")
DAYS = DailyPartitionsDefinition(start_date="2024-03-01", end_date="2024-03-03")


@asset(partitions_def=CUSTOMERS, backfill_policy=BackfillPolicy.multi_run(2))
def profiles(context):
    print(context.partition_keys, tuple(context.partition_key_range))


@asset(partitions_def=MultiPartitionsDefinition({"customer": CUSTOMERS, "date": DAYS}), deps=[profiles])
def invoices(context):
    """Takes until there is a file called `go`."""
    print(context.partition_key.keys_by_dimension, context.partition_time_window.start.date())
    for _ in range(6000):
        if Path("go").exists():
            return
        time.sleep(0.01)


@asset(partitions_def=DAYS)
def daily():
    pass
'''


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose daemon has been up once and is down."""
    with new_house() as house:
        (house.folder / "shop.py").write_text(PIPELINE)
        with house.daemon():
            pass
        yield house


@pytest.fixture(scope="module")
def backfill_id(house: House) -> str:
    """A backfill that has ended: of zoe, abe and kim, of whom kim was removed while it ran, and bob came."""
    added = house.call("partitions", "add", "customers", "zoe", "abe", "kim", "--reason", "first ones")
    assert added.out == "zoe, abe, kim: added to customers, which has 3 keys now.\n"
    assert added.err == ""
    launched = house.call("launch", "profiles*", "--all", "-o", "json").value
    assert (launched["runs_total"], launched["targets"]["invoices"]["count"]) == (8, 6)
    with house.daemon():
        follower = house.begin("status", launched["id"], "--watch")
        assert house.call("partitions", "remove", "customers", "kim").out.startswith("kim: removed from")
        assert house.call("partitions", "add", "customers", "bob").out.startswith("bob: added to")
        (house.folder / "go").touch()
        assert follower.wait(60) == 0
        follower.communicate()
    backfill_id: str = launched["id"]
    return backfill_id


def test_a_removed_key_is_still_filled_by_a_backfill_under_way(house: House, backfill_id: str) -> None:
    value = house.call("status", backfill_id, "-o", "json").value
    assert value["status"] == "succeeded"
    assert {asset: counts["materialized"] for asset, counts in value["progress"].items()} == {
        "profiles": 3,
        "invoices": 6,
    }
    runs = house.call("runs", "--backfill", backfill_id, "--limit", "0", "-o", "json").value
    filled = {run["partitions"]["ranges"][0][0] for run in runs if run["assets"] == ["invoices"]}
    assert {"kim|2024-03-01", "kim|2024-03-02"} <= filled


@pytest.mark.usefixtures("backfill_id")
def test_partitions_are_those_of_the_keys_of_now(house: House) -> None:
    assert house.call("partitions", "profiles").out.splitlines() == [
        "profiles has 3 dynamic partitions 'customers', 'zoe' to 'bob'.",
        "materialized         2  [zoe...abe]",
        "missing              1  bob",
    ]
    assert house.call("partitions", "show", "invoices", "--status", "missing", "-o", "json").value == {
        "asset": "invoices",
        "as_of": None,
        "count": 6,
        "statuses": {"missing": {"count": 2, "ranges": [["bob|2024-03-01", "bob|2024-03-02"]]}},
    }
    planned = house.call("plan", "profiles*", "--missing", "-o", "json").value
    assert planned["targets"] == {
        "profiles": {"count": 1, "ranges": [["bob", "bob"]]},
        "invoices": {"count": 2, "ranges": [["bob|2024-03-01", "bob|2024-03-02"]]},
    }


def test_user_code_is_given_the_keys_of_its_run(house: House, backfill_id: str) -> None:
    assert "('zoe', 'abe')" in house.call("run", f"{backfill_id}-1-1").out
    assert (
        "{'customer': 'kim', 'date': '2024-03-02'} 2024-03-02" in house.call("run", f"{backfill_id}-8-1").out
    )


@pytest.mark.usefixtures("backfill_id")
def test_sets_and_their_keys_are_listed(house: House) -> None:
    listed = house.call("partitions", "list")
    assert re.search(r"^customers +3 +zoe +bob +profiles", listed.out, re.MULTILINE)
    assert house.call("partitions", "list", "customers").out == "zoe\nabe\nbob\n"
    assert house.call("-o", "json", "partitions", "list", "customers", "--limit", "2").value == {
        "name": "customers",
        "count": 3,
        "keys": ["zoe", "abe"],
        "assets": ["profiles", "invoices"],
    }
    (row,) = house.call("partitions", "-o", "json", "list").value
    assert (row["name"], row["count"], row["first"], row["last"]) == ("customers", 3, "zoe", "bob")


@pytest.mark.usefixtures("backfill_id")
def test_who_and_why_is_on_record(house: House) -> None:
    first, *_ = house.call("log", "--type", "DynamicPartitionsAdded", "-o", "json").value
    assert first["actor"] == "ada@office"
    assert first["data"] == {"name": "customers", "keys": ["zoe", "abe", "kim"], "reason": "first ones"}
    told = house.call("log", "--type", "DynamicPartitionsAdded").out
    assert "customers: zoe, abe, kim: first ones, by ada@office\n" in told


@pytest.mark.usefixtures("backfill_id")
def test_what_changes_nothing_is_said_and_not_recorded(house: House) -> None:
    head = house.call("log", "--limit", "1", "-o", "json").value[0]["position"]
    assert house.call("partitions", "add", "customers", "abe", "zoe").out == "abe, zoe: already there.\n"
    assert house.call("partitions", "remove", "customers", "ian").out == "ian: not there.\n"
    refused = house.call("partitions", "add", "customers", "ian", "a|b")
    assert (refused.status, refused.out) == (3, "")
    assert refused.err.startswith(
        "'a|b' cannot be a partition key: '|' stands between the two keys of a pair"
    )
    assert house.call("log", "--limit", "1", "-o", "json").value[0]["position"] == head


def test_keys_are_read_from_standard_input(house: House) -> None:
    lines = io.TextIOWrapper(io.BytesIO(b"one\r\ntwo\n\nthree\n"), encoding="ascii")
    with patch.object(sys, "stdin", lines):
        added = house.call("partitions", "add", "numbers", "zero", "-", "-o", "json").value
    assert added["changed"] == ["zero", "one", "two", "three"]
    with patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff"))):
        refused = house.call("partitions", "add", "numbers", "-")
    assert (refused.status, refused.err.startswith("Standard input is not text in UTF-8")) == (2, True)
    house.call("partitions", "remove", "numbers", "zero", "one", "two", "three")


def test_a_set_that_no_asset_has_gets_a_note(house: House) -> None:
    added = house.call("partitions", "add", "custmers", "zoe")
    assert added.out == "zoe: added to custmers, which has 1 key now.\n"
    assert added.err == "No asset has partitions of a set 'custmers' yet. Did you mean customers?\n"
    removed = house.call("partitions", "remove", "invoices", "zoe")
    assert removed.err.endswith("the asset 'invoices' has those of customers.\n")
    assert house.call("partitions", "remove", "custmers", "zoe").status == 0
    assert house.call("partitions", "list", "custmers").err == (
        "The dynamic set custmers has no keys; `backfilld partitions add custmers KEY...` adds some.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["list", "custommers"], 3, "There is no dynamic set 'custommers'. Did you mean customers"),
        (
            ["customers"],
            3,
            "'customers' is a dynamic set; `backfilld partitions list customers` lists its keys.",
        ),
        (["profils"], 3, "There is no asset 'profils'. Did you mean profiles?"),
        (["-o", "json", "profils"], 3, "There is no asset 'profils'. Did you mean profiles?"),
        (["--status", "missing"], 2, "Missing argument 'ASSET'"),
        (["add", "customers"], 2, "Missing argument 'KEY...'"),
    ],
)
def test_a_mistake_is_one_sentence(house: House, arguments: list[str], status: int, sentence: str) -> None:
    answer = house.call("partitions", *arguments)
    assert (answer.status, answer.out) == (status, "")
    assert answer.err.startswith(sentence), answer.err


def test_without_an_asset_the_commands_are_shown(house: House) -> None:
    for answer in (house.call("partitions"), house.call("partitions", "--help")):
        assert all(name in answer.out + answer.err for name in ("add", "remove", "list", "show"))
    assert "ASSET" in house.call("partitions", "daily", "--help").out


def test_an_asset_with_an_empty_set_says_how_to_fill_it(house: House) -> None:
    other = textwrap.dedent(PIPELINE).replace("customers", "shops")
    (house.folder / "shop.py").write_text(other)
    with house.daemon():
        answer = house.call("partitions", "profiles")
    assert answer.out == "profiles has dynamic partitions 'shops', of which there are none yet.\n"
    assert (
        answer.err
        == "The dynamic set shops has no keys; `backfilld partitions add shops KEY...` adds some.\n"
    )
