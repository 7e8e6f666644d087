"""Who is there for a log, for whoever asks again and again."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon.clock import ManualClock
from daemon.operations.live import ATTENDANCE_KEPT, LiveAttendance
from events.errors import LogUnavailableError
from events.leadership import Leadership

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


async def test_it_is_asked_anew_once_it_is_a_second_old(database_url: str) -> None:
    clock = ManualClock(NOON)
    attending = LiveAttendance(database_url, clock)
    async with Leadership(database_url) as leadership:
        assert not (await attending.lately()).is_led
        assert await leadership.try_to_lead()
        assert not (await attending.lately()).is_led
        clock.advance(ATTENDANCE_KEPT)
        assert (await attending.lately()).is_led
    assert (await attending.lately()).is_led
    # A clock that was set back does not keep it for longer.
    clock.advance(timedelta(days=-1))
    assert not (await attending.lately()).is_led


async def test_a_database_that_is_gone_is_told_each_time() -> None:
    attending = LiveAttendance("postgresql://nobody@127.0.0.1:1/none", ManualClock(NOON))
    for _ in range(2):
        with pytest.raises(LogUnavailableError):
            await attending.lately()
