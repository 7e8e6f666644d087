"""Definitions that change, break and vanish under a running backfill, as a user meets them."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no annotations
import pytest

from tests.acceptance.house import House
from tests.databases import fresh_database

# Runs of `orders` wait for a file called `go`.
LEDGER = """
import time
from pathlib import Path

from backfilld import BackfillPolicy, DailyPartitionsDefinition, StaticPartitionsDefinition, asset

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-07")
CITIES = StaticPartitionsDefinition(["bergen", "lima", "oslo", "rome"])


def wait_for_go():
    for _ in range(6000):
        if Path("go").exists():
            return
        time.sleep(0.01)


@asset(partitions_def=DAYS)
def orders(context):
    wait_for_go()
    with Path("filled").open("a") as lines:
        lines.write(f"{context.partition_key}\\n")


@asset(partitions_def=DAYS, deps=[orders], backfill_policy=BackfillPolicy.multi_run(3))
def totals(context):
    pass


@asset(deps=[totals])
def report():
    pass


@asset(partitions_def=CITIES, backfill_policy=BackfillPolicy.single_run())
def offices(context):
    with Path("offices").open("a") as lines:
        lines.write(f"{','.join(context.partition_keys)}\\n")


@asset(partitions_def=CITIES, deps=[offices], backfill_policy=BackfillPolicy.single_run())
def rents(context):
    with Path("offices").open("a") as lines:
        lines.write(f"{','.join(context.partition_keys)}\\n")
"""
LATER = 'DAYS = DailyPartitionsDefinition(start_date="2024-01-04"'
WEB = """
from backfilld import asset


@asset
def clicks():
    pass
"""


@pytest.fixture
async def house(tmp_path: Path, embedded_url: str) -> AsyncIterator[House]:
    async with fresh_database(embedded_url) as url:
        house = House(tmp_path, url)
        (house.folder / "ledger.py").write_text(LEDGER)
        (house.folder / "web.py").write_text(WEB)
        yield house


class Follower:
    """The log, read as it grows."""

    def __init__(self, following: subprocess.Popen[str]) -> None:
        assert following.stdout is not None
        self._lines = following.stdout

    def until(self, kind: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        """The next fact of a kind."""
        while True:
            # Not `line_of`: it asks the pipe, and lines of a burst are read from it together.
            fact = json.loads(self._lines.readline())
            if fact["type"] == kind:
                return fact


@contextmanager
def following(house: House) -> Iterator[Follower]:
    with house.begin("log", "--follow", "-o", "jsonl", "--from", "1") as log:
        try:
            yield Follower(log)
        finally:
            log.send_signal(signal.SIGINT)
            log.communicate(timeout=60)


def facts(house: House, *kinds: str) -> list[Any]:
    """What is on record of some kinds."""
    asked = [argument for kind in kinds for argument in ("--type", kind)]
    return list(house.call("log", "-o", "json", "--limit", "0", *asked).value)


def launched(house: House, *arguments: str) -> str:
    """The id of a backfill that was asked for."""
    return str(house.call("launch", *arguments, "-o", "json").value["id"])


def kill_zygote_of(process: int) -> None:
    """End the parent of a run's process, and wait for that."""
    zygote = psutil.Process(process).parent()
    os.kill(zygote.pid, signal.SIGKILL)
    zygote.wait(timeout=60)


@pytest.mark.parametrize("mended_by", ["itself", "reload"])
def test_code_that_breaks_under_a_killed_zygote_delays_the_backfill_and_nothing_else(
    house: House, mended_by: str
) -> None:
    code, text = house.folder / "ledger.py", LEDGER
    with house.daemon("ledger.py", "web.py", "--max-concurrent", "2"), following(house) as log:
        own = launched(house, "*report", "--all")
        process = log.until("RunStarted")["data"]["pid"]
        code.write_text("import no_such_module\n")
        kill_zygote_of(process)
        (house.folder / "go").touch()
        failed = log.until("DefinitionsFailed")["data"]
        assert (failed["code_location"], failed["runs_held"]) == ("ledger", True)

        told = house.call("status").out
        problem = "ModuleNotFoundError: No module named 'no_such_module'."
        assert re.search(
            rf"^Code location ledger has failed to load since 20.* UTC: {problem}$", told, re.MULTILINE
        )
        assert "it is tried again by itself; `backfilld reload` tries at once" in told
        assert house.call("status", own).out.count(problem) == 1
        (waits,) = house.call("status", own, "-o", "json").value["waits_for"].values()
        assert (waits["failure"]["type"], waits["runs_held"]) == ("ModuleNotFoundError", True)
        assert "no_such_module" in waits["failure"]["traceback"]
        # What waits takes no room from what does not, and whoever asks for more is told.
        assert house.call("launch", "clicks", "--all", "--wait").status == 0
        later = house.call("launch", "orders", "--partitions", "2024-01-01")
        assert "waiting for code location ledger, which fails to load: ModuleNotFoundError" in later.err
        status, out, err = house.call("reload")
        assert (status, "its runs wait until it does" in out) == (12, True)
        assert "Mend the code, then it is tried again by itself" in err

        with house.begin("status", own, "--watch") as watching:
            assert watching.stderr is not None
            assert "waiting for code location ledger, which fails to load" in watching.stderr.readline()
            code.write_text(text)
            if mended_by == "reload":
                assert house.call("reload").status == 0
            watching.communicate(timeout=60)
        assert watching.returncode == 0
        assert "failed to load" not in house.call("status").out
    filled = Counter((house.folder / "filled").read_text().split())
    days = [f"2024-01-0{day}" for day in range(1, 7)]
    assert filled == Counter(days) + Counter(["2024-01-01"])  # the first one was asked for twice
    ended = facts(house, "RunLaunched", "RunSucceeded", "RunLost", "RunFailed", "RunCanceled")
    kinds = Counter(fact["type"] for fact in ended if fact["backfill_id"] == own)
    assert kinds == {"RunLaunched": 9, "RunSucceeded": 9}
    assert {fact["data"]["attempt"] for fact in ended if fact["type"] == "RunLaunched"} == {1}


