"""How many processes a second a bare loop forks: what runs a second are compared with."""

import subprocess
import sys
from collections.abc import Sequence

from tests.benchmarks.frame import Row, Surroundings, row

FORKS = 2_000


def bare_forks(_: Surroundings) -> Sequence[Row]:
    """Forks a second, one after another and two at a time."""
    return [
        row(
            f"bare forks, {at_a_time} at a time",
            FORKS / bare_fork_loop_s(FORKS, at_a_time=at_a_time),
            "forks/s",
        )
        for at_a_time in (1, 2)
    ]


def bare_fork_loop_s(count: int, *, at_a_time: int) -> float:
    """The seconds a process like a zygote takes to fork `count` children that do nothing."""
    command = [sys.executable, "-m", "tests.benchmarks.fork_loop", str(count), str(at_a_time)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
