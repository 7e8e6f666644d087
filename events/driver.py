"""The edge to the driver: connections to PostgreSQL, and its errors in our words."""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Final

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from events.attendance import APPLICATION
from events.errors import LogError, LogReadOnlyError, LogUnavailableError, LogUnreadableError

CONNECT_TIMEOUT_S: Final = 10.0
STATEMENT_TIMEOUT_S: Final = 120.0
# A process that was stopped, or whose machine is gone, must not keep rows locked for everybody else.
IDLE_IN_TRANSACTION_MAX_S: Final = 10.0

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, crashed
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)


def database_url(url: str) -> URL:
    """The URL with the driver we use, whichever way PostgreSQL's scheme was written.

    :raises LogError: it is not the URL of a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise LogError(
            "expected a URL such as postgresql://user:password@host:5432/name, found one that cannot be read"
        ) from error
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise LogError(f"expected the URL of a PostgreSQL database, found {parsed.get_backend_name()}://")
    return parsed.set(drivername="postgresql+asyncpg")


def make_engine(
    url: URL, *, pooled: bool = True, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncEngine:
    """An engine whose connections speak UTC and have PostgreSQL's ``settings``."""
    connect_args = {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": STATEMENT_TIMEOUT_S,
        "server_settings": {
            "application_name": APPLICATION,
            "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_MAX_S * 1000:.0f}",
            "jit": "off",  # Our statements are short: compiling them takes longer than running them.
            "timezone": "UTC",
            **settings,
        },
    }
    if not pooled:
        return create_async_engine(url, poolclass=NullPool, connect_args=connect_args)
    return create_async_engine(url, connect_args=connect_args, pool_pre_ping=True)


class translated:  # noqa: N801 - used as a statement: `with translated(url): ...`
    """Raises what the driver raises in its block as a `LogError`, by the class of the error."""

    # Not a generator with @contextmanager: every append goes through here, and this costs a fifth.
    __slots__ = ("_url",)

    def __init__(self, url: URL) -> None:
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, DBAPIError):
            # SQLAlchemy wraps the driver's error in its own, and that in another.
            raise _ours(self._url, getattr(error.orig, "__cause__", None) or error) from error
        if isinstance(error, (asyncpg.PostgresError, *_UNAVAILABLE)):
            raise _ours(self._url, error) from error


def _ours(url: URL, error: BaseException) -> LogError:
    where = url.set(query={}).render_as_string(hide_password=True)  # A password may stand there, too.
    reason = str(error) or type(error).__name__
    match error:
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return LogUnreadableError(
                f"the database at {where} has no log of this version's shape ({reason})",
                remedy="Start the daemon once on it, which makes or migrates the log.",
            )
        case _ if isinstance(error, _UNAVAILABLE):
            return LogUnavailableError(where, reason)
        case asyncpg.ReadOnlySQLTransactionError() | asyncpg.InsufficientPrivilegeError():
            return LogReadOnlyError(f"the database at {where} refused: {reason}")
        case _:
            return LogError(f"the database at {where} refused: {reason}")
