"""The web application over a real log, asked without a socket between."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx
import msgspec

from daemon.clock import SystemClock
from daemon.web.app import make_app
from daemon.web.listening import listening, url_of
from daemon.web.serving import serve
from daemon.web.settings import WebSettings
from events.envelope import Event
from events.facts import Fact
from events.ids import new_id
from events.postgres import PostgresLog

URL = "http://127.0.0.1:8340"


@asynccontextmanager
async def sited(database_url: str, **settings: object) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an application with these settings."""
    given = msgspec.structs.replace(WebSettings(Path("/home"), database_url, "ada@office"), **settings)
    app = make_app(given)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234), raise_app_exceptions=True)  # type: ignore[arg-type]  # Litestar's own types of ASGI
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


async def tell(database_url: str, *facts: Fact) -> None:
    """Record facts."""
    now = SystemClock().now()
    async with PostgresLog(database_url) as log:
        await log.append([Event(new_id(now), now, "story", fact) for fact in facts])


@asynccontextmanager
async def served(database_url: str, **settings: object) -> AsyncGenerator[str]:
    """The URL of a server on a socket, for answers that do not end; it is stopped gently in the end."""
    given = msgspec.structs.replace(
        WebSettings(Path("/home"), database_url, "ada@office", port=0), **settings
    )
    over = anyio.Event()
    with listening(given.host, given.port) as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(serve, given, listener, until=over.wait))
            yield url_of(listener)
            over.set()
