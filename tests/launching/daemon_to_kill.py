"""A daemon as far as launching goes, started by a test to be killed: launches runs and listens for ever."""

import sys
from pathlib import Path

import anyio
import msgspec

from daemon.launching.port import RunSpec
from tests.launching.worlds import LocalWorld


async def main(folder: Path, runs: list[RunSpec]) -> None:
    """Launch the runs; say so, for the test, once facts of the first have come."""
    async with LocalWorld(folder).launcher() as launcher:
        await launcher.launch(runs)
        async for _ in launcher.reports:
            print("launched", flush=True)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=list[RunSpec]))
