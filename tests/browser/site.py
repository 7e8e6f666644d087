"""A daemon that serves pages over the demo's pipeline."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.house import House, new_house

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "daemon" / "demo"


class Site:
    """Its address, and the folder and command line behind it."""

    def __init__(self, house: House, url: str) -> None:
        self.house = house
        self.url = url


@contextmanager
def new_site() -> Iterator[Site]:
    """The weather pipeline, declared and served; nothing is filled yet."""
    with new_house() as house:
        for name in ("pipeline.py", "weather.csv"):
            shutil.copy(PIPELINE / name, house.folder / name)
        with served(house, "pipeline.py") as site:
            yield site


@contextmanager
def served(house: House, code: str) -> Iterator[Site]:
    """What a file in the house declares, served."""
    with house.daemon(code, "--port", "0"):
        yield Site(house, json.loads((house.home / "ready.json").read_text())["url"])
