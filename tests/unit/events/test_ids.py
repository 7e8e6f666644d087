"""Ids: UUIDv7 that sort by time, fresh or derived."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest

from events.ids import derived_id, new_id

AT = datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("text", [new_id(AT), derived_id(AT, "a")])
def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time(text: str) -> None:
    uuid = UUID(text)
    assert str(uuid) == text
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert uuid.int >> 80 == 1_709_294_400_123


def test_a_published_time_gives_the_published_bits() -> None:
    # RFC 9562, A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00.
    at = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert derived_id(at, "anything").startswith("017f22e2-79b0-7")


def test_fresh_ids_differ_and_derived_ones_follow_from_time_and_names() -> None:
    assert len({new_id(AT) for _ in range(1_000)}) == 1_000
    assert derived_id(AT, "run", "1") == derived_id(AT, "run", "1")
    others = {
        derived_id(AT, *names) for names in [("run", "1"), ("run1",), ("ru", "n1"), ("run", "1", ""), ()]
    }
    assert len(others) == 5
    assert derived_id(AT + timedelta(milliseconds=1), "run", "1") > derived_id(AT, "run", "1")


def test_ids_sort_by_time() -> None:
    ids = [new_id(AT + timedelta(milliseconds=each)) for each in range(100)]
    assert sorted(ids) == ids


@pytest.mark.parametrize("at", [datetime(2024, 1, 1), datetime(1969, 12, 31, tzinfo=UTC)])  # noqa: DTZ001 - that is the point
def test_a_time_without_a_zone_or_before_1970_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="expected"):
        new_id(at)
