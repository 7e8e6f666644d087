"""A look at moments all over a long log: the world of then, and the whole command that shows it."""

import subprocess
import sys
import time
from collections.abc import Sequence

from events.postgres import PostgresLog
from projections.snapshots_kept import spacing
from projections.tables.store import ProjectionStore
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.log_reading import append_history

FACTS = 1_000_000


def looking_back(surroundings: Surroundings) -> Sequence[Row]:
    """Seconds for the moments that lie furthest behind a snapshot, the slowest of them.

    The log has no snapshot at first: the first look passes over all of it, and leaves some.
    """
    count = surroundings.count(FACTS)
    with surroundings.database() as url:
        awaited(append_history, url, count)
        first_s = awaited(world_s, url, count)
        apart = spacing(count)
        furthest = [mark - 1 for mark in range(apart, count + 1, apart)]
        worlds_s = [awaited(world_s, url, position) for position in furthest]
        commands_s = [command_s(url, position) for position in furthest]
    in_1_s = Target("measured", "at most", 1)
    return [
        row(f"first look at {count:,} facts, no snapshot", first_s, "s"),
        row(f"the world at any moment of {count:,} facts", max(worlds_s), "s"),
        row(f"`status --as-of`, any moment of {count:,} facts", max(commands_s), "s", target=in_1_s),
    ]


async def world_s(url: str, position: int) -> float:
    """Seconds until the world of a position is there."""
    async with PostgresLog(url) as log, ProjectionStore(url) as store:
        began = time.perf_counter()
        world = await store.load_world(log, upto=position)
        taken = time.perf_counter() - began
    assert world.position == position
    return taken


def command_s(url: str, position: int) -> float:
    """Seconds from the start of the command to its end."""
    command = [sys.executable, "-m", "daemon.cli", "status", "--as-of", str(position), "--database", url]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
