"""Every kind of log, for the suite that all of them pass."""

from collections.abc import AsyncIterator

import pytest

from events.log import Log
from events.memory import MemoryLog
from events.migrating import migrate
from events.postgres import PostgresLog
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
