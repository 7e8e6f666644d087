"""Runs as processes: what comes of whatever user code does."""

import importlib.util
import os
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import backfilld
from daemon.launching.port import RunFact, RunSpec
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunCanceled,
    RunFailed,
    RunLost,
    RunStarted,
    RunSucceeded,
)
from tests.launching.worlds import Listener, LocalWorld, run_of, until, until_gone


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    yield world
    world.end_runs()


async def told_of(world: LocalWorld, run: RunSpec) -> list[RunFact]:
    """What a run tells after it has begun."""
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert isinstance(facts[0], RunStarted)
    return facts[1:]


def failure_in(facts: list[RunFact]) -> Failure:
    """The failure of an unpartitioned asset, which the run repeats without its traceback."""
    [failed, ended] = facts
    assert isinstance(failed, PartitionFailed)
    assert isinstance(ended, RunFailed)
    assert ended.failure == Failure(type=failed.failure.type, message=failed.failure.message)
    return failed.failure


def days(*ranges: tuple[str, str], count: int) -> PartitionKeys:
    return PartitionKeys(ranges=ranges, count=count)


FIVE_DAYS = days(("2024-01-01", "2024-01-05"), count=5)


async def test_a_failure_has_the_users_traceback_and_nothing_of_ours(world: LocalWorld) -> None:
    run = run_of("fails", tags={"folder": str(world.folder)})
    failure = failure_in(await told_of(world, run))
    assert failure.traceback is not None
    assert 'raise ValueError("the source is empty")' in failure.traceback
    assert "backfilld/worker" not in failure.traceback
    assert failure.traceback in world.output(run, "stderr.log")


async def test_what_a_run_prints_is_in_its_own_file(world: LocalWorld) -> None:
    run = run_of("fills", tags={"folder": str(world.folder)})
    await told_of(world, run)
    assert world.output(run, "stdout.log") == "it prints\n"
    assert "importing prints" in (world.home / "code_locations" / "pipeline.log").read_text()


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ("exits", "its process exited with status 0 before it told an outcome"),
        ("dies", "its process was ended by SIGKILL"),
    ],
)
async def test_a_process_that_just_ends_is_lost(world: LocalWorld, asset: str, expected: str) -> None:
    run = run_of(asset, tags={"folder": str(world.folder)})
    assert await told_of(world, run) == [RunLost(reason=expected)]


@pytest.mark.parametrize("status", ["0", "3"])
async def test_leaving_the_interpreter_is_a_failure(world: LocalWorld, status: str) -> None:
    failure = failure_in(await told_of(world, run_of("leaves", tags={"status": status})))
    assert (failure.type, failure.message) == ("SystemExit", status)


async def test_a_nonsensical_return_is_a_failure_that_says_what_to_return(world: LocalWorld) -> None:
    failure = failure_in(await told_of(world, run_of("returns_nonsense")))
    assert "found int" in failure.message
    assert "MaterializeResult(metadata=...)" in failure.message


async def test_a_huge_message_is_cut(world: LocalWorld) -> None:
    failure = failure_in(await told_of(world, run_of("shouts")))
    assert len(failure.message) < 10_000
    assert "characters left out" in failure.message
    assert len(failure.traceback or "") < 40_000


async def test_a_coroutine_function_is_run(world: LocalWorld) -> None:
    facts = await told_of(world, run_of("awaits"))
    assert facts[0] == PartitionMaterialized(asset="awaits", partitions=None, metadata={"awaited": True})


async def test_an_asset_that_is_defined_no_more_fails_and_says_so(world: LocalWorld) -> None:
    failure = failure_in(await told_of(world, run_of("vanished")))
    assert "'vanished'" in failure.message


async def test_partitions_that_exist_no_more_fail_as_they_were_planned(world: LocalWorld) -> None:
    planned = days(("2023-12-31", "2024-01-02"), count=3)
    facts = await told_of(world, run_of("daily", partitions=planned))
    assert isinstance(facts[0], PartitionFailed)
    assert facts[0].partitions == planned
    assert "2023-12-31" in facts[0].failure.message


