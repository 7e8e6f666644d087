"""What it costs the scheduler that many people look on: runs a second with 200 live viewers and without.

``python -m tests.benchmarks.viewers HOST PORT TOKENS PATH ...`` is such an audience: a connection a
path, of one of the tokens by turns, whose bytes are read and thrown away. It is a process of its own with
the lowest priority, since in life the viewers' browsers are on other machines.
"""

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from statistics import median
from urllib.parse import urlsplit

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no types

from daemon.planning.planned import Ask
from tests.benchmarks.daemons import PIPELINES, daemon, filled
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.runs import days, took_s

RUNS = 1_000
ROUNDS = 3
PAGES = 150  # that wait for a sign to look again
FOLLOWERS = 50  # of all facts
TOKENS = 4
AS_GOOD_AS_ALONE = Target("ratio", "at least", 0.9)


def viewers(surroundings: Surroundings) -> Sequence[Row]:
    """Rounds with an audience and without, by turns; medians."""
    count = surroundings.count(RUNS)
    alone: list[float] = []
    watched: list[float] = []
    spent_s: list[float] = []
    with (
        surroundings.database() as url,
        daemon(surroundings.home(), PIPELINES / "no_op.py", database_url=url, with_web=True) as served,
    ):
        assert served.announced.url is not None
        tokens = made_tokens(served.announced.url)
        for round_ in range(ROUNDS):
            for found, is_watched in ((alone, False), (watched, True)):
                after = (2 * round_ + is_watched) * count
                with audience(served.announced.url, tokens) if is_watched else ExitStack():
                    before_s = web_cpu_s(served.announced.pid)
                    facts = awaited(filled, url, Ask(("no_op",), days(count, after=after)))
                    if is_watched:
                        spent_s.append(web_cpu_s(served.announced.pid) - before_s)
                found.append(count / took_s(facts))
    return [
        row(
            f"runs a second with {PAGES + FOLLOWERS} live viewers, beside none",
            median(watched),
            "runs/s",
            baseline=median(alone),
            target=AS_GOOD_AS_ALONE,
        ),
        row(f"CPU of the web process for {count:,} runs with those viewers", median(spent_s), "s"),
    ]


def web_cpu_s(daemon_pid: int) -> float:
    """What the web process of a daemon has spent since it began."""
    (web,) = (each for each in psutil.Process(daemon_pid).children() if each.cmdline()[-1] == "daemon.web")
    times = web.cpu_times()
    return float(times.user + times.system)


def made_tokens(url: str) -> str:
    """The secrets of viewers, with commas between."""
    asked = [{"name": f"viewer {number}", "role": "viewer"} for number in range(TOKENS)]
    made = [httpx.post(f"{url}/api/v1/tokens", json=each).raise_for_status().json() for each in asked]
    return ",".join(each["secret"] for each in made)


@contextmanager
def audience(url: str, tokens: str) -> Iterator[None]:
    """Viewers, all of whom look on before the block begins."""
    address = urlsplit(url)
    paths = ["/api/v1/changes"] * PAGES + ["/api/v1/log/stream"] * FOLLOWERS
    arguments = [str(address.hostname), str(address.port), tokens, *paths]
    command = [sys.executable, "-m", "tests.benchmarks.viewers", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == b"all are there\n"
        try:
            yield
        finally:
            watching.kill()


def watch(host: str, port: int, tokens: str, paths: Sequence[str]) -> None:
    """Look on, for ever."""
    os.nice(19)
    waiting = len(paths)
    with selectors.DefaultSelector() as selector:
        for path, token in zip(paths, cycle(tokens.split(",")), strict=False):
            connection = socket.create_connection((host, port))
            asks = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}"
            connection.sendall(f"GET {path} HTTP/1.1\r\n{asks}\r\n\r\n".encode())
            selector.register(connection, selectors.EVENT_READ, data=[True])
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                received = key.fileobj.recv(1 << 16)
                assert received, "a viewer was turned away"
                if key.data:
                    assert received.startswith(b"HTTP/1.1 200"), received
                    key.data.clear()
                    waiting -= 1
                    if not waiting:
                        sys.stdout.write("all are there\n")
                        sys.stdout.flush()


if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:])
