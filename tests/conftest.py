"""Databases for tests: a fresh one each, on an embedded server and, where one is named, on a served one."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from events.embedded import embedded_database
from events.postgres import migrate

SERVED = os.environ.get("BACKFILLD_TEST_DATABASE_URL")


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """An embedded server in a temporary folder."""
    home = Path(tempfile.mkdtemp(prefix="backfilld-test-"))
    home.chmod(0o755)  # So that the data stays inside even when the tests are run by root.
    try:
        with embedded_database(home) as url:
            yield url
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session", params=["embedded", *(["served"] if SERVED else [])])
def server_url(request: pytest.FixtureRequest, embedded_url: str) -> str:
    """Each PostgreSQL server there is, in turn."""
    if request.param == "embedded":
        return embedded_url
    assert SERVED is not None
    return SERVED


@pytest.fixture
async def database_url(server_url: str) -> AsyncIterator[str]:
    """The URL of a fresh database without any table."""
    name = f"test_{secrets.token_hex(6)}"
    server = make_url(server_url).set(drivername="postgresql+asyncpg")
    await _administer(server, f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield server.set(database=name).render_as_string(hide_password=False)
    await _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def migrated_url(database_url: str) -> str:
    """The URL of a fresh database with every table."""
    await migrate(database_url)
    return database_url


async def _administer(server: URL, statement: str) -> None:
    engine = create_async_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
