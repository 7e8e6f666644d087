"""What a person waits for who looks at assets of a million partitions."""

import io
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median

from daemon.cli.app import run
from daemon.planning.planned import Ask
from events.embedded import embedded_database, locate
from tests.benchmarks.daemons import PIPELINES, daemon, filled
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row

ASKED = 5
COMMANDS = (("status",), *(("partitions", asset) for asset in ("hourly", "static", "pairs")))
MS_PER_S = 1_000
IN_300_MS = Target("measured", "at most", 300)


def answers(surroundings: Surroundings) -> Sequence[Row]:
    """Milliseconds from a command to its answer, in a process that has imported what it needs.

    One log has three assets of a million partitions, each filled by a backfill. The daemon was stopped, and
    has left a snapshot; the database is up.
    """
    home = surroundings.home()
    with daemon(home, PIPELINES / "million.py"):
        database = locate(home)
        assert database.url is not None
        awaited(filled, database.url, Ask(("*",), "all"))
    with embedded_database(home):
        return [
            row(
                f"{' '.join(command)}, 1,000,000 partitions",
                median(answered_ms(home, *command) for _ in range(ASKED)),
                "ms",
                target=IN_300_MS,
            )
            for command in COMMANDS
        ]


def answered_ms(home: Path, *command: str) -> float:
    """Milliseconds until a command has answered."""
    began_at = time.perf_counter()
    with redirect_stdout(io.StringIO()) as said:
        assert run([*command, "--home", str(home), "-o", "json"]) == 0
    assert said.getvalue()
    return MS_PER_S * (time.perf_counter() - began_at)
