"""Partitions as Dagster answers them, and what is right where its answer is marked suspect."""

from collections import Counter

import pytest

from backfilld.manifest import to_plain
from tests.conformance.answers import judged
from tests.conformance.partitions import RULES, ComparedPartitions
from tests.conformance.tables import Case, cases, definition_of, partitions_at

CASES = cases("partitions")
ANSWERED = [case for case in CASES if "error" not in case]


def test_no_case_is_lost() -> None:
    assert len(CASES) == 180
    assert Counter(frozenset({"error", "suspect"} & case.keys()) for case in CASES) == {
        frozenset(): 159,
        frozenset({"error"}): 17,
        frozenset({"suspect"}): 4,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_all_agree_but_where_the_answer_is_suspect(case: Case) -> None:
    verdict = judged(ComparedPartitions(case), RULES)
    assert verdict.agrees or (verdict.explained and "suspect" in case), verdict


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_ordinals_and_keys_go_there_and_back(case: Case) -> None:
    partitions = partitions_at(definition_of(case["definition"]), case["now"])
    keys = list(partitions)
    assert [partitions.ordinal(key) for key in keys] == list(range(len(keys)))
    assert [partitions.key(ordinal) for ordinal in range(len(keys))] == keys


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_a_definition_is_the_same_after_a_way_through_the_manifest(case: Case) -> None:
    definition = definition_of(case["definition"])
    again = definition_of(to_plain(definition))
    assert again == definition
    assert hash(again) == hash(definition)


def test_where_dagster_is_wrong_we_are_not() -> None:
    keys = {
        case["id"]: list(partitions_at(definition_of(case["definition"]), case["now"]))
        for case in CASES
        if "suspect" in case
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


@pytest.mark.parametrize("wrong", ["error", "keys", "windows", "accepted"])
def test_another_answer_is_a_disagreement(wrong: str) -> None:
    case = next(case for case in ANSWERED if "suspect" not in case and case["windows"])
    first, *_ = case["windows"]
    refused = {"type": "ValueError", "message": "", "stage": "construct"}
    different: Case = {
        "error": {**case, "error": refused},
        "keys": {**case, "keys_sha256": "0" * 64, "keys": case["keys"][1:]},
        "windows": {**case, "windows": {first: ["2011-12-27T10:00:00+00:00"] * 2}},
        "accepted": {**case, "definition": {**case["definition"], "kwargs": {"start_date": "-"}}},
    }[wrong]
    assert judged(ComparedPartitions(case), RULES).agrees
    verdict = judged(ComparedPartitions(different), RULES)
    assert not verdict.agrees
    assert not verdict.explained


def test_times_of_a_day_that_a_zone_leaves_out_are_explained_and_others_not() -> None:
    schedule = {
        "start": "2011-12-29-00:00",
        "fmt": "%Y-%m-%d-%H:%M",
        "cron_schedule": "0 */12 * * *",
        "timezone": "Pacific/Apia",
    }
    case: Case = {
        "id": "apia",
        "definition": {"class": "TimeWindowPartitionsDefinition", "kwargs": schedule},
        "now": "2011-12-31T09:00:00+00:00",
        "windows": {},
    }
    keys = ["2011-12-29-00:00", "2011-12-29-12:00", "2011-12-30-00:00", "2011-12-30-12:00"]
    theirs = {"count": len(keys), "keys": keys, "keys_sha256": ""}
    assert judged(ComparedPartitions({**case, **theirs}), RULES).rules == ("no such day",)
    theirs["keys"] = ["2011-12-28-00:00", *keys]
    assert not judged(ComparedPartitions({**case, **theirs}), RULES).explained
