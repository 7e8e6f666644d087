"""The web process folds on a thread of its own, and what it finds there is what is found anywhere."""

import threading
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from daemon.operations import live
from daemon.web.folding import folding_aside
from events.envelope import Recorded
from events.facts import PoolConfigured
from events.log import Log
from projections.tables import store, writing
from projections.tables.changes import Changes, changes
from projections.tables.checked import Checked
from projections.tables.store import ProjectionStore
from projections.world import World, evolve
from tests.contract.kept import Kept
from tests.contract.test_projection_store import a_backfill_that_fails
from tests.contract.visiting import visitor_of

HERE = threading.get_ident()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The threads on which facts are folded into a world, or into the tables, of however few facts."""
    seen = set[int]()

    def evolved(world: World, recorded: Recorded) -> None:
        seen.add(threading.get_ident())
        evolve(world, recorded)

    def changed(facts: Iterable[Recorded]) -> Changes:
        seen.add(threading.get_ident())
        return changes(facts)

    monkeypatch.setattr(store, "evolve", evolved)
    monkeypatch.setattr(writing, "changes", changed)
    return seen


async def test_it_finds_what_is_found_anywhere_and_on_another_thread(small: Kept, threads: set[int]) -> None:
    expected = {upto: (await small.store.load_world(small.log, upto=upto)).known for upto in (None, 9)}
    checked = await small.check()
    threads.clear()
    async with folding_aside(small.url) as aside:
        for upto, known in expected.items():
            assert (await aside.load_world(small.log, upto=upto)).known == known
        assert await aside.check(small.log) == checked
        rebuilt = await aside.rebuild(small.log)
    assert rebuilt is not None
    assert rebuilt.position == await small.log.head()
    assert threads
    assert HERE not in threads


async def test_what_goes_wrong_there_goes_wrong_here(small: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(_: ProjectionStore, __: Log) -> Checked:
        raise LookupError("there")

    monkeypatch.setattr(ProjectionStore, "check", wrong)
    async with folding_aside(small.url) as aside:
        with pytest.raises(LookupError, match="there"):
            await aside.check(small.log)


@pytest.mark.timeout(60)
async def test_whoever_no_longer_waits_ends_it(small: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def endless(_: ProjectionStore, __: Log) -> Checked:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    monkeypatch.setattr(ProjectionStore, "check", endless)
    async with folding_aside(small.url) as aside, anyio.create_task_group() as tasks:
        tasks.start_soon(aside.check, small.log)
        await anyio.to_thread.run_sync(begun.wait)
        tasks.cancel_scope.cancel()
    assert ended.is_set()


async def test_the_web_process_folds_there_and_goes_on_here(
    small: Kept, threads: set[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_the_loop = set[int]()

    def evolved(world: World, recorded: Recorded) -> None:
        of_the_loop.add(threading.get_ident())
        evolve(world, recorded)

    monkeypatch.setattr(live, "evolve", evolved)
    story = a_backfill_that_fails()
    async with visitor_of(small.url, tmp_path) as visitor:
        await visitor.see("/log")
        story.tell(PoolConfigured("files", slots=2))
        await visitor.tell(story)
        await visitor.see("/log")
        threads.clear()
        page = await visitor.see("/log", [("as_of", "9")])
    assert page.status == 200
    assert of_the_loop
    assert threads
    assert not threads & of_the_loop
