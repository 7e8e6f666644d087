"""Looking at the past on the command line, on the log of a daemon that has stopped."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest

from tests.acceptance.house import House, command, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house in which a backfill has failed for a day, which was mended; the daemon has left."""
    with new_house() as house:
        with house.daemon():
            (house.folder / "broken").touch()
            assert house.call("launch", "orders*", "--all", "--reason", "first fill", "--wait").status == 1
            (house.folder / "broken").unlink()
            assert house.call("launch", "orders*", "--failed", "--wait").status == 0
            assert house.call("partitions", "add", "customers", "abe", "bea").status == 0
        yield house


@pytest.fixture(scope="module")
def facts(house: House) -> list[dict[str, Any]]:
    """The whole log."""
    return list(house.call("log", "--limit", "0", "-o", "json").value)


@pytest.fixture(scope="module")
def failed_id(facts: list[dict[str, Any]]) -> str:
    return str(facts[position_of(facts, "BackfillRequested") - 1]["backfill_id"])


def position_of(facts: list[dict[str, Any]], kind: str, *, run_id: str | None = None) -> int:
    """Of the first fact of a type."""
    return next(
        int(fact["position"]) for fact in facts if fact["type"] == kind and run_id in {None, fact["run_id"]}
    )


def test_status_as_of_a_position_is_what_was_known_then(
    house: House, facts: list[dict[str, Any]], failed_id: str
) -> None:
    failure = position_of(facts, "RunFailed")
    status, out, err = house.call("status", failed_id, "--as-of", str(failure))
    assert status == 0
    assert out.startswith(f"Backfill {failed_id} running\n")
    assert "ValueError: no file for that day" in out
    assert err.startswith("As of 2")
    assert err.endswith(f"UTC, position {failure} of {len(facts)}.\n")
    value = house.call("status", failed_id, "--as-of", str(failure - 1), "-o", "json").value
    assert (value["status"], value["failures"]) == ("running", [])
    assert value["as_of"] == {"position": failure - 1, "at": facts[failure - 2]["at"]}
    assert house.call("status", failed_id, "-o", "json").value["as_of"] is None


def test_status_of_the_past_does_not_say_who_runs(house: House, facts: list[dict[str, Any]]) -> None:
    done = position_of(facts, "BackfillCompleted")
    _, out, _ = house.call("status", "--as-of", str(done))
    assert out.startswith("The last daemon to take the lead was process ")
    assert f"which ones still ran is not on record. The log had {done} facts.\n" in out
    assert out.endswith("No backfill was under way; `backfilld backfills` lists those that were.\n")
    value = house.call("status", "--as-of", str(done - 1), "-o", "json").value
    assert value["daemon"] is None
    assert [backfill["status"] for backfill in value["backfills"]] == ["running"]


def test_a_time_means_what_was_recorded_by_then(
    house: House, facts: list[dict[str, Any]], failed_id: str
) -> None:
    second = next(fact for fact in reversed(facts) if fact["type"] == "BackfillRequested")
    value = house.call("partitions", "orders", "--as-of", second["at"], "-o", "json").value
    assert value["as_of"] == {"position": second["position"], "at": second["at"]}
    assert value["statuses"]["failed"] == {"count": 1, "ranges": [["2024-01-03", "2024-01-03"]]}
    now = house.call("partitions", "orders", "--as-of", "0s", "-o", "json").value
    assert (now["as_of"]["position"], now["statuses"]["failed"]["count"]) == (len(facts), 0)
    rows = house.call("backfills", "--as-of", second["at"], "-o", "json").value
    assert [(row["id"] == failed_id, row["status"]) for row in rows] == [(False, "running"), (True, "failed")]


def test_runs_and_backfills_are_listed_as_they_were_at_each_position(
    house: House, facts: list[dict[str, Any]], failed_id: str
) -> None:
    statuses: dict[str, str] = {}
    ended = {"RunStarted": "running", "RunSucceeded": "succeeded", "RunFailed": "failed"}
    for fact in facts[: position_of(facts, "RunFailed") + 4]:
        if fact["type"] == "RunLaunched":
            statuses[fact["run_id"]] = "launched"
        elif fact["type"] in ended:
            statuses[fact["run_id"]] = ended[fact["type"]]
        at = ("--as-of", str(fact["position"]), "-o", "json")
        rows = house.call("runs", *at).value
        assert {row["id"]: row["status"] for row in rows} == statuses
        assert [row["id"] for row in rows] == list(reversed(statuses))
        running = house.call("runs", "--status", "running", "--backfill", failed_id, *at).value
        assert {row["id"] for row in running} == {own for own, each in statuses.items() if each == "running"}
    filled = [row["partitions_materialized"] for row in house.call("backfills", *at).value]
    assert filled == [[each["type"] for each in facts[: fact["position"]]].count("PartitionMaterialized")]


