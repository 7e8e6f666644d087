"""Who may decide: at most one holder per log, by an advisory lock that goes with its connection."""

from types import TracebackType
from typing import Final, Self

import anyio
from sqlalchemy import column, func, select, table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from events.driver import database_url, make_engine, translated

CLOSE_TIMEOUT_S: Final = 5.0
_LEADER_LOCK: Final = 0x6261636B_6C656164  # "backlead"


class Leadership:
    """The right to decide on the log at ``url``. An async context manager that gives it up at its end.

    The lock goes when its connection does, so a crash frees it at once. It keeps two daemons from working
    side by side; that a stopped one cannot write later is what compare-and-append is for.
    """

    def __init__(self, url: str) -> None:
        self._url = database_url(url)
        self._engine = make_engine(self._url, pooled=False)
        self._connection: AsyncConnection | None = None
        self._held = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            if self._connection is not None:
                await self._connection.close()
            await self._engine.dispose()

    async def try_to_lead(self) -> bool:
        """Whether the lock is held by this object now; it does not wait for it.

        Asked again later it says whether that is still so: a lock that went with its connection, when the
        database was restarted say, is taken again if nobody else has.

        :raises LogUnavailableError: the database cannot be reached; asking again connects anew.
        """
        with translated(self._url):
            try:
                return await self._holds()
            except (DBAPIError, OSError):
                await self._give_up()
                raise

    async def is_held(self) -> bool:
        """Whether anybody holds the lock now. Asking takes nothing.

        :raises LogUnavailableError: the database cannot be reached.
        """
        locks = table("pg_locks", *map(column, ("locktype", "database", "classid", "objid", "granted")))
        databases = table("pg_database", column("oid"), column("datname"))
        here = select(databases.c.oid).where(databases.c.datname == func.current_database()).scalar_subquery()
        held = select(locks.c.locktype).where(
            locks.c.locktype == "advisory",
            locks.c.database == here,
            locks.c.classid == _LEADER_LOCK >> 32,
            locks.c.objid == _LEADER_LOCK & 0xFFFFFFFF,
            locks.c.granted,
        )
        with translated(self._url):
            async with self._engine.connect() as connection:
                return bool((await connection.execute(select(held.exists()))).scalar_one())

    async def _holds(self) -> bool:
        if self._connection is None:
            self._connection = await self._engine.connect()
            await self._connection.execution_options(isolation_level="AUTOCOMMIT")
        if self._held:
            await self._connection.execute(select(1))
        else:
            answer = await self._connection.execute(select(func.pg_try_advisory_lock(_LEADER_LOCK)))
            self._held = bool(answer.scalar_one())
        return self._held

    async def _give_up(self) -> None:
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            await connection.invalidate()
            await connection.close()
