"""`audit` as a user calls it: a backfill with a failure, a retry, an amendment and a cancel, in every form.

Its keys, errors and metadata are made to break out of tables, pages and spreadsheets.
"""

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.acceptance.house import House, new_house

HOSTILE = """
import threading

from backfilld import MaterializeResult, RetryPolicy, StaticPartitionsDefinition, asset

THINGS = StaticPartitionsDefinition(["a|b", "<script>alert(1)</script>", "=1+1"])


@asset(partitions_def=THINGS, retry_policy=RetryPolicy(max_retries=1), code_version="v3")
def things(context):
    is_first = context.run_id.endswith("-1")
    if context.partition_key == "=1+1" or (context.partition_key.startswith("<") and is_first):
        raise ValueError("no | file\\n</td><img src=x onerror=alert(1)> [here](javascript:x) `for` *that*")
    return MaterializeResult(metadata={"file": "=cmd|'/c calc'!A0", "html": "<b>bold</b>"})


@asset(partitions_def=THINGS, deps=[things])
def after(context):
    pass


@asset(partitions_def=StaticPartitionsDefinition(["stays", "dropped"]))
def slow(context):
    with open("begun", "w"):  # Who opens it to read learns that the run has begun.
        pass
    threading.Event().wait(60)
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house without a daemon by now, in which two backfills have ended."""
    with new_house() as house:
        (house.folder / "hostile.py").write_text(HOSTILE)
        (house.folder / "backfilld.toml").write_text("[daemon]\ngrace_s = 0.5\n")
        os.mkfifo(house.folder / "begun")
        with house.daemon("hostile.py"):
            house.call("launch", "things+", "--all", "--reason", "new | <source>", "--wait")
            own = house.call("launch", "slow", "--all", "--max-concurrent", "1", "-o", "json").value["id"]
            (house.folder / "begun").read_text()
            house.call("amend", own, "--drop", "slow=dropped", "--priority", "4", "--reason", "leave | room")
            house.call("cancel", own, "--reason", "=wrong month")
            house.call("status", own, "--watch")
        yield house


@pytest.fixture(scope="module")
def ids(house: House) -> tuple[str, str]:
    """Of the backfill that failed, and of the one that was canceled."""
    canceled, failed = house.call("backfills", "-o", "json").value
    return failed["id"], canceled["id"]


