"""Every kind of log, for the suite that all of them pass."""

from collections.abc import AsyncIterator

import pytest

from events.log import Log
from events.memory import MemoryLog
from events.migrating import migrate
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from tests.contract.kept import Kept
from tests.contract.test_projection_store import NOW, a_backfill_that_fails, folded, write
from tests.databases import SERVERS, fresh_database, url_of


@pytest.fixture(params=("memory", *SERVERS))
async def log(request: pytest.FixtureRequest, embedded_url: str) -> AsyncIterator[Log]:
    """An empty log: in memory, and on each PostgreSQL server there is."""
    if request.param == "memory":
        yield MemoryLog()
        return
    async with fresh_database(url_of(request.param, embedded_url)) as url:
        await migrate(url)
        async with PostgresLog(url) as log:
            yield log


@pytest.fixture
async def postgres_log(migrated_url: str) -> AsyncIterator[PostgresLog]:
    """An empty log on each PostgreSQL server there is."""
    async with PostgresLog(migrated_url) as log:
        yield log


@pytest.fixture
async def kept(migrated_url: str) -> AsyncIterator[Kept]:
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        yield Kept(migrated_url, log, store)


@pytest.fixture
async def small(kept: Kept) -> Kept:
    """One backfill, with its tables and a snapshot in its midst."""
    story = a_backfill_that_fails()
    await write(kept.log, story, upto=11)
    await kept.store.save_snapshot(await folded(kept.log), NOW)
    await write(kept.log, story)
    await kept.store.bring_up_to_date(kept.log)
    return kept
