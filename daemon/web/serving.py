"""Serving on a socket until somebody says to stop."""

import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import structlog
import uvicorn

from daemon.web.app import make_app
from daemon.web.folding import be_ready_for_threads
from daemon.web.guarding import guarded, have_files
from daemon.web.settings import WebSettings

STOP_GRACE_S: Final = 2  # for answers under way; streams are ended at once
KEEP_ALIVE_S: Final = 30  # for a connection between two requests

log = structlog.get_logger(__name__)


async def serve(
    settings: WebSettings, listener: socket.socket, *, until: Callable[[], Awaitable[object]]
) -> None:
    """Serve until ``until()`` returns, then end gently: what is being answered is."""
    _pass_on_what_uvicorn_logs()
    bounds = have_files(settings.bounds)
    app = make_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=guarded(bounds),
            h11_max_incomplete_event_size=bounds.head_bytes_max,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_GRACE_S,
        )
    )

    be_ready_for_threads()

    async def stop() -> None:
        await until()
        app.state.end_streams()
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


class _Server(uvicorn.Server):
    """One that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Handler(logging.Handler):
    """What a library logs, in our log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, "web.server", said=record.getMessage(), exc_info=record.exc_info)


def _pass_on_what_uvicorn_logs() -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.handlers = [_Handler()]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