def test_a_daemon_restarts_on_broken_code_for_the_sake_of_a_backfill_and_only_then(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "web.py"):
        pass
    code.write_text("x = (\n")
    with house.begin("up", "ledger.py", "web.py") as refused:
        _, err = refused.communicate(timeout=60)
    assert refused.returncode == 12
    assert "Code location ledger could not be imported (SyntaxError" in err
    own, other = launched(house, "totals", "--all"), launched(house, "clicks", "--all")
    with house.begin("up", "ledger.py", "web.py") as up:
        assert up.stderr is not None
        told = ""
        while "Ctrl-C" not in told:
            line = up.stderr.readline()
            assert line, told
            told += line
        assert "Code location ledger has failed to load since " in told
        assert "Its runs wait, and nothing is lost." in told
        assert house.call("status", other, "--watch").status == 0
        assert house.call("status", own).out.count("Code location ledger has failed to load since ") == 1
        code.write_text(LEDGER)
        assert house.call("status", own, "--watch").status == 0
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
    assert facts(house, "RunLost") == []


def test_a_code_location_that_is_not_given_any_more_delays_its_backfill(house: House) -> None:
    with house.daemon("ledger.py", "web.py"):
        pass
    own = launched(house, "totals", "--all")
    with house.daemon("web.py"):
        sentence = "Code location ledger has not been given to the daemon since "
        for arguments in (["status"], ["status", own]):
            told = house.call(*arguments).out
            assert sentence in told
            assert "Its runs wait until `backfilld up` is given it again" in told
        assert [row["asset"] for row in house.call("assets", "-o", "json").value] == ["clicks"]
        assert house.call("launch", "clicks", "--all", "--wait").status == 0
    with house.daemon("ledger.py", "web.py"):
        assert house.call("status", own, "--watch").status == 0
    with house.daemon("web.py"):
        # Nothing waits for it now, so nobody is told of it.
        assert "ledger" not in house.call("status").out
    assert facts(house, "RunLost") == []


def test_a_backfill_that_waits_for_its_code_can_be_canceled(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "--max-concurrent", "1"), following(house) as log:
        own = launched(house, "orders", "--all")
        process = log.until("RunStarted")["data"]["pid"]
        code.unlink()
        kill_zygote_of(process)
        (house.folder / "go").touch()
        assert "no file" in log.until("DefinitionsFailed")["data"]["failure"]["message"]
        assert house.call("cancel", own).status == 0
        assert house.call("status", own, "--watch").status == 1
        assert house.call("status", own, "-o", "json").value["status"] == "canceled"
        kinds = Counter(fact["type"] for fact in facts(house, "RunSucceeded", "RunCanceled", "RunLost"))
        assert kinds == {"RunSucceeded": 1, "RunCanceled": 1}


def test_partitions_and_assets_that_vanish_fail_with_that_reason_and_the_rest_is_filled(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "--max-concurrent", "1"), following(house) as log:
        own = launched(house, "*report", "--all")
        log.until("RunStarted")
        # Days 1 to 3 go, of which the first is under way, and so does the report.
        changed = LEDGER.replace('DAYS = DailyPartitionsDefinition(start_date="2024-01-01"', LATER)
        code.write_text(changed.replace("def report", "def reports"))
        assert house.call("reload").status == 0
        (house.folder / "go").touch()
        assert house.call("status", own, "--watch").status == 1
        value = house.call("status", own, "-o", "json").value
    assert value["status"] == "failed"
    progress = value["progress"]
    assert (progress["orders"]["materialized"], progress["orders"]["failed"]) == (4, 2)
    # Of the first chunk what could be filled upstream is gone by now; the second one is whole.
    assert (progress["totals"]["materialized"], progress["totals"]["failed"]) == (3, 1)
    assert (progress["totals"]["skipped"], progress["report"]["skipped"]) == (2, 1)
    failures = [fact["data"] for fact in facts(house, "PartitionFailed")]
    told = {
        (each["asset"], each["partitions"]["ranges"][0][0]): each["failure"]["message"] for each in failures
    }
    assert sorted(told) == [("orders", "2024-01-02"), ("orders", "2024-01-03"), ("totals", "2024-01-01")]
    for (_, day), message in told.items():
        assert f"found no '{day}' among the 3 partitions from '2024-01-04' to '2024-01-06'" in message


