"""Looking into the log as a user does: options that combine, pages, one fact whole, and what uses the space.

What is expected is worked out here from the log as a whole, fact by fact.
"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import CALL_TIMEOUT_S, House, command, new_house

Facts = list[dict[str, Any]]
Holds = Callable[[dict[str, Any]], bool]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house without a daemon by now: fills, a failure and its retry, and a backfill that was canceled."""
    with new_house() as house:
        with house.daemon():
            house.call("launch", "totals", "--partitions", "2024-01-04", "--wait")
            (house.folder / "broken").touch()
            failed = house.call("launch", "+totals", "--all", "--reason", "All of IT", "-o", "json").value
            house.call("status", failed["id"], "--watch")
            (house.folder / "broken").unlink()
            house.call("retry", failed["id"], "--wait")
            slow = house.call("launch", "region", "--all", "-o", "json").value["id"]
            house.call("pause", slow, "--reason", "lunch")
            house.call("cancel", slow)
            house.call("status", slow, "--watch")
            house.call("pool", "set", "warehouse", "--slots", "3")
        yield house


@pytest.fixture(scope="module")
def facts(house: House) -> Facts:
    """The whole log."""
    return read(house, "--limit", "0")


@pytest.fixture(scope="module")
def file(house: House) -> Path:
    """The whole log as a file."""
    path = house.folder / "log.jsonl"
    assert house.call("export", str(path)).status == 0
    return path


def read(house: House, *arguments: str) -> Facts:
    found: Facts = house.call("log", "-o", "json", *arguments).value
    return found


def of(facts: Facts, kind: str) -> Facts:
    return [fact for fact in facts if fact["type"] == kind]


def positions(facts: Facts) -> list[int]:
    return [fact["position"] for fact in facts]


def targets(facts: Facts, asset: str) -> set[str]:
    """The backfills that fill an asset."""
    requests = of(facts, "BackfillRequested")
    return {
        fact["backfill_id"]
        for fact in requests
        if any(asset in group["assets"] for group in fact["data"]["groups"])
    }


def is_about(facts: Facts, asset: str) -> Holds:
    """Whether a fact is about the asset."""
    backfills = targets(facts, asset)
    runs = {fact["run_id"] for fact in of(facts, "RunLaunched") if asset in fact["data"]["assets"]}
    return lambda fact: (
        fact["backfill_id"] in backfills
        and fact["data"].get("asset", asset) == asset
        and (fact["run_id"] is None or fact["run_id"] in runs)
    )


def names(partitions: dict[str, Any] | None, day: str) -> bool:
    return partitions is not None and any(first <= day <= last for first, last in partitions["ranges"])


def touches(facts: Facts, asset: str, day: str) -> Holds:
    """Whether a fact is about the asset and touches its partition of that day."""
    about = is_about(facts, asset)
    launched = {fact["run_id"]: fact["data"]["partitions"] for fact in of(facts, "RunLaunched")}
    planned = {
        fact["backfill_id"]
        for fact in of(facts, "BackfillRequested")
        if any(
            asset in group["assets"] and names(group["partitions"], day) for group in fact["data"]["groups"]
        )
    }

    def holds(fact: dict[str, Any]) -> bool:
        if not about(fact):
            return False
        if "asset" in fact["data"]:
            return names(fact["data"]["partitions"], day)
        return (
            fact["backfill_id"] in planned if fact["run_id"] is None else names(launched[fact["run_id"]], day)
        )

    return holds