def test_a_fact_as_it_was_known(house: House, facts: list[dict[str, Any]]) -> None:
    failed = position_of(facts, "RunFailed")
    skipped = position_of(facts, "PartitionSkipped")
    show = ("log", "show", str(failed), "-o", "json", "--as-of")
    assert house.call(*show, str(failed)).value["caused"] == []
    assert [each["position"] for each in house.call(*show, str(skipped)).value["caused"]] == [skipped]
    later = house.call("log", "show", str(skipped), "--as-of", str(failed))
    assert later.status == 3
    assert f"Position {skipped} was recorded later, at 2" in later.err


def test_a_run_as_it_was(house: House, facts: list[dict[str, Any]], failed_id: str) -> None:
    run_id = f"{failed_id}-3-1"
    launched, ended = (position_of(facts, kind, run_id=run_id) for kind in ("RunLaunched", "RunFailed"))
    value = house.call("run", run_id, "--as-of", str(launched), "-o", "json").value
    assert (value["status"], value["ended_at"], value["error"]) == ("launched", None, None)
    assert [fact["type"] for fact in value["facts"]] == ["RunLaunched"]
    assert (value["stdout"], value["stderr"]) == (None, None)
    assert house.call("run", run_id, "--as-of", str(launched)).err.endswith(
        "It was under way: what it had printed by then is not kept apart.\n"
    )
    assert "reading slowly" in house.call("run", run_id, "--as-of", str(ended)).out
    before = house.call("run", run_id, "--as-of", str(launched - 1))
    assert before.status == 3
    assert f"Run {run_id} was launched later, at 2" in before.err


def test_what_a_partition_waited_for_then(house: House, facts: list[dict[str, Any]], failed_id: str) -> None:
    first = position_of(facts, "RunLaunched")
    asked = ("explain", failed_id, "--asset", "totals", "--partition", "2024-01-03")
    then = house.call(*asked, "--as-of", str(first), "-o", "json").value
    assert then["status"] == "running"
    assert [fact["position"] for fact in then["history"]] == [3]
    assert "waits for 4 partitions of orders" in house.call(*asked, "--as-of", str(first)).out
    assert "was skipped" in house.call(*asked).out
    whole = house.call("explain", failed_id, "--as-of", str(first), "-o", "json").value
    assert whole["as_of"]["position"] == first
    assert [waiting["assets"] for waiting in whole["waiting"]]


