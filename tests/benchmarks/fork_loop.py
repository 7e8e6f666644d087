"""A bare loop of forks: the least that a process per run can cost, measured in a process of its own.

``python -m tests.benchmarks.fork_loop CODE COUNT AT_A_TIME`` becomes the zygote of the code, as the daemon
would start it, but forks that many children that become leaders of a session, as runs do, and end. It prints
the seconds until all have ended. Nothing is written or synced by anybody.
"""

import os
import signal
import socket
import sys
import time

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


def become_zygote(code: str) -> None:
    """Import all that the code's zygote imports, and do what it does before its first fork."""
    ours, theirs = socket.socketpair()
    zygote = Zygote(theirs, code=code, name="bare", home="")
    assert zygote._load(), ours.recv(1 << 16)
    zygote._prepare_to_fork()
    # The loop waits for its children instead of being told of them.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


if __name__ == "__main__":
    become_zygote(sys.argv[1])
    sys.stdout.write(f"{fork_loop(int(sys.argv[2]), int(sys.argv[3]))}\n")
