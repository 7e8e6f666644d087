"""At most one leads a log, and leading goes with the connection."""

import anyio
import pytest
from sqlalchemy import text

from events.attendance import Attendant
from events.driver import database_url as parsed
from events.driver import make_engine
from events.errors import LogUnavailableError
from events.leadership import LEASE_S, Leadership
from events.postgres import PostgresLog
from tests.contract.told import event

HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


async def hang_up(url: str) -> None:
    """End every other connection to the database."""
    engine = make_engine(parsed(url), pooled=False)
    async with engine.connect() as connection:
        await connection.execute(text(HANG_UP))
    await engine.dispose()


async def test_one_leads_and_the_next_when_it_is_gone(database_url: str) -> None:
    async with Leadership(database_url) as second:
        async with Leadership(database_url) as first:
            assert await first.try_to_lead()
            assert await first.try_to_lead()
            assert not await second.try_to_lead()
            assert (await second.attendance()).is_led
        assert not (await second.attendance()).is_led
        assert await second.try_to_lead()


async def test_a_lock_that_went_with_its_connection_is_noticed_and_taken_again(database_url: str) -> None:
    async with Leadership(database_url) as leadership:
        assert await leadership.try_to_lead()
        await hang_up(database_url)
        with pytest.raises(LogUnavailableError):
            await leadership.try_to_lead()
        assert await leadership.try_to_lead()


async def test_a_lock_that_another_took_meanwhile_is_not_held_any_more(database_url: str) -> None:
    async with Leadership(database_url) as first, Leadership(database_url) as second:
        assert await first.try_to_lead()
        await hang_up(database_url)
        assert await second.try_to_lead()
        with pytest.raises(LogUnavailableError):
            await first.try_to_lead()
        assert not await first.try_to_lead()


async def test_daemons_are_known_by_their_sessions(database_url: str) -> None:
    first, second = Attendant(17, "kitchen"), Attendant(18, "h" * 60)
    async with Leadership(database_url, attendant=first) as one:
        assert await one.try_to_lead()
        async with Leadership(database_url, attendant=second) as other, Leadership(database_url) as asker:
            assert not await other.try_to_lead()
            there = await asker.attendance()
            assert (there.is_led, there.leader) == (True, first)
            (standby,) = there.standbys
            assert standby.pid == 18
            assert second.host.startswith(standby.host), "a name too long for PostgreSQL is cut"
        with anyio.fail_after(10):
            while (await one.attendance()).standbys:  # noqa: ASYNC110 -- another session is waited for.
                await anyio.sleep(0.01)


async def test_the_lease_of_a_daemon_that_says_nothing_any_more_ends(database_url: str) -> None:
    """As when it was stopped, or when its machine is gone: its session is open and silent."""
    async with (
        Leadership(database_url, attendant=Attendant(1, "silent")) as silent,
        Leadership(database_url, attendant=Attendant(2, "waiting")) as waiting,
    ):
        assert await silent.try_to_lead()
        with anyio.fail_after(LEASE_S + 1):
            while not await waiting.try_to_lead():  # noqa: ASYNC110 -- the lease's end is waited for.
                await anyio.sleep(0.1)
        with pytest.raises(LogUnavailableError):
            await silent.try_to_lead()
        assert not await silent.try_to_lead()


async def test_a_session_that_keeps_everybody_from_appending_is_ended(migrated_url: str) -> None:
    stopped = make_engine(parsed(migrated_url), pooled=False)
    async with (
        stopped.connect() as session,
        PostgresLog(migrated_url) as log,
        Leadership(migrated_url) as leadership,
    ):
        assert await leadership.free_the_head() == 0
        await session.execute(text("SELECT position FROM log_head FOR UPDATE"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(log.append, [event("waits")])
            with anyio.fail_after(10):
                while not await leadership.free_the_head():  # noqa: ASYNC110 -- another session waits.
                    await anyio.sleep(0.01)
        assert await log.head() == 1
        await session.invalidate()
    await stopped.dispose()
