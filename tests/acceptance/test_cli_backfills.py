"""A backfill launched, followed, looked at and changed on the command line, with a real daemon and runs."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.house import Answer, House, line_of, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house with a daemon, in which one backfill of everything has failed for 2024-01-03."""
    with new_house() as house, house.daemon():
        (house.folder / "broken").touch()
        yield house


@pytest.fixture(scope="module")
def failed(house: House) -> Answer:
    """What `launch --wait` said of that backfill."""
    return house.call("launch", "orders*", "--all", "--reason", "first fill", "--wait")


@pytest.fixture(scope="module")
def failed_id(failed: Answer) -> str:
    return failed.out.split()[1]


def words(text: str) -> list[str]:
    """The lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_waiting_tells_the_id_at_once_progress_beside_and_the_outcome_at_the_end(failed: Answer) -> None:
    assert failed.status == 1
    first, end = failed.out.splitlines()
    assert first.endswith("is launched: 14 runs for orders, totals, report.")
    assert " failed: 18 of 21 partitions materialized, 1 failed, 2 skipped in " in end
    assert failed.err.splitlines()[-1].startswith("100 %  21 of 21 partitions, ")


def test_status_tells_where_every_asset_stands_and_what_to_do(house: House, failed_id: str) -> None:
    status, out, err = house.call("status", failed_id)
    assert status == 0
    told = words(out)
    assert told[0] == f"Backfill {failed_id} failed"
    assert "asked for by ada@office on" in told[1]
    assert told[1].endswith("because: first fill")
    assert "orders 10 9 1" in told
    assert f"Run {failed_id}-3-1 failed, orders 2024-01-03: ValueError: no file for that day" in told
    assert err == (
        f"`backfilld run {failed_id}-3-1` shows what it printed; once mended, "
        f"`backfilld retry {failed_id}` runs the rest.\n"
    )


def test_status_in_json(house: House, failed_id: str) -> None:
    value = house.call("status", failed_id, "-o", "json").value
    assert (value["id"], value["status"], value["requested_by"]) == (failed_id, "failed", "ada@office")
    assert (value["runs_total"], value["runs_done"], value["left_s"]) == (14, 14, None)
    assert value["progress"]["totals"] == {
        "targeted": 10,
        "waiting": 0,
        "in_progress": 0,
        "materialized": 9,
        "failed": 0,
        "skipped": 1,
        "canceled": 0,
    }
    (failure,) = value["failures"]
    assert failure["partitions"] == {"ranges": [["2024-01-03", "2024-01-03"]], "count": 1}


def test_watching_a_backfill_that_has_ended_exits_by_its_outcome(house: House, failed_id: str) -> None:
    assert house.call("status", failed_id, "--watch").status == 1


def test_status_without_a_name_tells_of_the_daemon(house: House, failed_id: str) -> None:
    status, out, _ = house.call("status")
    assert status == 0
    assert out.startswith("A daemon runs (version ")
    value = house.call("status", "-o", "json").value
    assert value["daemon"]["serving"] is True
    assert failed_id not in {backfill["id"] for backfill in value["backfills"]}
    assert value["home"] == str(house.home.resolve())


def test_a_run_shows_its_facts_and_what_it_printed(house: House, failed_id: str) -> None:
    run_id = f"{failed_id}-3-1"
    status, out, _ = house.call("run", run_id)
    assert status == 0
    told = words(out)
    assert told[0].startswith(f"Run {run_id} failed, after ")
    assert "orders 2024-01-03" in told
    assert "orders of 2024-01-03" in told
    assert "reading slowly" in told
    assert f"{house.home.resolve()}/runs/{run_id}/stdout.log:" in told
    value = house.call("run", run_id, "-o", "json", "--lines", "1").value
    assert (value["id"], value["status"], value["attempt"]) == (run_id, "failed", 1)
    assert value["stderr"] == "ValueError: no file for that day"
    kinds = [fact["type"] for fact in value["facts"]]
    assert kinds == ["RunLaunched", "RunStarted", "PartitionFailed", "RunFailed"]


def test_a_run_that_is_not_there_has_near_ones(house: House, failed_id: str) -> None:
    status, _, err = house.call("run", f"{failed_id}-3-2")
    assert status == 3
    assert err.startswith(f"There is no run '{failed_id}-3-2'. Did you mean {failed_id}-3-1")


def test_runs_are_listed_newest_first_by_backfill_and_status(house: House, failed_id: str) -> None:
    (failure,) = house.call("runs", "--backfill", failed_id, "--status", "failed", "-o", "json").value
    assert (failure["id"], failure["error"]) == (f"{failed_id}-3-1", "ValueError: no file for that day")
    runs = house.call("runs", "--backfill", failed_id, "-o", "json", "--limit", "0").value
    positions = [run["position"] for run in runs]
    # Of the fourteen, the report never ran, and the chunk around the failed day was run in two pieces.
    assert (len(runs), positions) == (14, sorted(positions, reverse=True))
    _, out, err = house.call("runs", "--backfill", failed_id, "--limit", "3")
    assert len(out.splitlines()) == 5
    assert err == "Only the newest 3 are shown; --limit 0 shows all.\n"
    assert house.call("runs", "--status", "lost") == (0, "", "No such run.\n")
    status, _, err = house.call("runs", "--status", "fialed")
    assert (status, err.endswith("Did you mean failed?\n")) == (2, True)


def test_backfills_are_listed(house: House, failed_id: str) -> None:
    listed = {row["id"]: row for row in house.call("backfills", "-o", "json").value}
    row = listed[failed_id]
    assert (row["status"], row["selection"], row["partitions_text"]) == ("failed", ["orders*"], "--all")
    assert (row["partitions_materialized"], row["partitions_total"], row["reason"]) == (18, 21, "first fill")
    told = words(house.call("backfills").out)
    assert any(line.startswith(f"{failed_id} failed 18/21 14 orders* --all ") for line in told)


@pytest.mark.usefixtures("failed")
def test_partitions_are_told_by_status_in_ranges(house: House) -> None:
    status, out, _ = house.call("partitions", "orders")
    assert status == 0
    assert words(out) == [
        "orders has 10 partitions from '2024-01-01' to '2024-01-10'.",
        "materialized 9 [2024-01-01...2024-01-02], [2024-01-04...2024-01-10]",
        "failed 1 2024-01-03",
    ]
    value = house.call("partitions", "totals", "-o", "json").value
    assert (value["asset"], value["count"]) == ("totals", 10)
    assert list(value["statuses"]) == ["materialized", "in_progress", "failed", "skipped", "missing"]
    assert value["statuses"]["skipped"] == {"count": 1, "ranges": [["2024-01-03", "2024-01-03"]]}
    assert house.call("partitions", "report").out == "report has no partitions; it is skipped.\n"
    only = house.call("partitions", "orders", "--status", "missing", "-o", "json").value
    assert only["statuses"] == {"missing": {"count": 0, "ranges": []}}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["partitions", "totls"], 3, "There is no asset 'totls'. Did you mean totals?"),
        (["partitions", "source"], 3, "'source' is an external asset: no code declares it"),
        (["partitions", "orders", "--status", "mising"], 2, "No partition is 'mising', but materialized,"),
        (["status", "--watch"], 2, "--watch follows one backfill; name it"),
        (["status", "zzzzzzzz"], 3, "There is no backfill 'zzzzzzzz'; `backfilld backfills` lists"),
        (["cancel", "zzzzzzzz"], 3, "There is no backfill 'zzzzzzzz'"),
        (["pause", "zzzzzzzz"], 3, "There is no backfill 'zzzzzzzz'"),
    ],
)
def test_a_mistake_is_one_sentence(house: House, arguments: list[str], code: int, sentence: str) -> None:
    status, out, err = house.call(*arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_near_ids_are_offered(house: House, failed_id: str) -> None:
    typed = failed_id[:-1] + ("a" if failed_id[-1] != "a" else "b")
    assert f"did you mean {failed_id}?" in house.call("status", typed).err


@pytest.mark.usefixtures("failed")
def test_assets_are_listed_with_what_is_filled(house: House) -> None:
    listed = {row["asset"]: row for row in house.call("assets", "-o", "json").value}
    assert list(listed) == ["source", "orders", "region", "totals", "report"]
    source, totals = listed["source"], listed["totals"]
    assert (source["external"], source["downstream"], source["partitions"]) == (True, ["orders"], None)
    assert totals["partitions"] == {"count": 10, "first": "2024-01-01", "last": "2024-01-10"}
    assert (totals["policy"], totals["upstream"]) == ("up to 4 partitions a run", ["orders"])
    assert (totals["code_location"], totals["statuses"]["skipped"]) == ("shop", 1)
    told = words(house.call("assets").out)
    assert "source external" in told
    assert "orders 2024-01-01...2024-01-10 9/10 1 failed 1 source shop" in told


def test_what_failed_is_run_again_and_nothing_else(house: House, failed_id: str) -> None:
    (house.folder / "broken").unlink()
    again = house.call("launch", "orders*", "--failed", "--wait", "-o", "json").value
    assert again["id"] != failed_id
    assert (again["status"], again["runs_total"]) == ("succeeded", 3)
    assert again["targets"]["orders"] == {"count": 1, "ranges": [["2024-01-03", "2024-01-03"]]}


def test_a_backfill_is_paused_resumed_and_canceled_each_only_once(house: House) -> None:
    launched = house.call("launch", "region", "--all", "--max-concurrent", "1", "-o", "json").value
    own = launched["id"]
    paused = {"id": own, "status": "paused", "changed": True}
    assert house.call("pause", own, "--reason", "lunch", "-o", "json").value == paused
    assert house.call("pause", own, "-o", "json").value == paused | {"changed": False}
    assert house.call("pause", own).out == f"Backfill {own} was paused already.\n"
    assert house.call("status", own).err == f"`backfilld resume {own}` lets it go on.\n"
    assert any(
        line.startswith("Paused on 2") and line.endswith("UTC by ada@office: lunch.")
        for line in words(house.call("status", own).out)
    )
    stands = house.call("status", own, "-o", "json").value
    assert (stands["paused"]["by"], stands["paused"]["reason"], stands["canceled"]) == (
        "ada@office",
        "lunch",
        None,
    )
    assert house.call("resume", own).out == f"Backfill {own} goes on.\n"
    assert house.call("resume", own).out == f"Backfill {own} was not paused.\n"
    assert house.call("cancel", own, "--reason", "wrong").out == f"Backfill {own} is being canceled.\n"
    ended = house.call("status", own, "--watch")
    assert ended.status == 1
    assert f"Backfill {own} canceled" in ended.out
    assert "0 of 2 partitions materialized, 2 canceled" in ended.out
    assert "UTC by ada@office: wrong.\n" in ended.out
    stands = house.call("status", own, "-o", "json").value
    assert (stands["paused"], stands["canceled"]["reason"]) == (None, "wrong")
    assert house.call("cancel", own) == (0, f"Backfill {own} had ended already (canceled).\n", "")
    facts = house.call("log", "--backfill", own, "--type", "BackfillCancelRequested", "-o", "json").value
    assert [(fact["actor"], fact["data"]["reason"]) for fact in facts] == [("ada@office", "wrong")]
    assert house.call("pause", own).status == 3


def test_who_stops_waiting_leaves_the_backfill_running(house: House) -> None:
    (house.folder / "go").unlink(missing_ok=True)
    with house.begin("launch", "region", "--all", "--wait", "-o", "jsonl") as waiting:
        own = json.loads(line_of(waiting))["id"]
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith(
        f"Backfill {own} goes on: `backfilld status {own} --watch` follows"
    )
    with house.begin("status", own, "--watch", "-o", "json") as watching:
        (house.folder / "go").touch()
        out, _ = watching.communicate(timeout=60)
    assert (watching.returncode, json.loads(out)["status"]) == (0, "succeeded")