async def test_what_a_function_did_not_report_is_materialized_when_it_returns(world: LocalWorld) -> None:
    reported = {"2024-01-02": "materialized", "2024-01-04": "failed"}
    facts = await told_of(world, run_of("daily", partitions=FIVE_DAYS, tags=reported))
    failure = Failure(type="Failure", message="no reading")
    assert facts[:3] == [
        PartitionMaterialized(
            "daily", days(("2024-01-02", "2024-01-02"), count=1), "7", {"day": "2024-01-02"}
        ),
        PartitionFailed("daily", days(("2024-01-04", "2024-01-04"), count=1), failure),
        PartitionMaterialized(
            "daily",
            days(
                ("2024-01-01", "2024-01-01"),
                ("2024-01-03", "2024-01-03"),
                ("2024-01-05", "2024-01-05"),
                count=3,
            ),
            "7",
        ),
    ]
    assert isinstance(facts[3], RunFailed)
    assert facts[3].failure == failure


async def test_what_a_function_did_not_report_failed_when_it_raises(world: LocalWorld) -> None:
    reported = {"2024-01-01": "materialized", "2024-01-02": "raises"}
    facts = await told_of(world, run_of("daily", partitions=FIVE_DAYS, tags=reported))
    assert isinstance(facts[1], PartitionFailed)
    assert facts[1].partitions == days(("2024-01-02", "2024-01-05"), count=4)
    assert facts[1].failure.type == "LookupError"


async def test_what_was_reported_before_a_crash_stays_reported(world: LocalWorld) -> None:
    reported = {"2024-01-01": "materialized", "2024-01-02": "failed", "2024-01-03": "dies"}
    facts = await told_of(world, run_of("daily", partitions=FIVE_DAYS, tags=reported))
    assert [type(fact) for fact in facts] == [PartitionMaterialized, PartitionFailed, RunLost]


async def test_assets_behind_a_failed_one_are_not_executed_and_others_are(world: LocalWorld) -> None:
    run = run_of("fails", "after_fails", "after_after_fails", "fills", tags={"folder": str(world.folder)})
    facts = await told_of(world, run)
    assert [type(fact) for fact in facts] == [PartitionFailed, PartitionMaterialized, RunFailed]
    assert isinstance(facts[1], PartitionMaterialized)
    assert facts[1].asset == "fills"
    assert world.noted("executed") == [run.run_id] * 2


async def test_a_fork_that_returns_from_the_function_reports_nothing(world: LocalWorld) -> None:
    facts = await told_of(world, run_of("returns_twice"))
    assert [type(fact) for fact in facts] == [PartitionMaterialized, RunSucceeded]