def attempts(house: House, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.call("audit", *arguments, "-o", "json").value
    return found


def test_each_attempt_is_told_with_all_around_it(house: House, ids: tuple[str, str]) -> None:
    told = attempts(house, "things")
    by_key: dict[str, list[str]] = {}
    for each in told:
        by_key.setdefault(each["partitions"]["ranges"][0][0], []).append(each["outcome"])
    assert by_key == {
        "a|b": ["materialized"],
        "<script>alert(1)</script>": ["failed", "materialized"],
        "=1+1": ["failed", "failed"],
    }
    filled = next(each for each in told if each["outcome"] == "materialized")
    (load,) = house.call("log", "--type", "DefinitionsLoaded", "-o", "json").value
    launch = house.call("run", filled["run_id"], "-o", "json").value
    expected = {
        "backfill_id": ids[0],
        "attempt": 1,
        "requested_by": "ada@office",
        "reason": "new | <source>",
        "policy": "a run per partition",
        "code_version": "v3",
        "code_location": "hostile",
        "manifest_digest": load["data"]["digest"],
        "metadata": {"file": "=cmd|'/c calc'!A0", "html": "<b>bold</b>"},
        "failure": None,
    }
    assert filled.items() >= expected.items()
    assert filled["launched_at"] == launch["launched_at"]
    failed = next(each for each in told if each["outcome"] == "failed")
    assert failed["failure"]["type"] == "ValueError"
    assert "onerror=alert(1)" in failed["failure"]["message"]


def test_who_canceled_a_run_and_why_is_told(house: House, ids: tuple[str, str]) -> None:
    (told,) = attempts(house, "slow")
    assert (told["backfill_id"], told["outcome"]) == (ids[1], "canceled")
    assert (told["canceled"]["by"], told["canceled"]["reason"]) == ("ada@office", "=wrong month")
    assert attempts(house, "slow", "--partitions", "dropped") == []
    status, out, err = house.call("audit", "slow", "--partitions", "dropped")
    assert (status, out, err) == (0, "", "No run ever tried to fill these partitions of slow.\n")


def test_partitions_narrow_it(house: House) -> None:
    told = attempts(house, "things", "--partitions", '"=1+1", a|b')
    assert sorted(each["outcome"] for each in told) == ["failed", "failed", "materialized"]
    lines = house.call("audit", "things", "--partitions", "a|b", "-o", "jsonl").out.splitlines()
    assert len(lines) == 1


def test_people_get_some_lines_for_each(house: House, ids: tuple[str, str]) -> None:
    status, out, err = house.call("audit", "things", "--partitions", "a|b")
    assert (status, err) == (0, "")
    first, *rest = out.splitlines()
    assert first.split()[2:] == ["materialized", "a|b"]
    assert rest[0] == f"    run {ids[0]}-1-1, attempt 1 of backfill {ids[0]}"
    assert rest[1].startswith("    asked for by ada@office on ")
    assert rest[1].endswith(" UTC: new | <source>")
    assert rest[2].startswith("    a run per partition, code version v3, manifest ")
    assert "\x1b" not in out


def test_csv_can_be_read_and_runs_nothing(house: House) -> None:
    rows = list(csv.DictReader(io.StringIO(house.call("audit", "things", "-o", "csv").out)))
    assert len(rows) == 5
    assert {row["partitions"] for row in rows} == {"a|b", "<script>alert(1)</script>", "'=1+1"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]
    (canceled,) = csv.DictReader(io.StringIO(house.call("audit", "slow", "-o", "csv").out))
    assert (canceled["canceled_by"], canceled["cancel_reason"]) == ("ada@office", "'=wrong month")


def test_markdown_is_a_table_whatever_stands_in_it(house: House, ids: tuple[str, str]) -> None:
    for page in (
        house.call("audit", "things", "-o", "markdown").out,
        *(house.call("audit", "backfill", each).out for each in ids),
    ):
        tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(page)
        kinds = {token.type for token in tokens} | {
            child.type for token in tokens for child in token.children or []
        }
        assert kinds.isdisjoint({"html_block", "html_inline", "link_open", "image", "em_open", "code_inline"})
        rows = [token.map for token in tokens if token.type == "tr_open"]
        assert len(rows) == sum(
            line.startswith("| ") and not line.startswith("| ---") for line in page.splitlines()
        )


def test_a_page_tells_a_reviewer_all_about_a_backfill(house: House, ids: tuple[str, str]) -> None:
    status, page, err = house.call("audit", "backfill", ids[1], "-o", "markdown")
    assert (status, err) == (0, "")
    assert page.startswith(f"# Backfill {ids[1]}\n\n**canceled**: slow, --all, asked for by ada@office on ")
    for part in ("Request", "Plan", "Changes under way", "Outcome", "Timeline (UTC)", "Time", "Failures"):
        assert f"\n## {part}\n" in page
    assert " | ada@office | amended: priority 4, dropped slow dropped | leave &#124; room | " in page
    assert " | ada@office | canceled | =wrong month | " in page
    assert "- Runs at a time: 1\n" in page
    assert "\n| slow | 2 | 0 | 0 | 0 | 2 | 0 |" in page


def test_the_account_in_json_adds_up(house: House, ids: tuple[str, str]) -> None:
    account = house.call("audit", "backfill", ids[0], "-o", "json").value
    facts = house.call("log", "--backfill", ids[0], "--limit", "0", "-o", "json").value
    assert account["proof"]["facts"] == len(facts)
    assert account["proof"]["last_position"] == facts[-1]["position"]
    digest = house.call("log", "verify", "-o", "json").value
    assert (account["proof"]["head"], account["proof"]["head_digest"]) == (digest["head"], digest["digest"])
    assert account["assets"]["things"]["counts"]["failed"] == 1
    assert account["assets"]["after"]["counts"]["skipped"] == 1
    assert account["assets"]["things"]["code_versions"] == {"v3": 2}
    assert account["costs"]["retries"] == 2
    assert sorted(each["filled_later"] for each in account["failures"]) == [0, 0, 1]
    assert account["actors"].keys() == {"ada@office", "daemon", "its runs"}
    assert house.call("-o", "json", "audit", "backfill", ids[0]).value == account


def test_the_html_page_shows_hostile_text_as_text(house: House, ids: tuple[str, str]) -> None:
    status, page, err = house.call("audit", "backfill", ids[0], "-o", "html")
    assert (status, err) == (0, "")
    assert page.startswith("<!DOCTYPE html>\n")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;/td&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert "new | &lt;source&gt;" in page


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["thing"], 3, "There is no asset 'thing'. Did you mean things?\n"),
        (["things", "--partitions", "c"], 2, "Expected a key of the 3 partitions from 'a|b' to '=1+1'"),
        (["things", "-o", "html"], 2, "Invalid value for '--output' / '-o': "),
        (["backfill", "nowhere"], 3, "There is no backfill 'nowhere'; "),
        (["backfill"], 2, "Missing argument 'ID'. See `backfilld audit backfill --help`.\n"),
    ],
)
def test_a_mistake_is_one_sentence(house: House, arguments: list[str], code: int, sentence: str) -> None:
    status, out, err = house.call("audit", *arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence)
