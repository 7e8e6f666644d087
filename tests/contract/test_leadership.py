"""At most one leads a log, and leading goes with the connection."""

import pytest
from sqlalchemy import text

from events.driver import database_url as parsed
from events.driver import make_engine
from events.errors import LogUnavailableError
from events.leadership import Leadership

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
            assert await second.is_held()
        assert not await second.is_held()
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
