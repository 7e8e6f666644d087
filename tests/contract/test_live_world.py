"""The worlds that are kept for those who look again and again."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import anyio
import pytest

from daemon.operations.live import LiveWorld
from events.envelope import Recorded
from events.facts import PoolConfigured
from events.log import Log
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from projections.world import World
from tests.contract.sited import tell


class SlowPast(ProjectionStore):
    """A store whose past is loaded once that is let go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.begun, self.goes_on = anyio.Event(), anyio.Event()

    async def load_world(self, log: Log, *, upto: int | None = None) -> World:
        if upto is not None:
            self.begun.set()
            await self.goes_on.wait()
        return await super().load_world(log, upto=upto)


@pytest.mark.timeout(30)
async def test_nobody_at_the_head_waits_for_the_past(migrated_url: str) -> None:
    await tell(migrated_url, *(PoolConfigured("oven", slots=number) for number in (1, 2)))
    async with PostgresLog(migrated_url) as log, SlowPast(migrated_url) as store:
        live = LiveWorld(log, store)
        found: list[World] = []

        async def look_back() -> None:
            found.append(await live.at(1))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look_back)
            await store.begun.wait()
            assert (await live.at_head()).position == 2
            assert found == []
            store.goes_on.set()
        assert [world.position for world in found] == [1]


class CountedReads(PostgresLog):
    """A log that counts how often it is read, and records a fact amid the first reading."""

    reads = 0

    def read(self, *given: Any, **named: Any) -> AsyncGenerator[Sequence[Recorded]]:  # noqa: ANN401 -- as it is
        self.reads += 1
        return super().read(*given, **named)


@pytest.mark.timeout(30)
async def test_many_who_look_at_once_are_told_by_one_reading_that_begins_after_they_asked(
    migrated_url: str,
) -> None:
    await tell(migrated_url, PoolConfigured("oven", slots=1))
    async with CountedReads(migrated_url) as log, ProjectionStore(migrated_url) as store:
        live = LiveWorld(log, store)
        await live.at_head()
        for number in range(2, 5):
            log.reads, found = 0, list[int]()

            async def look(found: list[int] = found) -> None:
                found.append((await live.at_head()).position)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look)
                await anyio.wait_all_tasks_blocked()  # Its reading has begun, and may miss what follows.
                await tell(migrated_url, PoolConfigured("oven", slots=number))
                for _ in range(50):
                    tasks.start_soon(look)
            assert found[1:] == [number] * 50
            assert log.reads <= 2
