"""The application: routes, what they are answered from, and how errors are told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import anyio
import structlog
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import HTTPScope

from daemon.operations.every import EVERY
from daemon.operations.operation import Role
from daemon.web.access import needs
from daemon.web.asking import Asking
from daemon.web.door import Door
from daemon.web.folding import folding_aside
from daemon.web.identifying import identified
from daemon.web.pages.every import PAGES
from daemon.web.probes import PROBES
from daemon.web.problems import problem_response
from daemon.web.routes import route_of
from daemon.web.settings import WebSettings
from daemon.web.streams.places import left
from daemon.web.streams.routes import STREAMS
from daemon.web.warming import warm
from events.postgres import PostgresLog

log = structlog.get_logger(__name__)

STATIC_FOLDER = Path(__file__).with_name("static")
API_PATH = "/api/v1"


def make_app(settings: WebSettings) -> Litestar:
    """The application; it opens the log once it is begun."""
    asking: list[Asking] = []

    @asynccontextmanager
    async def opened(_: Litestar) -> AsyncGenerator[None, None]:
        url = settings.database_url
        async with PostgresLog(url) as log, folding_aside(url) as store:
            asked = Asking(settings, log, store)
            asking.append(asked)
            async with anyio.create_task_group() as tasks:
                for task in (asked.hub.run, asked.changes.run, asked.progress.run):
                    tasks.start_soon(task)
                tasks.start_soon(warm, asked)
                yield
                tasks.cancel_scope.cancel()

    def answered(scope: HTTPScope, status: int, seconds: float) -> None:
        route = cast("dict[str, Any]", scope).get("path_template")
        asking[0].metrics.answered(scope["method"], route, status, seconds)
        log.debug(
            "web.answered",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(1000 * seconds, 1),
        )

    def end_streams() -> None:
        asking[0].hub.close()

    def provided() -> Asking:
        return asking[0]

    app = Litestar(
        route_handlers=[
            Router(API_PATH, route_handlers=[*STREAMS, *(route_of(each) for each in EVERY)]),
            *PROBES,
            Router("/", route_handlers=PAGES, include_in_schema=False),
            create_static_files_router("/static", [STATIC_FOLDER], include_in_schema=False),
        ],
        dependencies={"asking": Provide(provided, sync_to_thread=False)},
        exception_handlers={Exception: problem_response},
        lifespan=[opened],
        request_max_body_size=settings.bounds.body_bytes_max,
        middleware=[left, lambda app: identified(app, lambda: asking[0].identifying)],
        openapi_config=OpenAPIConfig(
            title="backfilld",
            version=version("backfilld-daemon"),
            # What there is to ask is nobody's business either who may not ask it.
            openapi_router=Router(
                "/schema", route_handlers=[], guards=[needs(Role.VIEWER)], include_in_schema=False
            ),
            use_handler_docstrings=True,
            # The usual pages to look at it load scripts from elsewhere.
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        ),
    )
    # Around everything, also around what is not found.
    app.asgi_handler = Door(app.asgi_handler, settings, answered)
    app.state.end_streams = end_streams
    return app
