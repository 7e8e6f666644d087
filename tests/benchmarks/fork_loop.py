"""A bare loop of forks: the least that a process per run can cost, measured in a process of its own.

``python -P -m tests.benchmarks.fork_loop CODE COUNT AT_A_TIME`` has imported what a zygote has, the SDK's
worker and the user's code; it forks that many children that become leaders of a session, as runs do, and end,
and prints the seconds until all have ended. Nothing is written or synced by anybody.
"""

import gc
import os
import sys
import time

from backfilld.definitions import Definitions
from backfilld.worker.code import import_code
from backfilld.worker.zygote import Zygote


def fork_loop(count: int, at_a_time: int) -> float:
    """Forks `count` children, at most `at_a_time` of them alive, and gives the seconds that took."""
    began_at = time.perf_counter()
    alive = 0
    for _ in range(count):
        if alive == at_a_time:
            os.wait()
            alive -= 1
        if os.fork() == 0:
            os.setsid()
            os._exit(0)
        alive += 1
    for _ in range(alive):
        os.wait()
    return time.perf_counter() - began_at


if __name__ == "__main__":
    # What a zygote has imported weighs on its forks.
    imported = Zygote, Definitions.of_module(import_code(sys.argv[1]))
    gc.collect()
    gc.freeze()
    sys.stdout.write(f"{fork_loop(int(sys.argv[2]), int(sys.argv[3]))}\n")