async def test_what_a_run_leaves_running_is_ended_with_it(world: LocalWorld) -> None:
    run = run_of("leaves_children", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        await launcher.launch([run])
        await Listener(launcher).until_over(run)
        [child] = map(int, world.noted("child"))
        await until_gone(child)


async def test_output_is_kept_within_bounds(world: LocalWorld) -> None:
    run = run_of("prints_much")
    bytes_max = 100_000
    async with world.launcher(output_bytes_max=bytes_max) as launcher:
        await launcher.launch([run])
        listener = Listener(launcher)
        [facts] = await listener.until_over(run)
        await listener.until_idle()
    assert isinstance(facts[-1], RunSucceeded)
    output = world.output(run, "stdout.log")
    assert len(output) <= bytes_max
    assert output.startswith("y" * 1023 + "\n")
    assert "left out here]" in output[-100:]
    assert world.output(run, "stderr.log") == "the end\n"


async def test_a_run_that_does_not_end_when_asked_to_is_killed_with_all_it_started(world: LocalWorld) -> None:
    run = run_of("stubborn", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [process] = await listener.until_started(run)
        await world.until_noted("under_way", run)
        await launcher.cancel(run.run_id, grace_s=0.2)
        [facts] = await listener.until_over(run)
        [child] = map(int, world.noted("child"))
        await until_gone(process)
        await until_gone(child)
    assert isinstance(facts[-1], RunCanceled)


async def test_all_that_a_run_has_started_is_asked_to_end_before_it_is_killed(world: LocalWorld) -> None:
    run = run_of("has_a_polite_child", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        await listener.until_started(run)
        await world.until_noted("under_way", run)
        await until((world.folder / "ready").exists)
        await launcher.cancel(run.run_id, grace_s=1)
        await until((world.folder / "asked").exists)
        [facts] = await listener.until_over(run)
    assert isinstance(facts[-1], RunCanceled)


async def test_an_adopted_run_is_killed_with_all_it_started(world: LocalWorld) -> None:
    run = run_of("stubborn", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [process] = await Listener(launcher).until_started(run)
        await world.until_noted("under_way", run)
        await launcher.cancel(run.run_id, grace_s=600)
    async with world.launcher() as launcher:
        await launcher.reconcile([run])
        await launcher.cancel(run.run_id, grace_s=0.2)
        [facts] = await Listener(launcher).until_over(run)
        [child] = map(int, world.noted("child"))
        await until_gone(process)
        await until_gone(child)
    assert [type(fact) for fact in facts] == [RunStarted, RunCanceled]


async def test_a_canceled_run_may_clean_up(world: LocalWorld) -> None:
    run = run_of("cleans_up", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        await world.until_noted("under_way", run)
        await launcher.cancel(run.run_id, grace_s=20)
        [facts] = await listener.until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, RunCanceled]
    assert world.noted("cleaned_up") == [run.run_id]


async def test_a_run_that_scribbles_into_its_report_fails_and_is_killed(world: LocalWorld) -> None:
    run = run_of("scribbles")
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [facts] = await listener.until_over(run)
        assert isinstance(facts[0], RunStarted)
        await until_gone(facts[0].pid)
    assert isinstance(facts[-1], RunFailed)
    assert facts[-1].failure.type == "InvalidReport"
    assert "line 2" in facts[-1].failure.message


async def test_users_modules_may_be_named_like_ours(world: LocalWorld) -> None:
    (world.folder / "daemon.py").write_text("ANSWER = 'theirs'\n")
    code = world.folder / "events.py"
    code.write_text(
        "from backfilld import MaterializeResult, asset\n"
        "import daemon\n"
        "@asset\n"
        "def named() -> MaterializeResult:\n"
        "    import events\n"
        "    return MaterializeResult(metadata={'daemon': daemon.ANSWER, 'events': events.__file__})\n"
    )
    run = run_of("named")
    for name in (str(code), "events"):
        async with world.launcher(name) as launcher:
            await launcher.reconcile([run])
            [facts] = await Listener(launcher).until_over(run)
        assert isinstance(facts[1], PartitionMaterialized)
        assert facts[1].metadata == {"daemon": "theirs", "events": str(code)}
        run = run_of("named")


async def test_code_may_live_in_an_environment_with_nothing_but_the_sdk(world: LocalWorld) -> None:
    environment = world.folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    [packages] = environment.glob("lib/python*/site-packages")
    needed = {Path(backfilld.__file__).parent}
    for name in ("pendulum", "cronsim", "dateutil", "tzdata"):
        found = importlib.util.find_spec(name)
        needed |= {Path(place) for place in (found.submodule_search_locations or () if found else ())}
    for package in needed:
        (packages / package.name).symlink_to(package)
    code = world.folder / "alone.py"
    code.write_text(
        "from backfilld import MaterializeResult, asset\n"
        "import importlib.util, sys\n"
        "@asset\n"
        "def alone() -> MaterializeResult:\n"
        "    theirs = [n for n in ('msgspec', 'anyio', 'daemon', 'events') if importlib.util.find_spec(n)]\n"
        "    return MaterializeResult(metadata={'prefix': sys.prefix, 'theirs': theirs})\n"
    )
    run = run_of("alone")
    async with world.launcher(code, python=str(environment / "bin" / "python")) as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert isinstance(facts[1], PartitionMaterialized)
    assert facts[1].metadata == {"prefix": str(environment), "theirs": []}


async def test_a_run_is_alone_in_its_process_group(world: LocalWorld) -> None:
    run = run_of("waits", tags={"folder": str(world.folder)})
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [process] = await listener.until_started(run)
        assert os.getpgid(process) == process
        await world.until_noted("under_way", run)
        world.release(run)
        await listener.until_over(run)
