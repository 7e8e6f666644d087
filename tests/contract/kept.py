"""A log with its tables and snapshots, as the tests of these use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from events.driver import database_url as parsed
from events.driver import make_engine
from events.postgres import PostgresLog
from projections.tables.checked import Checked
from projections.tables.store import ProjectionStore


class Kept(NamedTuple):
    """A log with its projections."""

    url: str
    log: PostgresLog
    store: ProjectionStore

    async def check(self) -> Checked:
        """What `projections check` finds."""
        return await self.store.check(self.log)

    async def execute(self, statement: str) -> None:
        """Do something to the database behind everybody's back."""
        async with self.session() as connection:
            await connection.execute(text(statement))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of somebody else."""
        engine = make_engine(parsed(self.url), pooled=False)
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()
