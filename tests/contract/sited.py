"""The web application over a real log, asked without a socket between."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from daemon.clock import SystemClock
from daemon.web.app import make_app
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
