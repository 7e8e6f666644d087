"""Guessing at tokens is slow, for whoever guesses and for nobody else."""

from datetime import UTC, datetime, timedelta

from daemon.web.attempts import ADDRESSES_MAX, FAILURES_MAX, Attempts

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_address_waits_from_its_tenth_failure_until_the_first_is_a_minute_old() -> None:
    attempts = Attempts()
    for second in range(FAILURES_MAX):
        assert attempts.wait_s("a", after(second)) == 0
        attempts.failed("a", after(second))
    assert attempts.wait_s("a", after(FAILURES_MAX)) == 50
    assert attempts.wait_s("b", after(FAILURES_MAX)) == 0
    assert attempts.wait_s("a", after(59.5)) == 1
    assert attempts.wait_s("a", after(60)) == 0
    attempts.failed("a", after(60))
    assert attempts.wait_s("a", after(60)) == 1


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    attempts = Attempts()
    for number in range(ADDRESSES_MAX + 1):
        for _ in range(FAILURES_MAX):
            attempts.failed(str(number), NOON)
    assert attempts.wait_s("0", NOON) == 0
    assert attempts.wait_s("1", NOON) == 60
