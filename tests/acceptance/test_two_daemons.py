"""Two daemons on one log: one leads, the other stands by and takes over, whatever becomes of the first."""

import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import AsyncResource, ByteStream
from sqlalchemy import make_url, text

from events.driver import database_url, make_engine
from events.facts import BackfillCompleted, LeaderElected, RunLost
from events.leadership import Leadership
from tests.acceptance.yard import AT_ONCE, DAYS, PATIENCE_S, Up, Yard, new_yard
from tests.databases import administer

TAKEN_OVER_WITHIN_S = 5.0


@pytest.fixture
async def yard(tmp_path: Path, migrated_url: str) -> AsyncIterator[Yard]:
    async with new_yard(tmp_path, migrated_url) as yard:
        yield yard


async def assert_stands_by(standby: Up, leader: Up) -> None:
    said = await standby.line()
    assert (said["ready"], said["pid"], said["leader_pid"]) == (False, standby.pid, leader.pid)


async def pair(yard: Yard, daemons: ExitStack, home: str, *options: str) -> tuple[Up, Up]:
    """A leader, and a standby with that home and those options."""
    leader = daemons.enter_context(yard.up())
    assert (await leader.line())["ready"]
    standby = daemons.enter_context(yard.up(home, *options))
    await assert_stands_by(standby, leader)
    return leader, standby


async def taken_over(yard: Yard, count: int, began_at: float) -> float:
    """The seconds from a moment until a leader was elected that makes it so many."""
    await yard.until_recorded(LeaderElected, count)
    return time.monotonic() - began_at


@pytest.mark.parametrize("home", ["home", "another"])
async def test_a_standby_takes_over_from_a_killed_leader_with_the_runs_under_way(
    yard: Yard, home: str
) -> None:
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, home)
        await yard.call("launch", "*", "--all")
        await yard.until_executed(AT_ONCE)
        killed_at = time.monotonic()
        leader.signal(signal.SIGKILL)
        assert await taken_over(yard, 2, killed_at) < TAKEN_OVER_WITHIN_S
        said = await standby.line()
        assert (said["ready"], said["home"]) == (True, str(yard.folder / "home"))
        yard.let_go()
        await yard.assert_filled_once()
        run_id = yard.executed()[-1].split()[-1]
        found = await yard.call("run", run_id, "--home", "another")
        assert found["folder"] == str(yard.folder / "home" / "runs" / run_id)
        standby.signal(signal.SIGTERM)
        assert await standby.ended() == 0
    assert [each.pid for each in await yard.leaders()] == [leader.pid, standby.pid]


async def test_a_leader_that_was_stopped_cannot_decide_when_it_wakes_up(yard: Yard) -> None:
    """It would launch eight at a time where its successor launches one: whatever it decides is seen."""
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, "home", "--max-concurrent", "1")
        await yard.call("launch", "*", "--all")
        await yard.until_executed(AT_ONCE)
        leader.signal(signal.SIGSTOP)
        await yard.until_recorded(LeaderElected, 2)
        assert (await standby.line())["ready"]
        for day in range(1, 9):
            yard.let_go(day)
        head = (await yard.until_started("raw 2024-01-09")).position
        leader.signal(signal.SIGCONT)
        await assert_stands_by(leader, standby)
        assert await yard.log.head() == head
        yard.let_go()
        await yard.assert_filled_once()
        standby.signal(signal.SIGTERM)
        assert await standby.ended() == 0
        assert (await leader.line())["ready"]
        leader.signal(signal.SIGTERM)
        assert await leader.ended() == 0
    assert [each.pid for each in await yard.leaders()] == [leader.pid, standby.pid, leader.pid]


async def test_a_leader_whose_machine_is_gone_is_replaced(yard: Yard) -> None:
    """As far as PostgreSQL can tell: its sessions stay open, and nothing comes through them any more."""
    async with line_to(yard.url) as line:
        with ExitStack() as daemons:
            leader = daemons.enter_context(yard.up("home", url=line.url))
            assert (await leader.line())["ready"]
            standby = daemons.enter_context(yard.up("another"))
            await assert_stands_by(standby, leader)
            line.cut()
            gone_at = time.monotonic()
            leader.signal(signal.SIGKILL)
            assert await taken_over(yard, 2, gone_at) < TAKEN_OVER_WITHIN_S
            assert (await standby.line())["home"] == str(yard.folder / "another"), "no run is under way"


async def test_what_a_stopped_leader_had_begun_to_append_keeps_nobody_from_leading(yard: Yard) -> None:
    """Its session stands for that of a leader that was stopped with the head of the log locked."""
    stopped = make_engine(database_url(yard.url), pooled=False)
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, "home")
        async with stopped.connect() as session:
            await session.execute(text("SELECT position FROM log_head FOR UPDATE"))
            leader.signal(signal.SIGKILL)
            assert await taken_over(yard, 2, time.monotonic()) < TAKEN_OVER_WITHIN_S
            await session.invalidate()
        assert (await standby.line())["ready"]
        assert "log.freed" in standby.said()
    await stopped.dispose()


