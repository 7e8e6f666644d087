"""Hours of the day, by the clocks of a zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.daily_hours import daily_hours, hours_of

NIGHT = "22:00-06:00 Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time", "holds"),
    [
        ("09:00-17:00", "2024-06-01 09:00", True),
        ("09:00-17:00", "2024-06-01 16:59", True),
        ("09:00-17:00", "2024-06-01 17:00", False),
        (NIGHT, "2024-06-01 19:59", False),  # 21:59 in Berlin
        (NIGHT, "2024-06-01 20:00", True),
        (NIGHT, "2024-06-02 03:59", True),
        (NIGHT, "2024-06-02 04:00", False),
        ("18:00-24:00", "2024-06-01 23:59", True),
        ("18:00-24:00", "2024-06-02 00:00", False),
    ],
)
def test_hours_hold_from_their_beginning_to_before_their_end(text: str, time: str, holds: bool) -> None:
    assert daily_hours(text).hold(at(time)) is holds


@pytest.mark.parametrize(
    ("text", "time", "begins"),
    [
        ("09:00-17:00", "2024-06-01 08:00", "2024-06-01 09:00"),
        ("09:00-17:00", "2024-06-01 09:00", "2024-06-02 09:00"),
        (NIGHT, "2024-06-01 12:00", "2024-06-01 20:00"),
        (NIGHT, "2024-12-01 12:00", "2024-12-01 21:00"),
        # Clocks go from 2:00 to 3:00: what would begin at 2:30 begins when they show 3:30.
        ("02:30-05:00 Europe/Berlin", "2024-03-31 00:00", "2024-03-31 01:30"),
    ],
)
def test_they_begin_again_at_the_next_such_time(text: str, time: str, begins: str) -> None:
    assert daily_hours(text).begin_after(at(time)) == at(begins)


@given(st.integers(0, 366 * 24 * 60), st.sampled_from([NIGHT, "09:00-17:00"]))
def test_outside_of_them_they_hold_when_they_begin_and_not_before(minute: int, text: str) -> None:
    hours, now = daily_hours(text), at("2024-01-01") + timedelta(minutes=minute)
    begins = hours.begin_after(now)
    assert begins > now
    assert hours.hold(begins)
    if not hours.hold(now):
        assert not hours.hold(now + (begins - now) / 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("late", "'late' are no hours of the day; write them as 22:00-06:00 Europe/Berlin"),
        ("22:00-26:00", "'22:00-26:00' has a time that no day has"),
        ("22:00-22:00", "'22:00-22:00' begin and end at the same time"),
        ("22:00-06:00 Berlin", "'Berlin' is no time zone; write its IANA name, such as Europe/Berlin"),
    ],
)
def test_other_text_is_refused_with_what_would_do(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        daily_hours(text)
    assert said in str(refused.value)
    assert hours_of(text) is None
