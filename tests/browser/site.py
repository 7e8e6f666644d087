"""A daemon that serves pages over the demo's pipeline, and over one with runs that fail and wait."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.house import CALL_TIMEOUT_S, House, new_house

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "daemon" / "demo"


class Site:
    """Its address, and the folder and command line behind it."""

    def __init__(self, house: House, url: str) -> None:
        self.house = house
        self.url = url

    def call(self, *arguments: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        """What a command answers, in a process of its own: Playwright has an event loop in this one."""
        with self.house.begin(*arguments, "-o", "json") as begun:
            out, err = begun.communicate(timeout=CALL_TIMEOUT_S)
        assert begun.returncode in {0, 1}, err
        return json.loads(out)

    def let_wait(self) -> None:
        """From now on `region` waits until `let_go`."""
        (self.house.folder / "go").unlink(missing_ok=True)

    def let_go(self) -> None:
        """Whoever waits goes on."""
        (self.house.folder / "go").touch()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """There is no file for the third day of `orders` as long as the block."""
        file = self.house.folder / "broken"
        file.touch()
        try:
            yield
        finally:
            file.unlink()


@contextmanager
def new_site() -> Iterator[Site]:
    """Both pipelines, declared and served; nothing is filled yet."""
    with new_house() as house:
        for name in ("pipeline.py", "weather.csv"):
            shutil.copy(PIPELINE / name, house.folder / name)
        with served(house, "pipeline.py", "shop.py") as site:
            yield site


@contextmanager
def served(house: House, *code: str) -> Iterator[Site]:
    """What files in the house declare, served."""
    with house.daemon(*code, "--port", "0"):
        yield Site(house, json.loads((house.home / "ready.json").read_text())["url"])