async def test_a_database_that_is_restarted_changes_no_leader(yard: Yard) -> None:
    """Ended sessions are all that daemons see of it; a standby leaves the lock to the one that had it."""
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, "home")
        await yard.call("launch", "*", "--all")
        for day in range(1, 7):
            await yard.until_started(f"raw 2024-01-{day:02}")
            await administer(yard.url, END_ALL_SESSIONS)
            yard.let_go(day)
        yard.let_go()
        await yard.assert_filled_once()
        assert [each.pid for each in await yard.leaders()] == [leader.pid]
        async with Leadership(yard.url) as leadership:
            with anyio.fail_after(PATIENCE_S):
                there = await leadership.attendance()
                while not (there.leader and there.standbys):  # Both connect anew within a second or so.
                    await anyio.sleep(0.05)
                    there = await leadership.attendance()
        assert (there.leader.pid, [each.pid for each in there.standbys]) == (leader.pid, [standby.pid])


async def test_runs_out_of_reach_are_waited_for_or_given_up_and_never_run_twice(yard: Yard) -> None:
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, "another")
        await yard.call("launch", "*", "--all")
        await yard.until_executed(AT_ONCE)
        (yard.folder / "home").rename(yard.folder / "moved")
        leader.signal(signal.SIGKILL)
        hindered = await standby.line()
        assert (hindered["ready"], hindered["leader_pid"]) == (False, None)
        assert f" runs are under way in the home {yard.folder / 'home'} on " in hindered["hindrance"]
        there = (await yard.call("status"))["daemon"]
        assert (there["serving"], [each["pid"] for each in there["standbys"]]) == (False, [standby.pid])
        turned_away = daemons.enter_context(yard.up("third", "--no-standby"))
        assert await turned_away.ended() == 11
        assert "--give-up-unreachable" in turned_away.said()
        assert len(await yard.leaders()) == 1
        standby.signal(signal.SIGTERM)
        assert await standby.ended() == 0

        yard.end_runs()
        yard.let_go()
        successor = daemons.enter_context(yard.up("third", "--give-up-unreachable"))
        assert (await successor.line())["home"] == str(yard.folder / "third")
        completed = (await yard.until_recorded(BackfillCompleted)).fact
        assert completed == BackfillCompleted("succeeded", {"raw": DAYS, "clean": DAYS})
        lost = await yard.facts(RunLost)
        assert {each.position for each in lost} == {*range(lost[0].position, lost[0].position + AT_ONCE)}
        assert {each.run_id for each in lost} == {line.split()[2] for line in yard.executed()[:AT_ONCE]}


async def test_a_home_that_comes_back_is_led_from_again(yard: Yard) -> None:
    with ExitStack() as daemons:
        leader, standby = await pair(yard, daemons, "another")
        await yard.call("launch", "*", "--all")
        await yard.until_executed(AT_ONCE)
        (yard.folder / "home").rename(yard.folder / "moved")
        leader.signal(signal.SIGKILL)
        assert (await standby.line())["hindrance"]
        (yard.folder / "moved").rename(yard.folder / "home")
        again = daemons.enter_context(yard.up("home"))
        assert (await again.line())["ready"]
        yard.let_go()
        await yard.assert_filled_once()
        await assert_stands_by(standby, again)


END_ALL_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


class Line:
    """The way from a machine to the database, which can be cut without either end being told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._is_cut = False
        self._open: list[AsyncResource] = []

    def cut(self) -> None:
        """Nothing comes through any more; what is open stays so."""
        self._is_cut = True

    async def carry(self, near: ByteStream, far: ByteStream) -> None:
        """Hand on what comes from either end, until one closes or the line is cut."""
        self._open += (near, far)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hand_on, near, far)
            tasks.start_soon(self._hand_on, far, near)

    async def close(self) -> None:
        for each in self._open:
            await each.aclose()

    async def _hand_on(self, source: ByteStream, target: ByteStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for received in source:
                if self._is_cut:
                    break
                await target.send(received)
        if not self._is_cut:
            await source.aclose()
            await target.aclose()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """A line to the database, whose near end is a socket of its own."""
    parsed = make_url(url)
    with tempfile.TemporaryDirectory(prefix="line-") as folder:
        near_end = parsed.set(host=None, port=5432, query={"host": folder})
        line = Line(near_end.render_as_string(hide_password=False))

        async def connected(near: ByteStream) -> None:
            if "host" in parsed.query:
                far: ByteStream = await anyio.connect_unix(f"{parsed.query['host']}/.s.PGSQL.5432")
            else:
                far = await anyio.connect_tcp(str(parsed.host), parsed.port or 5432)
            await line.carry(near, far)

        async with (
            anyio.create_task_group() as tasks,
            await anyio.create_unix_listener(f"{folder}/.s.PGSQL.5432") as listener,
        ):
            tasks.start_soon(listener.serve, connected)
            yield line
            tasks.cancel_scope.cancel()
        await line.close()
