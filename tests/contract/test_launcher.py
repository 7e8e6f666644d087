"""What every launcher promises, asked of the local one and of the one in memory."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.launching.code_location import Loaded
from events.facts import (
    PartitionFailed,
    PartitionMaterialized,
    RunCanceled,
    RunFailed,
    RunLost,
    RunStarted,
    RunSucceeded,
)
from tests.launching.worlds import Listener, LocalWorld, MemoryWorld, World, run_of, until_held

METADATA: dict[type, dict[str, object]] = {MemoryWorld: {}, LocalWorld: {"rows": 3, "mean": "NaN"}}


@pytest.fixture(params=[MemoryWorld, LocalWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = request.param(tmp_path)
    yield world
    world.end_runs()


@pytest.fixture
def tags(tmp_path: Path) -> dict[str, str]:
    return {"folder": str(tmp_path)}


async def test_a_run_tells_its_facts_in_order(world: World, tags: dict[str, str]) -> None:
    run = run_of("fills", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, PartitionMaterialized, RunSucceeded]
    assert facts[1] == PartitionMaterialized(asset="fills", partitions=None, metadata=METADATA[type(world)])


async def test_a_run_that_fails_says_why(world: World, tags: dict[str, str]) -> None:
    run = run_of("fails", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, PartitionFailed, RunFailed]
    assert all(
        (fact.failure.type, fact.failure.message) == ("ValueError", "the source is empty")
        for fact in facts
        if isinstance(fact, PartitionFailed | RunFailed)
    )


async def test_a_run_without_a_last_word_is_lost(world: World, tags: dict[str, str]) -> None:
    run = run_of("dies", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        [facts] = await Listener(launcher).until_over(run)
    assert facts[1:] == [RunLost(reason="its process was ended by SIGKILL")]


async def test_a_run_id_is_run_once_however_often_it_is_launched(world: World, tags: dict[str, str]) -> None:
    run, other = run_of("fills", tags=tags), run_of("fills", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        await launcher.launch([run])
        await listener.until_over(run)
        await launcher.launch([run, other])
        await listener.until_over(other)
        assert world.executions(run) == 1
        assert world.executions(other) == 1


async def test_many_runs_each_end_once(world: World, tags: dict[str, str]) -> None:
    runs = [run_of("fails" if number % 3 == 0 else "fills", tags=tags) for number in range(40)]
    async with world.launcher() as launcher:
        await launcher.launch(runs[:25])
        await launcher.launch(runs[25:])
        told = await Listener(launcher).until_over(*runs)
    assert [type(facts[-1]) for facts in told] == [
        RunFailed if number % 3 == 0 else RunSucceeded for number in range(40)
    ]
    assert all(world.executions(run) == 1 for run in runs)


async def test_a_canceled_run_ends_so(world: World, tags: dict[str, str]) -> None:
    run = run_of("waits", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        await listener.until_started(run)
        await launcher.cancel(run.run_id, grace_s=20)
        [facts] = await listener.until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, RunCanceled]


async def test_a_run_is_canceled_whatever_it_is_doing(world: World, tags: dict[str, str]) -> None:
    runs = [run_of("waits", tags=tags) for _ in range(8)]
    async with world.launcher() as launcher:
        await launcher.launch(runs)
        for run in runs:
            await launcher.cancel(run.run_id, grace_s=20)
        told = await Listener(launcher).until_over(*runs)
    assert {type(facts[-1]) for facts in told} == {RunCanceled}


async def test_canceling_what_is_over_or_unknown_changes_nothing(world: World, tags: dict[str, str]) -> None:
    run, other = run_of("fills", tags=tags), run_of("fills", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([run])
        [before] = await listener.until_over(run)
        await launcher.cancel(run.run_id, grace_s=0)
        await launcher.cancel("nobody-1-1", grace_s=0)
        await launcher.launch([other])
        await listener.until_over(other)
        await launcher.reconcile([run])
        [after] = await listener.until_over(run)
    assert type(before[-1]) is RunSucceeded
    assert after == before


async def test_after_a_restart_a_run_that_ended_tells_all_again(world: World, tags: dict[str, str]) -> None:
    runs = [run_of("fills", tags=tags), run_of("fails", tags=tags)]
    async with world.launcher() as launcher:
        await launcher.launch(runs)
        before = await Listener(launcher).until_over(*runs)
    async with world.launcher() as launcher:
        await launcher.reconcile(runs)
        after = await Listener(launcher).until_over(*runs)
    assert after == before
    assert all(world.executions(run) == 1 for run in runs)


async def test_after_a_restart_a_run_that_never_began_is_launched(world: World, tags: dict[str, str]) -> None:
    run = run_of("fills", tags=tags)
    async with world.launcher():
        pass
    async with world.launcher() as launcher:
        await launcher.reconcile([run])
        [facts] = await Listener(launcher).until_over(run)
    assert type(facts[-1]) is RunSucceeded
    assert world.executions(run) == 1


async def test_after_a_restart_a_run_that_is_alive_is_adopted(world: World, tags: dict[str, str]) -> None:
    run = run_of("waits", tags=tags)
    async with world.launcher() as launcher:
        await launcher.launch([run])
        before = await Listener(launcher).until_started(run)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.reconcile([run])
        assert await listener.until_started(run) == before
        await launcher.cancel(run.run_id, grace_s=20)
        [facts] = await listener.until_over(run)
    assert [type(fact) for fact in facts] == [RunStarted, RunCanceled]
    assert world.executions(run) == 1


async def test_code_that_does_not_load_delays_its_runs_and_says_why(
    world: World, tags: dict[str, str]
) -> None:
    under_way, waiting, canceled = (
        run_of("waits", tags=tags),
        *(run_of("fills", tags=tags) for _ in range(2)),
    )
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([under_way])
        await listener.until_started(under_way)
        await world.break_code(launcher, under_way)
        await launcher.launch([waiting, canceled])
        failure = await until_held(launcher)
        assert (failure.type, "nothing_of_that_name" in failure.message) == ("ModuleNotFoundError", True)
        await launcher.cancel(canceled.run_id, grace_s=20)
        await listener.until_over(canceled)
        assert waiting.run_id not in listener.told
        # What is under way goes on, and is canceled like any other.
        await launcher.cancel(under_way.run_id, grace_s=20)
        world.mend_code(launcher)
        told = await listener.until_over(under_way, waiting, canceled)
        assert isinstance(launcher.loadings["pipeline"], Loaded)
    assert [type(facts[-1]) for facts in told] == [RunCanceled, RunSucceeded, RunCanceled]
    assert world.executions(waiting) == 1
    assert world.executions(canceled) == 0


async def test_a_run_that_waits_for_its_code_is_found_waiting_after_a_restart(
    world: World, tags: dict[str, str]
) -> None:
    under_way, waiting = run_of("waits", tags=tags), run_of("fills", tags=tags)
    async with world.launcher() as launcher:
        listener = Listener(launcher)
        await launcher.launch([under_way])
        await listener.until_started(under_way)
        await world.break_code(launcher, under_way)
        await launcher.launch([waiting])
        await until_held(launcher)
        await launcher.cancel(under_way.run_id, grace_s=20)
        await listener.until_over(under_way)
        world.mend_code(launcher)
    async with world.launcher() as launcher:
        await launcher.reconcile([waiting])
        [facts] = await Listener(launcher).until_over(waiting)
    assert type(facts[-1]) is RunSucceeded
    assert world.executions(waiting) == 1


async def test_what_runs_and_imports_print_is_for_nobody_else(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path)
    async with world.launcher():
        for name in ("runs", "code_locations"):
            assert stat.S_IMODE((world.home / name).stat().st_mode) == 0o700, name
