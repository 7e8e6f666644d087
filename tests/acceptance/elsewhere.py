"""A house whose log is served over HTTP, in this process, for a command line that asks by address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from daemon.web.app import make_app
from daemon.web.settings import WebSettings
from events.embedded import embedded_database
from tests.acceptance.house import Answer, House

STOPPED_WITHIN_S = 60.0


class Served(NamedTuple):
    """A house, and where it is served."""

    house: House
    url: str

    def by_url(self, *arguments: str) -> Answer:
        """A command that asks the address."""
        return self.house.call(*arguments, "--url", self.url)


@contextmanager
def served(house: House) -> Iterator[Served]:
    """The house's log, served on a port of its own."""
    with (
        embedded_database(house.home) as database_url,
        serving(make_app(WebSettings(house.home, database_url))) as url,
    ):
        yield Served(house, url)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address at which an application is served, in a thread, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # What connects before the server has begun is kept waiting by the kernel.
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(STOPPED_WITHIN_S)
            assert not thread.is_alive(), "the server has not stopped"