def test_assets_and_dynamic_keys_as_they_were(house: House, facts: list[dict[str, Any]]) -> None:
    assert house.call("assets", "--as-of", "1", "-o", "json").value == []
    listed = house.call("assets", "--as-of", "2", "-o", "json").value
    assert {row["asset"]: row["statuses"].get("materialized") for row in listed}["orders"] == 0
    assert house.call("assets", "--history", "--as-of", "1", "-o", "json").value == []
    assert house.call("partitions", "list", "customers", "-o", "json").value["count"] == 2
    assert house.call("partitions", "list", "customers", "--as-of", "2").status == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["status", "--as-of", "soon"], 2, "--as-of: 'soon' is no moment; give a time such as"),
        (["status", "--as-of", "9999"], 3, "There is no position 9,999: the log has"),
        (
            ["status", "--as-of", "2020-01-01"],
            3,
            "Nothing is known of 2020-01-01 00:00:00 UTC: the log begins at",
        ),
        (["status", "--as-of", "2999-01-01"], 3, "2999-01-01 00:00:00 UTC is yet to come: it is"),
        (["status", "x", "--watch", "--as-of", "2h"], 2, "--watch looks at what is to come"),
        (["diff", "--from", "20", "--to", "10"], 3, "--from is later than --to"),
        (["diff", "--from", "1", "--asset", "ordrs"], 3, "There is no asset 'ordrs'. Did you mean orders?"),
        (["diff", "--from", "1", "--backfill", "zz"], 3, "There is no backfill 'zz'"),
        (["diff", "--from", "1", "--backfill", "z", "--asset", "a"], 2, "--backfill and --asset cannot be"),
        (["replay", "zz"], 3, "There is no backfill 'zz'"),
        (["replay", "zz", "--speed", "0"], 2, "--speed is a number above 0"),
        (["replay", "zz", "--step", "-o", "json"], 2, "--step goes as fast as Enter is pressed"),
    ],
)
def test_a_mistake_is_one_sentence(house: House, arguments: list[str], code: int, sentence: str) -> None:
    status, out, err = house.call(*arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_a_backfill_of_later_is_told_as_such(
    house: House, facts: list[dict[str, Any]], failed_id: str
) -> None:
    status, _, err = house.call("status", failed_id, "--as-of", "2")
    assert status == 3
    assert f"Backfill {failed_id} was asked for later, at {facts[2]['at'][:10]}" in err
    assert err.endswith(", position 3.\n")


def test_what_changed_between_two_moments(house: House, facts: list[dict[str, Any]], failed_id: str) -> None:
    done = position_of(facts, "BackfillCompleted")
    value = house.call("diff", "--from", "0", "--to", str(done), "-o", "json").value
    assert (value["from"]["position"], value["facts"]) == (0, done)
    (backfill,) = value["backfills"]
    assert (backfill["id"], backfill["status_before"], backfill["status"]) == (failed_id, None, "failed")
    assert (backfill["runs_launched"], backfill["runs_ended"]) == (14, 14)
    ended = backfill["ended_runs"]
    assert sum(each["count"] for each in ended.values()) == 14
    failed = [
        each["run_id"] for each in facts if each["type"] == "RunFailed" and each["backfill_id"] == failed_id
    ]
    assert ended["failed"] == {"count": len(failed), "ids": failed}
    assert len(ended["succeeded"]["ids"]) == ended["succeeded"]["count"]
    counts = f"14 ended ({ended['succeeded']['count']} succeeded, {len(failed)} failed)"
    assert counts in house.call("diff", "--from", "0", "--to", str(done)).out
    of_it = ("diff", "--from", "0", "--to", str(done), "--backfill", failed_id, "--limit", "1", "-o", "json")
    (bounded,) = house.call(*of_it).value["backfills"]
    assert bounded["ended_runs"]["succeeded"] == {
        "count": ended["succeeded"]["count"],
        "ids": ended["succeeded"]["ids"][:1],
    }
    (code,) = value["code"]
    assert (code["code_location"], sorted(code["added"])[:2]) == ("shop", ["orders", "region"])
    assert value["leader"]["pid"]
    later = house.call("diff", "--from", str(done))
    assert later.status == 0
    told = [" ".join(line.split()) for line in later.out.splitlines()]
    assert "orders materialized 1 2024-01-03" in told
    assert "report materialized 1" in told
    assert "customers: 2 added: abe, bea" in told
    assert house.call("diff", "--from", "7", "--to", "7").out.endswith("Nothing changed.\n")


def test_two_times_of_one_position_have_an_order(house: House, facts: list[dict[str, Any]]) -> None:
    head = str(len(facts))
    status, out, err = house.call("diff", "--from", "0s", "--to", head)
    assert (status, out) == (3, "")
    assert "--from is later than --to" in err
    assert house.call("diff", "--from", head, "--to", "0s").status == 0


def test_what_changed_of_a_backfill_or_an_asset(
    house: House, facts: list[dict[str, Any]], failed_id: str
) -> None:
    requested, failed = position_of(facts, "BackfillRequested"), position_of(facts, "PartitionSkipped")
    to = ("--from", str(requested), "--to", str(failed), "-o", "json")
    value = house.call("diff", *to, "--backfill", failed_id).value
    fates = {change["asset"]: change["became"] for change in value["partitions"]}
    assert fates["orders"]["failed"] == {"count": 1, "ranges": [["2024-01-03", "2024-01-03"]]}
    assert (value["code"], value["leader"]) == ([], None)
    value = house.call("diff", *to, "--asset", "totals").value
    assert [change["asset"] for change in value["partitions"]] == ["totals"]
    assert [list(change["partitions"]) for change in value["backfills"]] == [["totals"]]


def test_a_replay_tells_what_happened_at_once_in_a_pipe(house: House, failed_id: str) -> None:
    status, out, err = house.call("replay", failed_id)
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert "BackfillRequested" in lines[0]
    assert sum("RunLaunched" in line for line in lines) == 14
    assert any("RunFailed" in line and "no file for that day" in line for line in lines)
    assert "RunStarted" not in out
    assert lines[-1].startswith(f"Backfill {failed_id} failed: 18 of 21 partitions materialized")


def test_a_replay_in_frames(house: House, facts: list[dict[str, Any]], failed_id: str) -> None:
    frames = [json.loads(line) for line in house.call("replay", failed_id, "-o", "jsonl").out.splitlines()]
    own = [fact for fact in facts if fact["backfill_id"] == failed_id]
    assert [frame["position"] for frame in frames] == [fact["position"] for fact in own]
    for earlier, later in pairwise(frames):
        for asset, counts in later["progress"].items():
            assert counts["materialized"] >= earlier["progress"][asset]["materialized"]
    last = frames[-1]
    stands = house.call("status", failed_id, "-o", "json").value
    assert (last["status"], last["runs_done"], last["progress"]) == ("failed", 14, stands["progress"])
    # Each frame is what --as-of says of its position.
    middle = frames[len(frames) // 2]
    then = house.call("status", failed_id, "--as-of", str(middle["position"]), "-o", "json").value
    assert (then["progress"], then["runs_done"]) == (middle["progress"], middle["runs_done"])


def test_a_replay_step_by_step_ends_with_the_input(
    house: House, failed_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("\n\n"))
    _, out, _ = house.call("replay", failed_id, "--step")
    lines = out.splitlines()
    assert len(lines) == 4
    assert "RunLaunched" in lines[2]
    assert lines[3] == f"Backfill {failed_id} was running at position 5, the last one shown: 0 of 14 runs."


def test_a_replay_that_is_stopped_says_so(house: House, failed_id: str) -> None:
    for arguments in (["--speed", "0.001"], ["--step"]):
        with subprocess.Popen(
            command(["replay", failed_id, *arguments]),
            cwd=house.folder,
            env=house.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as replaying:
            assert replaying.stdout is not None
            assert "BackfillRequested" in replaying.stdout.readline()
            replaying.send_signal(signal.SIGINT)
            _, err = replaying.communicate(timeout=60)
        assert replaying.returncode == 130
        assert err.endswith("The replay was stopped; it had changed nothing.\n")
