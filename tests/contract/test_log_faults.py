"""The log among several writers, and when its database goes away."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskStatus
from sqlalchemy import make_url

from events.adopting import Head
from events.embedded import data_folder, embedded_database
from events.envelope import Event
from events.errors import LogUnavailableError
from events.log import Appended, HeadMoved
from events.migrating import migrate
from events.pgserver import Server
from events.postgres import PostgresLog
from events.rows import Row
from events.verifying import Verified
from tests.contract import log_process
from tests.contract.told import event, events, everything, ids, positions
from tests.databases import administer

ROOT = Path(__file__).parents[2]
WRITERS = 4
HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def run_process(what: str, url: str, name: str) -> None:
    """Runs `tests.contract.log_process` to its good end."""
    await anyio.run_process([sys.executable, "-m", log_process.__name__, what, url, name], cwd=ROOT)


async def steps(count: int) -> None:
    """Lets everybody else run that many times."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def append_in_a_task(
    log: PostgresLog, told: Sequence[Event], *, task_status: TaskStatus[asyncio.Task[object]]
) -> None:
    """Appends in a task that may be cancelled behind anyio's back, so that no shield helps."""
    task = asyncio.current_task()
    assert task is not None
    task_status.started(task)
    with suppress(asyncio.CancelledError):
        await log.append(told)


async def insist(log: PostgresLog, told: Sequence[Event]) -> None:
    """Appends, again and again while the database is away."""
    with anyio.fail_after(30):
        while True:
            try:
                await log.append(told)
            except LogUnavailableError:
                await anyio.lowlevel.checkpoint()
            else:
                return


@asynccontextmanager
async def following(log: PostgresLog) -> AsyncIterator[Callable[[int], Awaitable[list[str]]]]:
    """Follows the log from its beginning; gives what waits for so many facts and gives all their ids."""
    got: list[str] = []
    grown = anyio.Event()

    async def follow() -> None:
        nonlocal grown
        async for batch in log.follow(after=0):
            got.extend(ids(batch))
            grown.set()
            grown = anyio.Event()

    async def wait_for(count: int) -> list[str]:
        with anyio.fail_after(30):
            while len(got) < count:
                await grown.wait()
        return got

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        yield wait_for
        tasks.cancel_scope.cancel()


async def test_a_reader_sees_no_gap_while_processes_write(migrated_url: str) -> None:
    seen: list[int] = []
    async with PostgresLog(migrated_url) as log:

        async def read_like_a_cursor(upto: int) -> None:
            while len(seen) < upto:
                async for batch in log.read(after=seen[-1] if seen else 0):
                    seen.extend(positions(batch))

        each = log_process.APPENDS - log_process.APPENDS // log_process.BULK_EVERY
        total = WRITERS * (each + log_process.APPENDS // log_process.BULK_EVERY * log_process.BULK)
        with anyio.fail_after(120):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read_like_a_cursor, total)
                for number in range(WRITERS):
                    tasks.start_soon(run_process, "append", migrated_url, f"writer{number}")
        assert seen == list(range(1, total + 1))
        assert isinstance(await log.verify(), Verified)


