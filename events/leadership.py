"""Who may decide: at most one holder per log, by an advisory lock that goes with its session.

A daemon's session is ended by PostgreSQL when it has said nothing for `LEASE_S`. So the lock is a lease: one
whose holder died with its whole machine, or was stopped, is free again that soon, and not when some
time-out of TCP's is over.
"""

from types import TracebackType
from typing import Any, Final, Self

import anyio
from sqlalchemy import Executable, and_, column, func, or_, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from events.attendance import APPLICATION, DAEMON, Attendance, Attendant
from events.driver import database_url, make_engine, translated

LEASE_S: Final = 3.0  # a session of a daemon that is silent for so long is ended
CLOSE_TIMEOUT_S: Final = 5.0
_LEADER_LOCK: Final = 0x6261636B_6C656164  # "backlead"

_LOCKS: Final = table(
    "pg_locks", *map(column, ("pid", "locktype", "database", "classid", "objid", "granted"))
)
_SESSIONS: Final = table("pg_stat_activity", *map(column, ("pid", "datname", "application_name")))
_DATABASES: Final = table("pg_database", column("oid"), column("datname"))

# Of our own sessions alone: whoever waits for the head's lock waits for them, and they wait for nobody.
_FREE_THE_HEAD: Final = f"""
SELECT pg_terminate_backend(blocking.pid)
FROM (
    SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS pid FROM pg_locks WHERE relation = 'log_head'::regclass
) AS blocking
JOIN pg_stat_activity AS session ON session.pid = blocking.pid
WHERE cardinality(pg_blocking_pids(blocking.pid)) = 0 AND session.application_name ^@ '{APPLICATION}'
ORDER BY blocking.pid
"""  # noqa: S608 - a constant of ours


class Leadership:
    """The right to decide on the log at ``url``. An async context manager that gives it up at its end.

    It keeps two daemons from working side by side; that a stopped one cannot write later is what
    compare-and-append is for.
    """

    def __init__(self, url: str, *, attendant: Attendant | None = None) -> None:
        """Nothing is connected yet.

        :param attendant: the daemon that means to lead: the session bears its name, and is a lease. Without
            one it can be asked who leads.
        """
        self._url = database_url(url)
        settings = {} if attendant is None else _lease(attendant)
        self._engine = make_engine(self._url, pooled=False, settings=settings)
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

        Asked again later it renews the lease and says whether the lock is still held: one that went with its
        session, when the database was restarted say, is taken again if nobody else has.

        :raises LogUnavailableError: the database cannot be reached; asking again connects anew.
        """
        with translated(self._url):
            try:
                return await self._holds()
            except (DBAPIError, OSError):
                await self.give_up()
                raise

    async def attend(self) -> None:
        """Be there, and for as long as this is called again within the lease, without leading.

        :raises LogUnavailableError: the database cannot be reached; asking again connects anew.
        """
        with translated(self._url):
            try:
                await (await self._session()).execute(select(1))
            except (DBAPIError, OSError):
                await self.give_up()
                raise

    async def give_up(self) -> None:
        """Leave the lock to others, and the session with it."""
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def attendance(self) -> Attendance:
        """Who leads, and who stands by. Asking takes nothing.

        :raises LogUnavailableError: the database cannot be reached.
        """
        here = select(_DATABASES.c.oid).where(_DATABASES.c.datname == func.current_database())
        is_held = and_(
            _LOCKS.c.locktype == "advisory",
            _LOCKS.c.database == here.scalar_subquery(),
            _LOCKS.c.classid == _LEADER_LOCK >> 32,
            _LOCKS.c.objid == _LEADER_LOCK & 0xFFFFFFFF,
            _LOCKS.c.granted,
        )
        is_daemon = _SESSIONS.c.application_name.startswith(DAEMON)
        is_leader = _LOCKS.c.pid.is_not(None)
        found = await self._asked(
            select(_SESSIONS.c.application_name, is_leader)
            .select_from(_SESSIONS.outerjoin(_LOCKS, and_(_LOCKS.c.pid == _SESSIONS.c.pid, is_held)))
            .where(_SESSIONS.c.datname == func.current_database(), or_(is_daemon, is_leader))
            .order_by(_SESSIONS.c.pid)
        )
        return Attendance.of_sessions(tuple(row) for row in found)

    async def free_the_head(self) -> int:
        """How many sessions were ended that kept everybody else from appending.

        A daemon that was stopped between the two ends of an append holds the head row's lock for as long as
        it is stopped. Whoever appends through such a session cannot know whether it was written, and settles
        that by the ids.

        :raises LogUnavailableError: the database cannot be reached.
        """
        return len(await self._asked(text(_FREE_THE_HEAD)))

    async def _asked(self, statement: Executable) -> list[Any]:
        with translated(self._url):
            async with self._engine.connect() as connection:
                return list((await connection.execute(statement)).all())

    async def _holds(self) -> bool:
        session = await self._session()
        if self._held:
            await session.execute(select(1))
        else:
            answer = await session.execute(select(func.pg_try_advisory_lock(_LEADER_LOCK)))
            self._held = bool(answer.scalar_one())
        return self._held

    async def _session(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
            await self._connection.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection


def _lease(attendant: Attendant) -> dict[str, str]:
    """What makes a session the attendant's."""
    return {
        "application_name": attendant.session_name,
        "idle_session_timeout": f"{LEASE_S * 1000:.0f}",
    }
