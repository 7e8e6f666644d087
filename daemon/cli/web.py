"""`backfilld web`: pages and API of a log while no daemon serves them. And their settings, for `up` too."""

import signal
import socket
import sys
from typing import Annotated

import anyio
import msgspec
import typer

from daemon.cli.invocation import Invocation, command
from daemon.cli.opening import actor, with_records
from daemon.cli.output import Format
from daemon.operations.records import Records
from daemon.service_log import Level, set_up_log
from daemon.web.bounds import Bounds
from daemon.web.settings import HOST_DEFAULT, PORT_DEFAULT, WebSettings

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65_535,
        metavar="N",
        help=f"Serve pages and API on this port; 0 is any that is free. \\[default: {PORT_DEFAULT}]",
        show_default=False,
    ),
]
ListenOption = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="ADDRESS",
        help=f"Serve pages and API on this address; any but this machine's own needs tokens. "
        f"\\[default: {HOST_DEFAULT}]",
        show_default=False,
    ),
]


@command
def web(
    invocation: Invocation,
    *,
    port: PortOption = None,
    listen: ListenOption = None,
    log_level: Annotated[
        Level,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help="What is logged on standard error: debug, info, warning or error.",
        ),
    ] = Level.INFO,
) -> None:
    """Serve pages and API of a log that no daemon serves: what was and how it stands.

    It stays in the foreground; Ctrl-C or SIGTERM ends it. What is asked for there is recorded, and done by
    the next daemon. `backfilld up` serves the same beside the daemon.

    backfilld web --port 0
    """
    set_up_log(log_level, as_json=invocation.output.form is not Format.TEXT)
    with invocation.database(begin=False) as url:
        from daemon.service.web import web_listener  # noqa: PLC0415 -- as below
        from daemon.web.listening import url_of  # noqa: PLC0415 -- as below
        from daemon.web.serving import serve  # noqa: PLC0415 -- a second that --help need not wait for

        settings = web_settings(invocation, url, port, listen, log_level)

        async def opened(records: Records) -> socket.socket:
            known = (await records.world()).known.tokens
            return web_listener(settings, known.values(), records.now())

        listener = with_records(invocation, opened)

        async def served() -> None:
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                address = url_of(listener)
                invocation.output.value(
                    {"url": address}, lambda console: console.print(f"Pages and API at {address}")
                )
                sys.stdout.flush()
                await serve(settings, listener, until=signals.__anext__)

        with listener:
            anyio.run(served)


def web_settings(
    invocation: Invocation, database_url: str, port: int | None, listen: str | None, log_level: Level
) -> WebSettings:
    """How pages and API are to be served: as typed, else as `backfilld.toml` says."""
    table = invocation.settings.web
    asked_port = table.port if port is None else port
    return WebSettings(
        home=invocation.settings.home,
        database_url=database_url,
        local_name=actor(),
        host=listen or table.listen,
        port=PORT_DEFAULT if asked_port is None else asked_port,
        insists=asked_port is not None or (listen or table.listen) != HOST_DEFAULT,
        hosts=table.hosts,
        requires_tokens=table.require_tokens,
        bounds=msgspec.convert(table, Bounds, from_attributes=True),
        log_level=log_level,
        log_is_json=invocation.output.form is not Format.TEXT,
    )
