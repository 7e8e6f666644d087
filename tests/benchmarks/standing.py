"""A daemon that starts on a long log, and one that has nothing to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import anyio
import psutil  # type: ignore[import-untyped]  # it ships no types

from daemon.demo import pipeline
from daemon.planning.planned import Ask
from daemon.service.keeping import SNAPSHOT_EVERY_FACTS
from events.embedded import embedded_database, locate
from events.envelope import Event
from events.migrating import migrate
from events.postgres import PostgresLog
from tests.benchmarks.daemons import PIPELINES, daemon, filled
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.history import History
from tests.benchmarks.runs import days

FACTS = 1_000_000
APPEND_BATCH = 20_000
STARTS = 3
IDLE_RUNS = 20
SETTLE_S = 5.0
IDLE_S = 20.0


def restart(surroundings: Surroundings) -> Sequence[Row]:
    """Seconds from the start of `backfilld up` to its being ready, the embedded database started too.

    On a million facts: without a snapshot, as after a new version that cannot use the old one; after a clean
    stop, which left one; and as many facts after a snapshot as a daemon that is killed may leave.
    """
    count = History.whole(surroundings.count(FACTS))
    past_snapshot = History.whole(SNAPSHOT_EVERY_FACTS) - 1
    home, code = surroundings.home(), Path(pipeline.__file__)
    events = History().events()
    with running(home) as url:
        awaited(append, url, islice(events, count))
    with daemon(home, code) as first:
        assert first.announced.backfills_active == 0, "it has nothing to go on with"
    after_stop_s = []
    for _ in range(STARTS):
        with daemon(home, code) as again:
            after_stop_s.append(again.ready_s)
    with running(home) as url:
        awaited(append, url, islice(events, past_snapshot))
    with daemon(home, code) as after_kill:
        pass
    in_2_s = Target("measured", "at most", 2)
    return [
        row(f"restart, {count:,} facts, after a clean stop", median(after_stop_s), "s", target=in_2_s),
        row(
            f"restart, {count:,} facts, {past_snapshot:,} past the snapshot",
            after_kill.ready_s,
            "s",
            target=in_2_s,
        ),
        row(f"start, {count:,} facts, no snapshot", first.ready_s, "s"),
    ]


@contextmanager
def running(home: Path) -> Iterator[str]:
    """The embedded database of a home, ready for a log."""
    with embedded_database(home) as url:
        awaited(migrate, url)
        yield url


async def append(url: str, events: Iterator[Event]) -> None:
    """Puts the events into the log, many at a time."""
    async with PostgresLog(url) as log:
        while batch := list(islice(events, APPEND_BATCH)):
            await log.append(batch)


def idle(surroundings: Surroundings) -> Sequence[Row]:
    """Percent of a core that a daemon with nothing to do uses, with its zygote and its database.

    It has carried out a small backfill before, and had a moment to bring its tables up to date.
    """
    home = surroundings.home()
    with daemon(home, PIPELINES / "no_op.py") as served:
        database = locate(home)
        assert database.url is not None
        awaited(filled, database.url, Ask(("no_op",), days(IDLE_RUNS)))
        anyio.run(anyio.sleep, SETTLE_S)
        server = int((database.data_folder / "postmaster.pid").read_text().split()[0])
        before = [cpu_s(served.announced.pid, without=server), cpu_s(server)]
        anyio.run(anyio.sleep, IDLE_S)
        after = [cpu_s(served.announced.pid, without=server), cpu_s(server)]
    daemon_s, server_s = (end - start for start, end in zip(before, after, strict=True))
    return [
        row("idle daemon", 100 * daemon_s / IDLE_S, "% of a core"),
        row("its idle PostgreSQL", 100 * server_s / IDLE_S, "% of a core"),
        row(
            "idle daemon and its PostgreSQL",
            100 * (daemon_s + server_s) / IDLE_S,
            "% of a core",
            target=Target("measured", "at most", 1),
        ),
    ]


def cpu_s(pid: int, *, without: int | None = None) -> float:
    """Seconds of a core that a process and all below it have used, those that have ended too.

    :param without: a process below it that is left out, with all below that.
    """
    root = psutil.Process(pid)
    below = set(root.children(recursive=True))
    if without is not None:
        server = psutil.Process(without)
        below -= {server, *server.children(recursive=True)}
    return sum(sum(each.cpu_times()[:4]) for each in (root, *below))
