"""Databases for tests: a fresh one each, on an embedded server and, where one is named, on a served one.

Properties are searched for counter-examples, not timed: the time limit of pytest bounds them. In CI they
look at the same examples each time, so that a change is judged by what it changes; elsewhere at new ones.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from events.embedded import embedded_database
from events.migrating import migrate
from tests.databases import SERVERS, fresh_database, url_of

settings.register_profile("backfilld", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("backfilld")

# A shell has what it runs in the background ignore Ctrl-C, and processes would inherit that from here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests in a browser come last: Playwright leaves an event loop in which no other can begin."""
    items.sort(key=lambda item: "browser" in item.path.parts)


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


@pytest.fixture(scope="session", params=SERVERS)
def server_url(request: pytest.FixtureRequest, embedded_url: str) -> str:
    """Each PostgreSQL server there is, in turn."""
    return url_of(request.param, embedded_url)


@pytest.fixture
async def database_url(server_url: str) -> AsyncIterator[str]:
    """The URL of a fresh database without any table."""
    async with fresh_database(server_url) as url:
        yield url


@pytest.fixture
async def migrated_url(database_url: str) -> str:
    """The URL of a fresh database with every table."""
    await migrate(database_url)
    return database_url
