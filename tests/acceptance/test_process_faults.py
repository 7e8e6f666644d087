"""What a daemon makes of workers that misbehave in every way, and of processes that are killed under it."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no annotations
import pytest

from events.facts import BackfillCompleted, PartitionMaterialized, RunCanceled, RunLaunched, RunLost
from events.verifying import Verified
from tests.acceptance.yard import AT_ONCE, DAYS, Yard, new_yard
from tests.launching.worlds import until_gone

MISBEHAVING = """
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from backfilld import StaticPartitionsDefinition, asset

folder = Path(__file__).parent
ways = ["stubborn", "chatty", "silent", "killed", "leaving", "fine"]


def leave_a_child(name):
    (folder / name).write_text(str(subprocess.Popen(["sleep", "600"]).pid))


@asset(partitions_def=StaticPartitionsDefinition(ways))
def misbehaves(context):
    match context.partition_key:
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            leave_a_child("child")
            (folder / "executed").write_text("stubborn of this run\\n")
            threading.Event().wait()
        case "chatty":
            for _ in range(20 * 1024):
                print("x" * 1023)
                print("y" * 1023, file=sys.stderr)
        case "silent":
            os._exit(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leaving":
            leave_a_child("left")
"""


@pytest.fixture
async def yard(tmp_path: Path, migrated_url: str) -> AsyncIterator[Yard]:
    async with new_yard(tmp_path, migrated_url) as yard:
        yield yard


async def test_workers_that_misbehave_harm_nobody_else(yard: Yard) -> None:
    """One ignores SIGTERM, has a child and never returns; others flood, vanish, are killed, leave a child."""
    (yard.folder / "code.py").write_text(MISBEHAVING)
    with yard.up("home", "--grace", "0.2") as daemon:
        assert (await daemon.line())["ready"]
        asked = await yard.call("launch", "misbehaves", "--all")
        await yard.until_executed(1)
        await yard.until_recorded(PartitionMaterialized, 3)
        await yard.until_recorded(RunLost, 2)
        await until_gone(int((yard.folder / "left").read_text()))
        await yard.call("cancel", asked["id"])
        completed = (await yard.until_recorded(BackfillCompleted)).fact
        await until_gone(int((yard.folder / "child").read_text()))
        daemon.signal(signal.SIGTERM)
        assert await daemon.ended() == 0
    assert completed == BackfillCompleted(
        "canceled", {"misbehaves": 3}, failed={"misbehaves": 2}, canceled={"misbehaves": 1}
    )
    reasons = {each.fact.reason for each in await yard.facts(RunLost) if isinstance(each.fact, RunLost)}
    assert reasons == {
        "its process exited with status 0 before it told an outcome",
        "its process was ended by SIGKILL",
    }
    assert len(await yard.facts(RunCanceled)) == 1
    kept = [path.stat().st_size for path in yard.folder.glob("home/runs/*/std*.log")]
    assert max(kept) <= 8 * 1024 * 1024
    assert isinstance(await yard.log.verify(), Verified)


async def test_a_killed_zygote_and_a_killed_worker_cost_one_attempt(yard: Yard) -> None:
    with yard.up() as daemon:
        assert (await daemon.line())["ready"]
        await yard.call("launch", "*", "--all")
        await yard.until_executed(AT_ONCE)
        victim = int((await yard.until_started("raw 2024-01-02")).fact.pid)  # type: ignore[union-attr]  # RunStarted
        zygote = psutil.Process(victim).ppid()
        os.kill(zygote, signal.SIGKILL)
        await until_gone(zygote)
        os.kill(victim, signal.SIGKILL)
        lost = await yard.until_recorded(RunLost)
        yard.let_go()
        completed = (await yard.until_recorded(BackfillCompleted)).fact
        daemon.signal(signal.SIGTERM)
        assert await daemon.ended() == 0
    assert completed == BackfillCompleted("succeeded", {"raw": DAYS, "clean": DAYS})
    again = [
        each
        for each in await yard.facts(RunLaunched)
        if isinstance(each.fact, RunLaunched) and each.fact.attempt > 1
    ]
    assert [each.run_id for each in again] == [f"{(lost.run_id or '').rpartition('-')[0]}-2"]
    assert [each.causation_id for each in again] == [lost.id]
    tries = [line for line in yard.executed() if line.startswith("raw 2024-01-02")]
    assert len(tries) == 2
    assert len(yard.executed()) == 2 * DAYS + 1
    assert isinstance(await yard.log.verify(), Verified)
