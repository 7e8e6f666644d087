"""What the local launcher survives: itself and its zygotes being killed, code that changes or breaks."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
from daemon.launching.local import LocalLauncher
from daemon.launching.port import RunSpec
from daemon.launching.zygotes import Patience
from events.facts import PartitionMaterialized, RunCanceled, RunLost, RunStarted, RunSucceeded
from tests.launching.worlds import (
    PATIENCE,
    PIPELINE,
    Listener,
    LocalWorld,
    now,
    run_of,
    until,
    until_gone,
    until_held,
)

ROOT = Path(__file__).resolve().parents[2]
VERSIONED = """
from backfilld import MaterializeResult, asset
@asset
def versioned():
    return MaterializeResult(metadata={{"version": {version}}})
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    yield world
    world.end_runs()


@pytest.fixture
def tags(tmp_path: Path) -> dict[str, str]:
    return {"folder": str(tmp_path)}


def zygote_of(run: RunSpec, process: int) -> int:
    """The parent of a run's process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


@contextmanager
def daemon_to_kill(world: LocalWorld, runs: list[RunSpec]) -> Iterator[subprocess.Popen[str]]:
    """Another process that launches the runs."""
    daemon = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.launching.daemon_to_kill"),
            *(str(world.folder), msgspec.json.encode(runs).decode()),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.communicate()


async def test_a_killed_worker_is_lost_and_says_by_what(world: LocalWorld, tags: dict[str, str]) -> None:
    run = run_of("waits", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [process] = await listener.until_started(run)
        os.kill(process, signal.SIGKILL)
        [facts] = await listener.until_over(run)
    assert facts[1:] == [RunLost(reason="its process was ended by SIGKILL")]


async def test_a_worker_ended_by_somebody_else_was_not_canceled(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    run = run_of("cleans_up", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [process] = await listener.until_started(run)
        await world.until_noted("under_way", run)
        os.kill(process, signal.SIGTERM)
        [facts] = await listener.until_over(run)
    assert facts[1:] == [RunLost(reason="its process was ended by SIGTERM")]
    assert world.noted("cleaned_up") == [run.run_id]


async def test_a_killed_zygote_takes_no_run_with_it(world: LocalWorld, tags: dict[str, str]) -> None:
    finishing, dying, later = (run_of("waits", tags=tags) for _ in range(3))
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([finishing, dying])
        processes = await listener.until_started(finishing, dying)
        for run in (finishing, dying):
            await world.until_noted("under_way", run)
        zygote = zygote_of(finishing, processes[0])
        os.kill(zygote, signal.SIGKILL)
        await until_gone(zygote)
        await launcher.launch([later])
        await listener.until_started(later)
        os.kill(processes[1], signal.SIGKILL)
        await world.until_noted("under_way", later)
        world.release(finishing, later)
        told = await listener.until_over(finishing, dying, later)
    assert [type(facts[-1]) for facts in told] == [RunSucceeded, RunLost, RunSucceeded]
    assert sorted(world.noted("executed")) == sorted(run.run_id for run in (finishing, dying, later))


async def test_runs_on_their_way_to_a_killed_zygote_are_run_once(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    first = run_of("waits", tags=tags)
    runs = [run_of("fills", tags=tags) for _ in range(30)]
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([first])
        [process] = await listener.until_started(first)
        await launcher.launch(runs)
        os.kill(zygote_of(first, process), signal.SIGKILL)
        told = await listener.until_over(*runs)
        await launcher.cancel(first.run_id, grace_s=20)
        await listener.until_over(first)
    assert {type(facts[-1]) for facts in told} == {RunSucceeded}
    assert sorted(world.noted("executed")) == sorted(run.run_id for run in (first, *runs))


async def test_a_zygote_that_is_gone_and_not_missed_yet_costs_a_run_nothing(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        for _ in range(3):
            first, later = run_of("waits", tags=tags), run_of("fills", tags=tags)
            await launcher.launch([first])
            [process] = await listener.until_started(first)
            await world.until_noted("under_way", first)
            zygote = zygote_of(first, process)
            os.kill(zygote, signal.SIGKILL)
            # Not awaited, so that the launcher has not seen it either when it is asked for the next run.
            with suppress(ChildProcessError):  # asyncio waits for it in a thread, and may have been first
                os.waitid(os.P_PID, zygote, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - see above
            await launcher.launch([later])
            world.release(first)
            told = await listener.until_over(first, later)
            assert {type(facts[-1]) for facts in told} == {RunSucceeded}
            assert (world.executions(first), world.executions(later)) == (1, 1)


async def test_a_run_that_keeps_ending_its_zygote_is_lost(world: LocalWorld) -> None:
    code = world.folder / "deadly.py"
    code.write_text(
        "import os, signal\n"
        "from backfilld import asset\n"
        "os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "@asset\n"
        "def never(): ...\n"
    )
    run = run_of("never")
    async with world.launcher(code) as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert facts == [RunLost(reason="its code location's process ended 3 times before the run could begin")]


async def test_a_killed_daemon_loses_no_run_and_runs_none_twice(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    finishing, dying, canceled = (run_of("waits", tags=tags) for _ in range(3))
    ended, unknown = run_of("fills", tags=tags), run_of("fills", tags=tags)
    runs = [finishing, dying, canceled, ended]
    with daemon_to_kill(world, runs) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "launched\n"
        for run in (finishing, dying, canceled):
            await world.until_noted("under_way", run)
        await until(lambda: '"succeeded"' in world.report(ended))
    os.kill(world.process_of(dying), signal.SIGKILL)
    await until_gone(world.process_of(dying))
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.reconcile([*runs, unknown])
        await listener.until_started(*runs, unknown)
        world.release(finishing)
        await launcher.cancel(canceled.run_id, grace_s=20)
        told = await listener.until_over(*runs, unknown)
    assert [type(facts[-1]) for facts in told] == [
        RunSucceeded,
        RunLost,
        RunCanceled,
        RunSucceeded,
        RunSucceeded,
    ]
    assert sorted(world.noted("executed")) == sorted(run.run_id for run in (*runs, unknown))


async def test_a_launch_repeated_after_a_crash_finds_the_run_alive(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    repeated, later = run_of("waits", tags=tags), run_of("fills", tags=tags)
    with daemon_to_kill(world, [repeated]):
        await world.until_noted("under_way", repeated)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([repeated])
        await listener.until_started(repeated)
        await launcher.launch([later])
        await listener.until_over(later)
        world.release(repeated)
        [facts] = await listener.until_over(repeated)
    assert [type(fact) for fact in facts] == [RunStarted, PartitionMaterialized, RunSucceeded]
    assert world.executions(repeated) == 1


async def test_a_run_ends_while_no_daemon_is_there(world: LocalWorld, tags: dict[str, str]) -> None:
    run = run_of("waits", tags=tags)
    with daemon_to_kill(world, [run]):
        await world.until_noted("under_way", run)
        zygote = zygote_of(run, world.process_of(run))
    await until_gone(zygote)
    world.release(run)
    await until(lambda: '"succeeded"' in world.report(run))
    async with world.launcher() as launcher:
        await launcher.reconcile([run])
        [facts] = await Listener(launcher).until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, PartitionMaterialized, RunSucceeded]


async def test_a_cancellation_is_known_after_a_restart(world: LocalWorld, tags: dict[str, str]) -> None:
    run = run_of("waits", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [process] = await Listener(launcher).until_started(run)
        await launcher.cancel(run.run_id, grace_s=20)
    await until_gone(process)
    async with world.launcher() as launcher:
        await launcher.reconcile([run])
        [facts] = await Listener(launcher).until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, RunCanceled]


async def test_half_a_line_of_a_process_that_is_gone_is_not_read(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    run = run_of("dies", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        await Listener(launcher).until_over(run)
    with (world.home / "runs" / run.run_id / "report.jsonl").open("a") as report:
        report.write('{"n": 2, "at": "2024-01-01T')
    async with world.launcher() as launcher:
        await launcher.reconcile([run])
        [facts] = await Listener(launcher).until_over(run)
    assert facts[1:] == [RunLost(reason="its process is gone and left no outcome")]


async def test_a_lost_wake_up_delays_and_loses_nothing(world: LocalWorld, tags: dict[str, str]) -> None:
    runs = [run_of("waits", tags=tags), run_of("fills", tags=tags)]
    async with world.launcher() as launcher:
        (world.home / "wake").unlink()
        listener = Listener(launcher)
        await launcher.launch(runs)
        await listener.until_started(runs[0])
        await world.until_noted("under_way", runs[0])
        world.release(runs[0])
        told = await listener.until_over(*runs)
    assert {type(facts[-1]) for facts in told} == {RunSucceeded}


async def test_a_reload_is_for_later_runs(world: LocalWorld, tags: dict[str, str]) -> None:
    code = world.folder / "versioned.py"
    code.write_text(PIPELINE.read_text() + VERSIONED.format(version=1))
    location = CodeLocation("pipeline", str(code), working_directory=world.folder)
    under_way, before, after = run_of("waits", tags=tags), run_of("versioned"), run_of("versioned")
    async with world.launcher(code) as launcher:
        listener = Listener(launcher)
        await launcher.launch([under_way, before])
        [process, _] = await listener.until_started(under_way, before)
        old_zygote = zygote_of(under_way, process)
        await world.until_noted("under_way", under_way)
        code.write_text(PIPELINE.read_text() + VERSIONED.format(version=2))
        assert isinstance(await launcher.load(location), Loaded)
        await launcher.launch([after])
        await listener.until_over(before, after)
        world.release(under_way)
        told = await listener.until_over(under_way, before, after)
        await until_gone(old_zygote)
    assert isinstance(told[0][-1], RunSucceeded)
    assert [
        fact.metadata["version"]
        for facts in told[1:]
        for fact in facts
        if isinstance(fact, PartitionMaterialized)
    ] == [1, 2]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError", "nothing_of_that_name"),
        ("def f(:\n", "SyntaxError", "invalid syntax"),
        ("raise SystemExit(3)\n", "SystemExit", "3"),
        ("x = 1\n", "backfilld.errors.InvalidDefinitionError", "found none"),
        (
            "import os\nprint('last words', flush=True)\nos._exit(4)\n",
            "ProcessEnded",
            "before it had imported",
        ),
    ],
)
async def test_code_that_does_not_import_leaves_what_was_loaded(
    world: LocalWorld, tags: dict[str, str], text: str, kind: str, message: str
) -> None:
    broken = world.folder / "broken.py"
    broken.write_text(text)
    run = run_of("fills", tags=tags)
    async with world.launcher() as launcher:
        failure = await launcher.load(CodeLocation("pipeline", str(broken)))
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert isinstance(failure, LoadFailure)
    assert failure.type == kind
    assert message in failure.message
    assert failure.traceback is not None
    assert "backfilld/worker" not in failure.traceback
    assert isinstance(facts[-1], RunSucceeded)


async def test_loading_gives_up_on_what_takes_too_long(world: LocalWorld) -> None:
    code = world.folder / "slow.py"
    code.write_text("import threading\nthreading.Event().wait()\n")
    async with LocalLauncher(world.home, now=now, patience=Patience(import_timeout_s=0.5)) as launcher:
        failure = await launcher.load(CodeLocation("slow", str(code)))
    assert isinstance(failure, LoadFailure)
    assert failure.type == "TimedOut"


async def test_a_python_that_is_not_there_is_said_so(world: LocalWorld) -> None:
    async with LocalLauncher(world.home, now=now) as launcher:
        failure = await launcher.load(CodeLocation("pipeline", str(PIPELINE), python="/nowhere/python"))
    assert isinstance(failure, LoadFailure)
    assert failure.type == "NotStarted"
    assert "/nowhere/python" in failure.message


async def test_a_run_of_a_code_location_that_is_not_given_waits_for_it(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    run, canceled, other = (run_of("fills", tags=tags, code_location="elsewhere") for _ in range(3))
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run, canceled])
        await launcher.cancel(canceled.run_id, grace_s=20)
        await listener.until_over(canceled)
        assert run.run_id not in listener.told
        location = CodeLocation("elsewhere", str(PIPELINE), working_directory=world.folder)
        assert isinstance(await launcher.load(location), Loaded)
        await launcher.launch([other])
        told = await listener.until_over(run, canceled, other)
    assert [type(facts[-1]) for facts in told] == [RunSucceeded, RunCanceled, RunSucceeded]


async def test_code_that_never_loaded_is_tried_again_and_a_load_by_hand_helps_at_once(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    code = world.folder / "late.py"
    location = CodeLocation("late", str(code), working_directory=world.folder)
    by_itself, by_hand = (run_of("fills", tags=tags, code_location="late") for _ in range(2))
    async with LocalLauncher(world.home, now=now, patience=PATIENCE) as launcher:
        failure = await launcher.load(location)
        assert isinstance(failure, LoadFailure)
        assert failure.runs_held
        await launcher.launch([by_itself])
        code.write_text(PIPELINE.read_text())
        [facts] = await Listener(launcher).until_over(by_itself)
    assert isinstance(facts[-1], RunSucceeded)
    code.unlink()
    never_by_itself = Patience(retry_first_s=600.0)
    async with LocalLauncher(world.home, now=now, patience=never_by_itself) as launcher:
        assert isinstance(await launcher.load(location), LoadFailure)
        await launcher.launch([by_hand])
        code.write_text(PIPELINE.read_text())
        assert isinstance(await launcher.load(location), Loaded)
        [facts] = await Listener(launcher).until_over(by_hand)
    assert isinstance(facts[-1], RunSucceeded)


async def test_runs_that_waited_for_their_code_keep_to_the_room_there_is(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    under_way = run_of("waits", tags=tags)
    waiting = [run_of("waits", tags=tags) for _ in range(3)]
    async with world.launcher(runs_alive_max=2) as launcher:
        listener = Listener(launcher)
        await launcher.launch([under_way])
        await listener.until_started(under_way)
        await world.until_noted("under_way", under_way)
        await world.break_code(launcher, under_way)
        await launcher.launch(waiting)
        await until_held(launcher)
        world.mend_code(launcher)
        running = [under_way]
        for run in waiting:
            await world.until_noted("under_way", run)
            running.append(run)
            assert sorted(world.noted("under_way")) == sorted(each.run_id for each in running)
            world.release(running[-2])
            await listener.until_over(running[-2])
        world.release(running[-1])
        told = await listener.until_over(*running)
    assert {type(facts[-1]) for facts in told} == {RunSucceeded}


async def test_threads_of_importing_are_warned_of(world: LocalWorld) -> None:
    code = world.folder / "threaded.py"
    code.write_text(
        "import threading\n"
        "from backfilld import asset\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "@asset\n"
        "def threaded(): ...\n"
    )
    run = run_of("threaded")
    async with world.launcher(code) as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert isinstance(facts[-1], RunSucceeded)
    assert "started 1 thread(s)" in (world.home / "code_locations" / "pipeline.log").read_text()


async def test_the_manifest_is_told_with_its_digest(world: LocalWorld) -> None:
    async with LocalLauncher(world.home, now=now) as launcher:
        loaded = await launcher.load(CodeLocation("pipeline", str(PIPELINE)))
        again = await launcher.load(CodeLocation("pipeline", str(PIPELINE)))
    assert isinstance(loaded, Loaded)
    assert again == loaded
    assert loaded.digest == manifest_digest(loaded.manifest)
    assert "daily" in [asset["key"] for asset in loaded.manifest["assets"]]


async def test_leaving_the_launcher_ends_its_zygotes_and_no_run(
    world: LocalWorld, tags: dict[str, str]
) -> None:
    run = run_of("waits", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [process] = await Listener(launcher).until_started(run)
        zygote = zygote_of(run, process)
        await world.until_noted("under_way", run)
    await until_gone(zygote)
    world.release(run)
    await until(lambda: '"succeeded"' in world.report(run))
