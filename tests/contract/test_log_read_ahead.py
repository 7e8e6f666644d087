"""A log with a task group reads ahead, and leaves nothing behind."""

import anyio
import pytest

from events.postgres import PostgresLog
from tests.contract.told import events, gathered, positions

COUNT = 12_000  # more than two pages


@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_long_log_comes_whole_and_in_order(migrated_url: str, newest_first: bool) -> None:
    async with anyio.create_task_group() as tasks, PostgresLog(migrated_url, tasks=tasks) as log:
        await log.append(events("a", COUNT))
        expected = list(range(1, COUNT + 1))
        read = positions(await gathered(log.read(newest_first=newest_first)))
        assert read == (expected[::-1] if newest_first else expected)


async def test_a_read_that_is_left_early_leaves_no_task(migrated_url: str) -> None:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks, PostgresLog(migrated_url, tasks=tasks) as log:
            await log.append(events("a", COUNT))
            reading = log.read()
            async for batch in reading:
                if batch[-1].position > 1_000:
                    break
            await reading.aclose()
            assert await log.head() == COUNT
        # The group ends: nobody waits in it for a reader that will not come.