async def test_two_logs_on_one_database_take_turns(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as one, PostgresLog(migrated_url) as other:
        for number in range(1, 11, 2):
            assert await one.append([event(f"{number}")]) == Appended((number,), number)
            assert await other.append([event(f"{number + 1}")]) == Appended((number + 1,), number + 1)
        assert await one.append([event("stale")], expected_head=9) == HeadMoved(10)
        assert await other.append([event("first")], expected_head=10) == Appended((11,), 11)
        assert await one.append([event("second")], expected_head=10) == HeadMoved(11)
        assert isinstance(await one.verify(), Verified)


async def test_a_writer_that_always_loses_the_race_takes_the_lock(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PostgresLog(migrated_url) as slow, PostgresLog(migrated_url) as quick:
        send = slow._writer._send
        lost = 0

        async def send_too_late(fresh: list[Row], head: Head) -> int | None:
            nonlocal lost
            lost += 1
            await quick.append([event(f"quick{lost}")])
            return await send(fresh, head)

        monkeypatch.setattr(slow._writer, "_send", send_too_late)
        assert await slow.append([event("slow")]) == Appended((lost + 1,), lost + 1)
        assert lost == 3


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("cancelled_by", ["anyio", "asyncio"])
async def test_an_append_cancelled_at_any_moment_and_repeated_is_recorded_once(
    postgres_log: PostgresLog, cancelled_by: str, count: int
) -> None:
    await postgres_log.append([event("connected")])
    for moment in range(50):
        told = events(f"{moment}-", count)
        if cancelled_by == "anyio":
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(postgres_log.append, told)
                await steps(moment)
                tasks.cancel_scope.cancel()
        else:
            async with anyio.create_task_group() as tasks:
                begun = await tasks.start(append_in_a_task, postgres_log, told)
                await steps(moment)
                begun.cancel()
        answer = await postgres_log.append(told)
        first = moment * count + 2
        assert answer == Appended(tuple(range(first, first + count)), first + count - 1)
    assert isinstance(await postgres_log.verify(), Verified)


@pytest.mark.parametrize("count", [1, 40])
async def test_an_append_whose_connection_breaks_and_is_repeated_is_recorded_once(
    postgres_log: PostgresLog, migrated_url: str, count: int
) -> None:
    await postgres_log.append([event("connected")])
    unknown = 0
    for moment in range(20):
        told = events(f"{moment}-", count)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(administer, migrated_url, HANG_UP)
            await steps(10 * moment)
            for _ in range(10):
                try:
                    await postgres_log.append(told)
                except LogUnavailableError:
                    unknown += 1
        await insist(postgres_log, told)
    assert unknown > 0
    assert len(await everything(postgres_log)) == 20 * count + 1
    assert isinstance(await postgres_log.verify(), Verified)


async def test_a_follower_is_woken_and_does_not_wait_for_the_poll(migrated_url: str) -> None:
    async with (
        PostgresLog(migrated_url, poll_s=3600) as log,
        PostgresLog(migrated_url) as writer,
        following(log) as got,
    ):
        for number in range(3):
            await writer.append([event(str(number))])
            await got(number + 1)


async def test_a_follower_whose_notifications_are_lost_polls(migrated_url: str) -> None:
    async with (
        PostgresLog(migrated_url, poll_s=0.02) as log,
        PostgresLog(migrated_url) as writer,
        following(log) as got,
    ):
        await writer.append([event("heard")])
        await got(1)
        await log._bell._driver.execute("UNLISTEN *")
        await writer.append([event("not heard")])
        await got(2)


async def test_a_follower_whose_connections_break_listens_anew(migrated_url: str) -> None:
    async with (
        PostgresLog(migrated_url, poll_s=3600) as log,
        PostgresLog(migrated_url) as writer,
        following(log) as got,
    ):
        for number in range(3):
            await administer(migrated_url, HANG_UP)
            await insist(writer, [event(f"{number}")])
            await got(number + 1)


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home whose server may be stopped."""
    with tempfile.TemporaryDirectory(prefix="backfilld-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_follower_misses_and_repeats_nothing_when_the_database_is_restarted(own_home: Path) -> None:
    with embedded_database(own_home) as url:
        await migrate(url)
        server = Server(data_folder(own_home))
        told = events("a", 30)
        async with PostgresLog(url, poll_s=0.05) as log, following(log) as got:
            for number, each in enumerate(told, start=1):
                if number % 10 == 5:
                    await anyio.to_thread.run_sync(server.stop)
                    with pytest.raises(LogUnavailableError):
                        await log.append([each])
                    await anyio.to_thread.run_sync(server.start)
                await insist(log, [each])
            assert await got(30) == ids(told)
            assert isinstance(await log.verify(), Verified)


async def test_an_unreachable_database_is_said_to_be_so_without_its_password(migrated_url: str) -> None:
    url = make_url(migrated_url).set(host="127.0.0.1", port=1, query={}, password="secret")
    async with PostgresLog(url.render_as_string(hide_password=False)) as log:
        for call in (log.head, log.verify, lambda: log.append([event("1")])):
            with pytest.raises(LogUnavailableError) as raised:
                await call()
            assert "127.0.0.1:1" in raised.value.where
            assert "secret" not in str(raised.value)
