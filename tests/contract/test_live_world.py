"""The worlds that are kept for those who look again and again."""

import anyio
import pytest

from daemon.operations.live import LiveWorld
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
