"""Databases for tests, each made for one and dropped after it."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

SERVED_URL: Final = os.environ.get("BACKFILLD_TEST_DATABASE_URL")
SERVERS: Final = ("embedded",) if SERVED_URL is None else ("embedded", "served")


def url_of(server: str, embedded_url: str) -> str:
    """The URL of a server by its name in `SERVERS`."""
    if server == "embedded":
        return embedded_url
    assert SERVED_URL is not None, "the served one is tested only where it is named"
    return SERVED_URL


@asynccontextmanager
async def fresh_database(server_url: str) -> AsyncIterator[str]:
    """The URL of a database without any table, on that server."""
    name = f"test_{secrets.token_hex(6)}"
    server = make_url(server_url).set(drivername="postgresql+asyncpg")
    await administer(server, f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        await administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def administer(url: URL | str, *statements: str) -> None:
    """Runs the statements one by one, each committed before the next."""
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()
