"""A real daemon, `backfilld up` in a process of its own, and backfills that it carries out."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from daemon.cli.up import Announcement
from daemon.clock import SystemClock
from daemon.operations.launching import new_backfill_id, request
from daemon.operations.records import Place, Records
from daemon.planning.planned import Ask
from events.envelope import Recorded
from events.facts import BackfillCompleted, PoolConfigured
from events.log import Filter
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore

PIPELINES = Path(__file__).parent / "pipelines"
LOOK_EVERY_S = 0.1  # whether a backfill has ended; two small queries each time
STOP_TIMEOUT_S = 60.0


class Daemon(msgspec.Struct, frozen=True):
    """A daemon that serves."""

    announced: Announcement
    ready_s: float  # from the start of its process until it said that it serves


@contextmanager
def daemon(
    home: Path, code: Path, *, database_url: str | None = None, with_web: bool = False
) -> Iterator[Daemon]:
    """A daemon with its default settings; SIGTERM ends it with the block.

    :param database_url: None: the embedded database of the home, which the daemon starts and stops.
    """
    home.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "daemon.cli", "up", str(code)),
        *("--home", str(home), "-o", "json", "--log-level", "warning"),
        *(("--port", "0") if with_web else ("--no-web",)),
        *(("--database", database_url) if database_url else ()),
    ]
    with (home / "daemon.log").open("ab") as said:
        began_at = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as child:
            assert child.stdout is not None
            line = child.stdout.readline()
            ready_s = time.perf_counter() - began_at
            assert line, (home / "daemon.log").read_text()
            try:
                yield Daemon(msgspec.json.decode(line, type=Announcement), ready_s)
            finally:
                child.terminate()
                child.wait(STOP_TIMEOUT_S)


async def configured(database_url: str, pool: PoolConfigured) -> None:
    """Record the limits of a pool, which the daemon follows at once."""
    async with PostgresLog(database_url) as log, ProjectionStore(database_url) as store:
        records = Records(Place(Path(), database_url, "bench"), log, store, SystemClock())
        await records.record(await records.world(), None, lambda _: (pool,))


async def filled(database_url: str, ask: Ask) -> Sequence[Recorded]:
    """The facts of a backfill that was asked for now and succeeded.

    Nobody follows it, so that following costs it nothing: the log is asked now and then whether it has ended,
    and its own times tell the rest.
    """
    async with PostgresLog(database_url) as log, ProjectionStore(database_url) as store:
        records = Records(Place(Path(), database_url, "bench"), log, store, SystemClock())
        backfill_id = new_backfill_id()
        await request(records, await records.world(), lambda *_: ask, backfill_id)
        ends: list[Recorded] = []
        while not ends:
            await anyio.sleep(LOOK_EVERY_S)
            ends = await matching(log, Filter(backfill_id, types=frozenset({BackfillCompleted.__name__})))
        end = ends[0].fact
        assert isinstance(end, BackfillCompleted)
        assert end.outcome == "succeeded", end
        return await matching(log, Filter(backfill_id))


async def matching(log: PostgresLog, wanted: Filter) -> list[Recorded]:
    """The facts there are of a kind."""
    return [recorded async for recorded in each_of(log, wanted)]


async def each_of(log: PostgresLog, wanted: Filter) -> AsyncIterator[Recorded]:
    """Those facts one by one."""
    async for batch in log.read(matching=wanted):
        for recorded in batch:
            yield recorded
