"""Followers are woken by what others record, long before they would poll."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import anyio
import pytest

from events.envelope import Event
from events.facts import BackfillPaused
from events.ids import new_id
from events.postgres import PostgresLog

AT = datetime(2024, 3, 1, tzinfo=UTC)
POLL_S = 3600.0


@pytest.fixture
async def writer(migrated_url: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(migrated_url) as log:
        yield log


@pytest.mark.parametrize("count", [1, 3, 2_000])  # by one statement, by one for several, and by COPY
async def test_a_follower_far_from_polling_is_woken(
    migrated_url: str, writer: PostgresLog, count: int
) -> None:
    async def append() -> None:
        await writer.append([Event(new_id(AT), AT, "ada", BackfillPaused()) for _ in range(count)])

    await append()
    got = 0
    with anyio.fail_after(60):
        async with (
            PostgresLog(migrated_url, poll_s=POLL_S) as follower,
            aclosing(follower.follow(after=0)) as batches,
            anyio.create_task_group() as tasks,
        ):
            async for batch in batches:
                got += len(batch)
                if got == count:
                    # Everything there is was read: what comes now comes through the bell.
                    tasks.start_soon(append)
                if got == 2 * count:
                    return
