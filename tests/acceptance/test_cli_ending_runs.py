"""Runs that do not end by themselves: canceled alone, or timed out, with a real daemon."""

import json
import os
import signal
from collections.abc import Iterator

import anyio
import pytest

from tests.acceptance.house import House, line_of, new_house
from tests.launching.worlds import until_gone

STUBBORN = '''
import os
import signal
import subprocess
import threading

from backfilld import RetryPolicy, StaticPartitionsDefinition, asset


def never_return():
    """With a child, and without minding that it is asked to end. Who opens the pipe learns of the child."""
    child = subprocess.Popen(["sleep", "600"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("started", "w") as pipe:
        pipe.write(str(child.pid))
    threading.Event().wait()


@asset(partitions_def=StaticPartitionsDefinition(["quick", "stuck"]), retry_policy=RetryPolicy(max_retries=3))
def parts(context):
    if context.partition_key == "stuck":
        never_return()


@asset(deps=[parts])
def summary():
    pass


@asset(timeout_s=1, retry_policy=RetryPolicy(max_retries=1))
def hangs_once(context):
    if context.run_id.endswith("-1"):
        never_return()


@asset(timeout_s=2)
def hangs():
    never_return()
'''


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose code has runs that never return; they get half a second to end."""
    with new_house() as house:
        (house.folder / "stubborn.py").write_text(STUBBORN)
        (house.folder / "backfilld.toml").write_text("[daemon]\ngrace_s = 0.5\n")
        os.mkfifo(house.folder / "started")
        yield house


def child_of_run(house: House) -> int:
    """The process that a run has started, once it has."""
    return int((house.folder / "started").read_text())


def test_one_run_is_canceled_with_all_it_started_and_the_others_go_on(house: House) -> None:
    with house.daemon("stubborn.py"):
        own = house.call("launch", "parts*", "--all", "-o", "json").value["id"]
        run_id = f"{own}-2-1"
        child = child_of_run(house)
        asked = house.call("run", "cancel", run_id, "--reason", "hangs", "-o", "json")
        assert asked.value == {"id": run_id, "backfill_id": own, "status": "canceling", "changed": True}
        again = house.call("run", "cancel", run_id)
        assert again.status == 0
        ended = house.call("status", own, "--watch")
        anyio.run(until_gone, child)
        assert ended.status == 1
        assert f"Backfill {own} canceled" in ended.out
        assert "1 of 3 partitions materialized, 1 skipped, 1 canceled" in ended.out
        facts = house.call("run", run_id, "-o", "json").value["facts"]
        told = {fact["type"]: fact["actor"] for fact in facts}
        assert (told["RunCancelRequested"], facts[-1]["type"]) == ("ada@office", "RunCanceled")
        (skip,) = house.call("log", "--backfill", own, "--type", "PartitionSkipped", "-o", "json").value
        assert skip["data"]["causes"][0]["reason"] == f"run {run_id} was canceled by ada@office: hangs"
        assert house.call("run", "cancel", run_id) == (0, f"Run {run_id} had ended already (canceled).\n", "")
        assert house.call("run", "show", run_id).out.startswith(f"Run {run_id} canceled, after ")


def test_a_run_that_never_was_cannot_be_canceled(house: House) -> None:
    (newest, *_) = house.call("backfills", "-o", "json").value
    status, out, err = house.call("run", "cancel", f"{newest['id']}-2-2")
    assert (status, out) == (3, "")
    assert err.startswith(f"There is no run '{newest['id']}-2-2'. Did you mean {newest['id']}-2-1")


def test_a_run_that_takes_too_long_is_ended_and_tried_again_by_the_policy(house: House) -> None:
    with house.daemon("stubborn.py"):
        launching = house.begin("launch", "hangs_once", "--all", "--wait", "-o", "jsonl")
        with launching:
            own = json.loads(line_of(launching))["id"]
            child = child_of_run(house)
            out, _ = launching.communicate(timeout=60)
        assert (launching.returncode, json.loads(out)["status"]) == (0, "succeeded")
        anyio.run(until_gone, child)
    told = "TimedOut: it took longer than the 1 s that its assets may take"
    second, first = house.call("runs", "--backfill", own, "-o", "json").value
    assert [(first["status"], first["error"]), second["status"]] == [("failed", told), "succeeded"]
    assets = {row["asset"]: row["timeout_s"] for row in house.call("assets", "-o", "json").value}
    assert assets == {"parts": None, "hangs": 2.0, "hangs_once": 1.0, "summary": None}
    assert "may take" in house.call("assets").out


def test_a_daemon_that_is_killed_leaves_the_time_out_to_the_next(house: House) -> None:
    with house.daemon("stubborn.py") as up:
        own = house.call("launch", "hangs", "--all", "-o", "json").value["id"]
        child = child_of_run(house)
        up.send_signal(signal.SIGKILL)
    with house.daemon("stubborn.py"):
        ended = house.call("status", own, "--watch")
        anyio.run(until_gone, child)
    assert f"Run {own}-1-1 failed, hangs: TimedOut: it took longer than the 2 s" in ended.out
    assert house.call("partitions", "hangs").out == "hangs has no partitions; it is failed.\n"


def test_what_is_asked_without_a_daemon_is_done_by_the_next(house: House) -> None:
    with house.daemon("stubborn.py") as up:
        own = house.call("launch", "hangs", "--all", "-o", "json").value["id"]
        child = child_of_run(house)
        up.send_signal(signal.SIGKILL)
    asked = house.call("run", "cancel", f"{own}-1-1")
    assert asked.out == f"Run {own}-1-1 is being canceled.\n"
    assert asked.err == "No daemon runs: it is ended once one does, with `backfilld up`.\n"
    assert house.call("run", "cancel", f"{own}-1-1").out == f"Run {own}-1-1 was being canceled already.\n"
    with house.daemon("stubborn.py"):
        assert f"Backfill {own} canceled" in house.call("status", own, "--watch").out
        anyio.run(until_gone, child)
