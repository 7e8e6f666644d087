"""Moments as they are typed, and the places in a log that they mean."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.moment import Moment, moment_of, typed_moment
from events.envelope import Event
from events.facts import PoolConfigured
from events.ids import new_id
from events.memory import MemoryLog
from events.seeking import LATE_MAX, position_by

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


async def log_of(*times: float) -> MemoryLog:
    """A log with a fact at each of these minutes past noon."""
    log = MemoryLog()
    await log.append([Event(new_id(NOON), minutes(time), "story", PoolConfigured("p")) for time in times])
    return log


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01T12:30", datetime(2024, 3, 1, 12, 30, tzinfo=UTC)),
        ("2024-03-01 12:30:15.5", datetime(2024, 3, 1, 12, 30, 15, 500_000, tzinfo=UTC)),
        ("2024-03-01T12:30Z", datetime(2024, 3, 1, 12, 30, tzinfo=UTC)),
        ("2024-03-01T12:30+02:00", datetime(2024, 3, 1, 10, 30, tzinfo=UTC)),
        ("2h", minutes(-120)),
        ("1d12h", minutes(-36 * 60)),
        ("90 s", minutes(-1.5)),
        ("1.5min ago", minutes(-1.5)),
        ("2w", minutes(-14 * 24 * 60)),
        ("now", NOON),
        (" 2h ", minutes(-120)),
    ],
)
def test_times_and_times_ago(text: str, at: datetime) -> None:
    assert typed_moment(text, "--as-of").time(NOON) == at


@pytest.mark.parametrize(("text", "position"), [("17", 17), ("1,234", 1234), ("1_000", 1000), ("0", 0)])
def test_positions(text: str, position: int) -> None:
    typed = typed_moment(text, "--as-of")
    assert (typed.position, typed.time(NOON)) == (position, None)


@pytest.mark.parametrize("text", ["", "soon", "2h3", "h", "-3", "2024-13-01", "2 fortnights", "1e3"])
def test_what_is_no_moment_is_told_with_what_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"--since: .* is no moment; give a time such as 2024-03-01T12:00"):
        typed_moment(text, "--since")


@pytest.mark.parametrize("text", ["99999999999999999d", "9" * 400 + "d", "9" * 5_000])
def test_a_time_longer_than_time_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError):
        typed_moment(text, "--as-of").time(NOON)


@pytest.mark.parametrize(("at", "position"), [(-1, 0), (0, 1), (0.5, 1), (1, 2), (2.5, 4), (3, 5), (60, 5)])
async def test_a_time_means_the_last_fact_that_was_there(at: float, position: int) -> None:
    log = await log_of(0, 1, 2, 2, 3)
    assert await position_by(log, minutes(at)) == position


async def test_what_was_recorded_late_was_not_known_when_it_happened() -> None:
    """Runs went on while no daemon was there; a minute after noon nobody had read their reports."""
    log = await log_of(0, 30, 1, 2, 3, 31)
    assert await position_by(log, minutes(10)) == 1
    assert await position_by(log, minutes(30)) == 5
    many = await log_of(0, 30, *([1] * (LATE_MAX - 1)))
    assert await position_by(many, minutes(10)) == 1


async def test_a_moment_of_a_log() -> None:
    log = await log_of(0, 1, 2)
    for text, moment in {
        "2": Moment(2, minutes(1)),
        "2024-03-01T12:01:30": Moment(2, minutes(1.5)),
        "1h": Moment(3, minutes(2)),
    }.items():
        assert await moment_of(log, typed_moment(text, "--as-of"), minutes(62)) == moment


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("4", "there is no position 4: the log has 3 facts, counted from 1."),
        ("0", "there is no position 0: the log has 3 facts, counted from 1."),
        (
            "2024-03-01",
            "nothing is known of 2024-03-01 00:00:00 UTC: the log begins at 2024-03-01 12:00:00 UTC.",
        ),
        ("2024-03-02", "2024-03-02 00:00:00 UTC is yet to come: it is 2024-03-01 13:00:00 UTC."),
    ],
)
async def test_a_moment_that_the_log_does_not_have(text: str, sentence: str) -> None:
    with pytest.raises(RefusedError) as error:
        await moment_of(await log_of(0, 1, 2), typed_moment(text, "--as-of"), minutes(60))
    assert str(error.value) == sentence


async def test_before_the_first_fact_is_a_moment_where_that_is_allowed() -> None:
    log = await log_of(0, 1, 2)
    for text in ("0", "2024-03-01"):
        moment = await moment_of(log, typed_moment(text, "--from"), minutes(60), or_beginning=True)
        assert moment.position == 0
        assert str(moment).endswith(", before the first fact")


async def test_an_empty_log_has_no_moments() -> None:
    with pytest.raises(RefusedError, match="the log is empty"):
        await moment_of(MemoryLog(), typed_moment("2h", "--as-of"), NOON)