def test_an_asset_that_is_gone_fails_and_what_needs_it_is_skipped(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "--max-concurrent", "1"), following(house) as log:
        own = launched(house, "*report", "--all")
        log.until("RunStarted")
        without = LEDGER.replace("def totals", "def sums").replace("deps=[totals]", "deps=[sums]")
        code.write_text(without.replace("@asset(deps=[sums])", "@asset(deps=[sums], partitions_def=DAYS)"))
        assert house.call("reload").status == 0
        (house.folder / "go").touch()
        assert house.call("status", own, "--watch").status == 1
        (skipped,) = facts(house, "PartitionSkipped")
    messages = {fact["data"]["failure"]["message"] for fact in facts(house, "PartitionFailed")}
    assert {message.partition(",")[0] for message in messages} == {
        "expected the asset 'totals' that this run was planned with"
    }
    assert skipped["data"]["asset"] == "report"
    assert "expected the asset 'totals'" in skipped["data"]["causes"][-1]["reason"]


def test_an_asset_that_got_partitions_fails_and_says_so(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py"), following(house) as log:
        own = launched(house, "*report", "--all")
        log.until("RunStarted")
        code.write_text(LEDGER.replace("@asset(deps=[totals])", "@asset(deps=[totals], partitions_def=DAYS)"))
        assert house.call("reload").status == 0
        (house.folder / "go").touch()
        assert house.call("status", own, "--watch").status == 1
        (failed,) = facts(house, "PartitionFailed")
    assert failed["data"]["partitions"] is None
    message = failed["data"]["failure"]["message"]
    assert "to have partitions as when this run was planned (none), found some" in message


def test_of_a_range_with_a_hole_now_what_was_asked_for_is_filled_and_nothing_else(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "--max-concurrent", "1"), following(house) as log:
        launched(house, "orders", "--partitions", "2024-01-01")
        log.until("RunStarted")
        own = launched(house, "*rents", "--all")  # one run of both, once there is room
        code.write_text(LEDGER.replace('"bergen", "lima", "oslo"', '"bergen", "oslo", "paris"'))
        assert house.call("reload").status == 0
        (house.folder / "go").touch()
        assert house.call("status", own, "--watch").status == 1
        progress = house.call("status", own, "-o", "json").value["progress"]
        (failed,) = facts(house, "PartitionFailed")
    assert (house.folder / "offices").read_text() == 2 * "bergen,oslo,rome\n"
    assert (progress["offices"]["materialized"], progress["offices"]["failed"]) == (3, 1)
    assert (progress["rents"]["materialized"], progress["rents"]["skipped"]) == (3, 1)
    assert (failed["data"]["asset"], failed["data"]["partitions"]["ranges"]) == (
        "offices",
        [["lima", "lima"]],
    )


def test_the_manifests_over_time_and_what_each_changed(house: House) -> None:
    code = house.folder / "ledger.py"
    with house.daemon("ledger.py", "web.py"):
        changed = LEDGER.replace("multi_run(3)", "multi_run(5)").replace("def offices", "def branches")
        code.write_text(changed.replace("deps=[offices]", "deps=[branches]"))
        assert house.call("reload").status == 0
        code.write_text("1 / 0\n")
        assert house.call("reload").status == 12
    with house.daemon("web.py"):
        rows = house.call("assets", "--history", "-o", "json").value
        told = house.call("assets", "--history").out
        short = house.call("assets", "--history", "--limit", "2")
    summary = [(row["code_location"], row["status"], row["assets"]) for row in rows]
    assert summary == [
        ("ledger", "withdrawn", None),
        ("web", "loaded", 1),
        ("ledger", "failed", None),
        ("web", "loaded", 1),
        ("ledger", "loaded", 5),
        ("web", "loaded", 1),
        ("ledger", "loaded", 5),
    ]
    assert [row["position"] for row in rows] == sorted((row["position"] for row in rows), reverse=True)
    assert rows[4]["changes"] == {
        "added": ["branches"],
        "removed": ["offices"],
        "changed": {"rents": ["deps"], "totals": ["backfill_policy"]},
        "jobs": [],
    }
    assert (rows[2]["failure"]["type"], rows[2]["runs_held"]) == ("ZeroDivisionError", False)
    assert (rows[6]["is_first"], rows[1]["is_as_before"]) == (True, True)
    for line in (
        "added branches",
        "removed offices",
        "changed rents (deps), totals (backfill policy)",
        "failed to load: ZeroDivisionError: division by zero",
        "the code loaded before goes on",
        "not given to the daemon any more; its runs wait",
        "the first one",
        rows[4]["digest"][:12],
    ):
        assert line in told
    assert short.out.count("web") == 1
    assert short.err == "5 more; --limit 0 shows all.\n"
