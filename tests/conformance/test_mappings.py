"""Mappings as Dagster answers them."""

import pytest

from backfilld.manifest import mapping_from_plain, to_plain
from tests.conformance.answers import judged
from tests.conformance.mappings import RULES, ComparedMapping
from tests.conformance.tables import Case, cases, definition_of, partitions_at

CASES = cases("mappings")
ANSWERED = [case for case in CASES if "error" not in case]

# Asked about a month that ends behind its definition's end date: the partitions table marks that `past_end`.
PAST_END = "random-113"


def test_no_case_is_lost() -> None:
    assert (len(CASES), len(ANSWERED)) == (150, 139)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_all_agree(case: Case) -> None:
    verdict = judged(ComparedMapping(case), RULES)
    assert verdict.agrees or (case["id"], verdict.rules) == (PAST_END, ("past the end",)), verdict


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_a_mapping_is_the_same_after_a_way_through_the_manifest(case: Case) -> None:
    mapping = ComparedMapping(case).mapping
    assert mapping_from_plain(to_plain(mapping)) == mapping


def test_a_window_past_the_end_date_does_not_exist() -> None:
    (case,) = (case for case in CASES if case["id"] == PAST_END)
    assert not partitions_at(definition_of(case["downstream"]), case["now"])


@pytest.mark.parametrize(
    "wrong", ["error", "mapping in use", "upstream", "nonexistent", "downstream", "raises"]
)
def test_another_answer_is_a_disagreement(wrong: str) -> None:
    case = next(case for case in ANSWERED if case["to_upstream"] and case["to_downstream"])
    (up, *ups), (down, *downs) = case["to_upstream"], case["to_downstream"]
    different: Case = {
        "error": {**case, "error": {"type": "ValueError", "message": "", "stage": "definition"}},
        "mapping in use": {**case, "effective_mapping": "LastPartitionMapping"},
        "upstream": {**case, "to_upstream": [{**up, "upstream_keys": ["other"]}, *ups]},
        "nonexistent": {**case, "to_upstream": [{**up, "required_but_nonexistent": ["other"]}, *ups]},
        "downstream": {**case, "to_downstream": [{**down, "downstream_keys": ["other"]}, *downs]},
        "raises": {**case, "to_downstream": [{"upstream_keys": down["upstream_keys"], "error": {}}, *downs]},
    }[wrong]
    assert judged(ComparedMapping(case), RULES).agrees
    verdict = judged(ComparedMapping(different), RULES)
    assert not verdict.agrees
    assert not verdict.explained
