"""Backfills as Dagster plans them, and what is right where we answer differently."""

import pytest

from daemon.refusal import Refused
from tests.conformance.answers import judged
from tests.conformance.plans import ComparedPlan
from tests.conformance.rules import RULES
from tests.conformance.tables import Case, cases

CASES = cases("plans")

# Every case in which we answer differently, with the rules that explain all of it.
# `python -m tests.conformance --explained` prints this list.
EXPLAINED: dict[str, tuple[str, ...]] = {
    "core-widened-by-the-longer-path": ("closure",),
    "core-missing-parents-all": ("nonexistent upstream",),
    "core-grid-single-run": ("fewest boxes",),
    "random-017-multi-random": ("fewest boxes",),
    "random-020-hourly-daily-diamond": ("not at a tick",),
    "random-050-daily-random": ("not at a tick",),
    "random-053-mixed-diamond": ("not at a tick",),
    "random-059-multi-static-diamond": ("fewest boxes",),
    "random-079-hourly-daily-fan-out": ("nonexistent upstream",),
    "random-092-daily-fan-in": ("not at a tick",),
    "random-097-multi-random": ("fewest boxes",),
    "random-114-multi-diamond": ("fewest boxes",),
    "random-126-hourly-daily-fan-out": ("not at a tick",),
}


def test_no_case_is_lost() -> None:
    assert len(CASES) == 135
    assert EXPLAINED.keys() <= {case["id"] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_all_agree_but_for_what_a_rule_explains(case: Case) -> None:
    verdict = judged(ComparedPlan(case), RULES)
    assert verdict.agrees or verdict.explained, verdict
    assert verdict.rules == EXPLAINED.get(case["id"], ())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_targets_and_outcome_differ_only_where_boxes_fail_or_targets_were_missed(case: Case) -> None:
    about = {difference.about for difference in ComparedPlan(case).differences}
    expected = {
        "core-widened-by-the-longer-path": {"targets", "runs", "materialized"},
        "core-missing-parents-all": {"refusal"},
        "random-079-hourly-daily-fan-out": {"refusal"},
        "random-097-multi-random": {"runs", "materialized", "failed", "downstream_of_failed"},
    }
    assert about <= expected.get(case["id"], {"runs"})


def test_targets_are_all_that_lies_downstream() -> None:
    found = ComparedPlan(_case("core-widened-by-the-longer-path")).ours
    assert not isinstance(found, Refused)
    days = frozenset({"2024-01-02", "2024-01-03"})
    assert found.targets == {"a": {"2024-01-02"}, "b": days, "c": days, "d": days}
    assert found.final["materialized"] == found.targets


def test_what_needs_partitions_that_do_not_exist_is_run_with_a_warning() -> None:
    compared = ComparedPlan(_case("core-missing-parents-all"))
    assert compared.played.final["materialized"] == compared.played.targets
    assert compared.warnings == (
        "b needs partitions of a that do not exist: 2024-01-04, 2024-01-05, 2024-01-06",
    )


def _case(case_id: str) -> Case:
    return next(case for case in CASES if case["id"] == case_id)
