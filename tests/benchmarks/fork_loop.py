"""A bare loop of forks: the least that a process per run can cost, measured in a process of its own.

``python -m tests.benchmarks.fork_loop COUNT AT_A_TIME`` has imported the demo's pipeline, as a zygote has,
forks that many children that do nothing, and prints the seconds until all have ended.
"""

import gc
import os
import sys
import time

from daemon.demo import pipeline


def fork_loop(count: int, at_a_time: int) -> float:
    """Forks `count` children, at most `at_a_time` of them alive, and gives the seconds that took."""
    began_at = time.perf_counter()
    alive = 0
    for _ in range(count):
        if alive == at_a_time:
            os.wait()
            alive -= 1
        if os.fork() == 0:
            os._exit(0)
        alive += 1
    for _ in range(alive):
        os.wait()
    return time.perf_counter() - began_at


if __name__ == "__main__":
    assert pipeline.raw_weather.takes_context, "what a zygote has imported weighs on its forks"
    gc.freeze()
    sys.stdout.write(f"{fork_loop(int(sys.argv[1]), int(sys.argv[2]))}\n")
