"""Partitions as Dagster answers them: every case of the table."""

import hashlib
from datetime import datetime

import pytest

from backfilld.errors import InvalidDefinitionError
from backfilld.manifest import to_plain
from backfilld.partitions.pairs import time_windows_of
from tests.sdk_tables import Case, cases, definition_of, partitions_at

REFUSED = [case for case in cases("partitions") if "error" in case]
ANSWERED = [case for case in cases("partitions") if "error" not in case and "suspect" not in case]
SUSPECT = [case for case in cases("partitions") if "suspect" in case]


def test_no_case_is_lost() -> None:
    assert (len(ANSWERED), len(REFUSED), len(SUSPECT)) == (159, 17, 4)


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_keys_and_windows_are_those_of_the_table(case: Case) -> None:
    definition = definition_of(case["definition"])
    assert definition is not None
    definition.validate()
    partitions = partitions_at(definition, case["now"])
    keys = list(partitions)
    assert len(partitions) == len(keys) == case["count"]
    listed = [*keys[:15], *keys[-15:]] if case.get("keys_truncated") else keys
    assert listed == case["keys"]
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest() == case["keys_sha256"]
    assert [partitions.ordinal(key) for key in keys] == list(range(len(keys)))
    assert [partitions.key(ordinal) for ordinal in range(len(keys))] == keys
    for key, window in (case["windows"] or {}).items():
        windows, ordinals = time_windows_of(partitions, partitions.ranges_of([(key, key)]))
        found = windows.window(ordinals.first)
        assert [at.timestamp() for at in found] == [datetime.fromisoformat(at).timestamp() for at in window]


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_a_definition_is_the_same_after_a_way_through_the_manifest(case: Case) -> None:
    definition = definition_of(case["definition"])
    again = definition_of(to_plain(definition))
    assert again == definition
    assert hash(again) == hash(definition)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["id"])
def test_what_dagster_refuses_is_refused_where_dagster_does(case: Case) -> None:
    if case["error"]["stage"] == "construct":
        with pytest.raises(InvalidDefinitionError, match="expected"):
            definition_of(case["definition"])
    else:
        definition = definition_of(case["definition"])
        assert definition is not None
        with pytest.raises(InvalidDefinitionError):
            definition.validate()


def test_where_dagster_is_wrong_we_are_not() -> None:
    keys = {
        case["id"]: list(partitions_at(definition_of(case["definition"]), case["now"])) for case in SUSPECT
    }
    assert keys == {
        # Hours stay on the schedule behind a half-hour change.
        "core-hourly-lord-howe-fall": [f"2024-04-0{d}" for d in _hours("6-22 6-23 7-00 7-01 7-02 7-03 7-04")],
        "core-hourly-lord-howe-spring": [f"2024-10-0{d}" for d in _hours("5-22 5-23 6-00 6-01 6-03 6-04")],
        # Apia had no 30 December 2011.
        "core-daily-apia-date-line": [
            *(f"2011-12-{day}" for day in (26, 27, 28, 29, 31)),
            *(f"2012-01-0{day}" for day in (1, 2, 3)),
        ],
        # The only month that has begun ends behind the end date.
        "random-058": [],
    }


def _hours(text: str) -> list[str]:
    return [f"{hour}:00" for hour in text.split()]