def questions(facts: Facts) -> dict[str, tuple[list[str], Holds]]:
    """Options and what they mean."""
    failed = of(facts, "RunFailed")[0]
    own, run, middle = failed["backfill_id"], failed["run_id"], facts[len(facts) // 2]
    at = middle["at"]
    return {
        "backfill": (["--backfill", own], lambda fact: fact["backfill_id"] == own),
        "run": (["--run", run], lambda fact: fact["run_id"] == run),
        "asset": (["--asset", "totals"], is_about(facts, "totals")),
        "asset of another": (["--asset", "region"], is_about(facts, "region")),
        "partition": (
            ["--asset", "totals", "--partitions", "2024-01-03"],
            touches(facts, "totals", "2024-01-03"),
        ),
        "partition that was filled twice": (
            ["--asset", "orders", "--partitions", "2024-01-03"],
            touches(facts, "orders", "2024-01-03"),
        ),
        "type": (["--type", "RunFailed"], lambda fact: fact["type"] == "RunFailed"),
        "types": (
            ["--type", "RunFailed", "--type", "RunSucceeded"],
            lambda fact: fact["type"] in {"RunFailed", "RunSucceeded"},
        ),
        "person": (["--actor", "ada@office"], lambda fact: fact["actor"] == "ada@office"),
        "run that tells": (["--actor", f"run {run}"], lambda fact: fact["actor"] == f"run {run}"),
        "since": (["--since", at], lambda fact: fact["at"] >= at),
        "until": (["--until", at], lambda fact: fact["at"] < at),
        "a day ago": (["--since", "1d"], lambda _: True),
        "from": (["--from", "9"], lambda fact: fact["position"] >= 9),
        "from and to": (["--from", "9", "--to", "20"], lambda fact: 9 <= fact["position"] <= 20),
        "text": (["--text", "ALL OF it"], lambda fact: "All of IT" in json.dumps(fact["data"])),
        "several": (
            ["--backfill", own, "--asset", "orders", "--since", "1d", "--type", "RunLaunched", "--to", "60"],
            lambda fact: (
                fact["backfill_id"] == own
                and fact["type"] == "RunLaunched"
                and "orders" in fact["data"]["assets"]
                and fact["position"] <= 60
            ),
        ),
        "nothing": (["--backfill", own, "--actor", "bob@office"], lambda _: False),
    }


def test_options_choose_facts_and_combine(house: House, facts: Facts) -> None:
    for name, (arguments, holds) in questions(facts).items():
        expected = [fact for fact in facts if holds(fact)]
        assert bool(expected) == (name != "nothing"), f"{name} shows nothing about this"
        assert read(house, "--limit", "0", *arguments) == expected, name
        assert read(house, "--limit", "0", "--newest-first", *arguments) == expected[::-1], name


def test_a_file_gives_the_same_answers(house: House, facts: Facts, file: Path) -> None:
    for name, (arguments, holds) in questions(facts).items():
        expected = [fact for fact in facts if holds(fact)]
        assert read(house, "--limit", "0", *arguments, "--file", str(file)) == expected, name
        newest = read(house, "--limit", "3", "--newest-first", *arguments, "--file", str(file))
        assert newest == expected[::-1][:3], name
    own, whole = of(facts, "RunFailed")[0]["position"], ("log", "show", "-o", "json")
    assert house.call(*whole, str(own)).value == house.call(*whole, str(own), "--file", str(file)).value


def test_the_limit_leaves_the_last_ones_and_from_a_beginning_on_the_first(house: House, facts: Facts) -> None:
    every = positions(facts)
    assert positions(read(house, "--limit", "3")) == every[-3:]
    assert positions(read(house, "--limit", "3", "--to", "9")) == [7, 8, 9]
    assert positions(read(house, "--limit", "3", "--newest-first")) == every[:-4:-1]
    assert positions(read(house, "--limit", "3", "--oldest-first")) == [1, 2, 3]
    assert positions(read(house, "--limit", "3", "--from", "5")) == [5, 6, 7]
    assert positions(read(house, "--limit", "3", "--since", "1d")) == [1, 2, 3]


@pytest.mark.parametrize("order", [["--oldest-first"], ["--newest-first"], []])
@pytest.mark.parametrize(
    "where", [[], ["--asset", "orders"], ["--asset", "orders", "--partitions", "2024-01-03"]]
)
def test_each_page_says_how_to_go_on(house: House, order: list[str], where: list[str]) -> None:
    found: list[int] = []
    further: list[str] = []
    while True:
        answer = house.call("log", "--limit", "7", *order, *where, *further)
        page = [int(line.split()[0]) for line in answer.out.splitlines()]
        found += page if order else page[::-1]
        said = re.fullmatch(
            r"There are .*: go on with (--from|--to) (\d+); --limit 0 shows all\.\n", answer.err
        )
        if said is None:
            break
        further = [said[1], said[2]]
    assert answer.err == ""
    assert found == positions(
        read(house, "--limit", "0", "--newest-first" if not order else order[0], *where)
    )


def test_nothing_on_a_terminal_is_wider_than_it(house: House) -> None:
    for columns in (80, 200):
        lines = on_terminal(house, columns, "log", "--limit", "0")
        assert len(lines) == len(read(house, "--limit", "0"))
        assert max(map(len, lines)) <= columns
        assert any("PartitionFailed" in line and "-3-1" in line for line in lines)
    piped = house.call("log", "--type", "PartitionSkipped").out
    assert "orders run " in piped
    assert piped.endswith("ValueError: no file for that day\n")


def on_terminal(house: House, columns: int, *arguments: str) -> list[str]:
    """The lines that a command writes on a terminal that wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: text for name, text in house.environment().items() if name != "COLUMNS"}
    begun = subprocess.Popen(
        command(arguments), cwd=house.folder, env=environment | {"TERM": "dumb"}, stdout=theirs
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65_536):
            written += chunk
    except OSError:  # How Linux says that nobody has the other end open.
        pass
    finally:
        os.close(ours)
    assert begun.wait(timeout=CALL_TIMEOUT_S) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).splitlines()


def test_a_fact_is_shown_whole_with_its_cause_and_what_it_caused(house: House, facts: Facts) -> None:
    failed = of(facts, "RunFailed")[0]
    whole = house.call("log", "show", str(failed["position"]), "-o", "json").value
    assert whole["fact"] == failed
    assert (whole["cause"]["type"], whole["cause"]["run_id"]) == ("RunLaunched", failed["run_id"])
    assert (whole["story"]["type"], whole["story"]["backfill_id"]) == (
        "BackfillRequested",
        failed["backfill_id"],
    )
    assert [fact["type"] for fact in whole["caused"]] == ["PartitionSkipped"]
    text = house.call("log", "show", str(failed["position"])).out
    assert "message: no file for that day" in text
    for heading in ("Caused by:", "It caused:", "The story began with:"):
        assert f"\n{heading}\n" in text


def test_every_fact_of_a_backfill_tells_its_story_and_its_cause(house: House, facts: Facts) -> None:
    request_of = {fact["backfill_id"]: fact for fact in of(facts, "BackfillRequested")}
    by_people = {"BackfillRequested", "BackfillPaused", "BackfillCancelRequested"}
    known = set[str]()
    for fact in facts:
        if fact["backfill_id"] is not None:
            assert fact["correlation_id"] == request_of[fact["backfill_id"]]["id"], fact
            assert fact["causation_id"] in known or fact["type"] in by_people, fact
        known.add(fact["id"])
    retry = next(fact for fact in request_of.values() if fact["data"]["parent_backfill_id"] is not None)
    end = next(
        fact
        for fact in of(facts, "BackfillCompleted")
        if fact["backfill_id"] == retry["data"]["parent_backfill_id"]
    )
    assert retry["causation_id"] == end["id"]
    caused = house.call("log", "show", str(end["position"]), "-o", "json").value["caused"]
    assert [fact["position"] for fact in caused] == [retry["position"]]


def test_what_a_fact_caused_is_bounded(house: House, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.operations.log.whole.CAUSED_MAX", 2)
    request = next(fact for fact in of(facts, "BackfillRequested") if fact["data"]["runs_total"] > 2)
    whole = house.call("log", "show", str(request["position"]), "-o", "json").value
    assert ([fact["type"] for fact in whole["caused"]], whole["caused_more"]) == (["RunLaunched"] * 2, True)
    assert house.call("log", "show", str(request["position"])).out.endswith("and more than these 2 facts.\n")


def test_what_uses_the_space_is_told(house: House, facts: Facts, file: Path) -> None:
    stats = house.call("log", "stats", "-o", "json").value
    by_type = {name: amount["facts"] for name, amount in stats["log"]["by_type"].items()}
    assert by_type == Counter(fact["type"] for fact in facts)
    by_day = {day: amount["facts"] for day, amount in stats["log"]["by_day"].items()}
    assert by_day == Counter(fact["at"][:10] for fact in facts)
    assert stats["log"]["facts"] == len(facts)
    assert stats["log"]["data_bytes"] > 0
    assert {"log", "log_head", "runs"} <= stats["log"]["tables"].keys()
    assert {"log_position_key", "log_by_time"} <= stats["log"]["indexes"].keys()
    assert stats["run_files"]["folders"] == len(of(facts, "RunLaunched"))
    assert stats["embedded_database"]["file_bytes"] > stats["log"]["tables"]["log"]["table_bytes"]
    of_file = house.call("log", "stats", "-o", "json", "--file", str(file)).value
    assert {name: each["facts"] for name, each in of_file["log"]["by_type"].items()} == by_type
    assert (of_file["log"]["tables"], of_file["file_bytes"]) == (None, file.stat().st_size)
    text = house.call("log", "stats").out
    assert text.startswith(f"{len(facts)} facts on ")
    assert f"of {by_type['RunLaunched']} runs" in text


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--partitions", "2024-01-03"], 2, "--partitions are those of an asset"),
        (["--asset", "nope"], 3, "There is no asset 'nope'."),
        (["--asset", "nope", "--partitions", "x"], 3, "There is no asset 'nope'."),
        (["--asset", "orders", "--partitions", "2024-02-30"], 2, "Expected a key of the 10 partitions"),
        (["--from", "9", "--to", "3"], 2, "--from 9 is behind --to 3."),
        (["--since", "12"], 2, "--since takes a time"),
        (["--until", "yesterday"], 2, "--until: 'yesterday' is no moment"),
        (["--since", "1h", "--until", "2h"], 2, "Nothing lies between --since and --until"),
        (["--follow", "--to", "3"], 2, "A log that is followed has no end"),
        (["--follow", "--newest-first"], 2, "A log that is followed has no newest fact"),
        (["--actor", "ada"], 0, "No fact matches. Actors are named whole, such as ada@office."),
        (["--asset", "report"], 0, "No fact matches.\n"),
        (["show", "9999"], 3, "There is no position 9,999: the log ends with"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    house: House, arguments: list[str], status: int, sentence: str
) -> None:
    answer = house.call("log", *arguments)
    assert (answer.status, answer.out) == (status, "")
    assert answer.err.startswith(sentence)
