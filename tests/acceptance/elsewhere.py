"""A house whose log is served over HTTP by a process of its own, for a command line that asks by address."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.acceptance.house import CALL_TIMEOUT_S, Answer, House, line_of


class Served(NamedTuple):
    """A house, and where it is served."""

    house: House
    url: str

    def by_url(self, *arguments: str) -> Answer:
        """A command that asks the address."""
        return self.house.call(*arguments, "--url", self.url)


@contextmanager
def served(house: House) -> Iterator[Served]:
    """The house's log, served while no daemon runs."""
    with house.begin("web", "--port", "0", "-o", "jsonl") as web:
        try:
            yield Served(house, json.loads(line_of(web))["url"])
        finally:
            web.send_signal(signal.SIGTERM)
            web.communicate(timeout=CALL_TIMEOUT_S)


@contextmanager
def served_by_daemon(house: House) -> Iterator[Served]:
    """A daemon, and where it is served."""
    with house.daemon("shop.py", "--port", "0"):
        yield Served(house, json.loads((house.home / "ready.json").read_text())["url"])
