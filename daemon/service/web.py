"""The web process beside the daemon: begun, begun again where it dies, and never a reason to stop."""

import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final, NoReturn

import anyio
import structlog
from anyio.abc import Process

from daemon.loopback import is_loopback
from daemon.service.errors import WebRefusedError
from daemon.web.listening import CannotListenError, listening, url_of
from daemon.web.settings import HOST_DEFAULT, Handed, WebSettings, encoded
from projections.tokens import Token

AGAIN_FIRST_S: Final = 1.0  # twice as long after each death
AGAIN_MAX_S: Final = 30.0
STEADY_S: Final = 60.0  # a process that lived so long was none that cannot live
LISTEN_EVERY_S: Final = 2.0  # where the port is taken
STOP_S: Final = 5.0  # for a process to end by itself

log = structlog.get_logger(__name__)


async def keep_web(
    settings: WebSettings,
    listener: socket.socket | None,
    *,
    listen: Callable[[], socket.socket],
    on_listening: Callable[[str], None],
) -> None:
    """Keep a web process serving, for ever; it ends with this.

    :param listener: None: there is none yet.
    :param listen: makes one, or raises `WebRefusedError`; then it is asked again.
    :param on_listening: called with the URL once there is one that was not there before.
    """
    if listener is not None:
        await _keep_on(settings, listener)
    with await _listening_at_last(listen) as late:
        log.info("web.listening", url=url_of(late))
        on_listening(url_of(late))
        await _keep_on(settings, late)


def web_listener(settings: WebSettings, tokens: Iterable[Token], now: datetime) -> socket.socket:
    """A socket that listens where the settings say.

    :param tokens: those there are; where others than this machine's people can come, one is needed.
    :raises WebRefusedError: there is none to be had.
    """
    if not is_loopback(settings.host) and not any(token.opens(now) for token in tokens):
        raise WebRefusedError(
            f"whoever reaches {settings.host} could do everything here: make a token first, with `backfilld "
            f"token create NAME --role admin`, or listen on {HOST_DEFAULT}"
        )
    try:
        return listening(settings.host, settings.port)
    except CannotListenError as error:
        raise WebRefusedError(str(error)) from error


async def _keep_on(settings: WebSettings, listener: socket.socket) -> NoReturn:
    again_s = AGAIN_FIRST_S
    while True:
        async with _web_process(settings, listener) as process:
            log.info("web.begun", pid=process.pid)
            with anyio.move_on_after(STEADY_S) as young:
                await process.wait()
            if young.cancelled_caught:
                again_s = AGAIN_FIRST_S
                await process.wait()
        log.warning("web.ended", status=process.returncode, again_in_s=again_s)
        await anyio.sleep(again_s)
        again_s = min(2 * again_s, AGAIN_MAX_S)


async def _listening_at_last(listen: Callable[[], socket.socket]) -> socket.socket:
    while True:
        await anyio.sleep(LISTEN_EVERY_S)
        with suppress(WebRefusedError):
            return listen()


@asynccontextmanager
async def _web_process(settings: WebSettings, listener: socket.socket) -> AsyncGenerator[Process]:
    """A web process, ended with the block."""
    process = await anyio.open_process(
        # -P: a user's own module named `daemon` in the folder must not be taken for ours.
        [sys.executable, "-P", "-m", "daemon.web"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=None,  # The daemon's log is its log.
        pass_fds=(listener.fileno(),),
        start_new_session=True,  # Ctrl-C is for the daemon, which ends this process in its time.
    )
    assert process.stdin is not None
    try:
        with suppress(anyio.BrokenResourceError):  # It died at once; whoever waits for it learns that.
            await process.stdin.send(encoded(Handed(settings, listener.fileno())))
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await process.stdin.aclose()
            with anyio.move_on_after(STOP_S):
                await process.wait()
            if process.returncode is None:
                log.warning("web.killed", pid=process.pid)
                process.kill()
            await process.wait()
