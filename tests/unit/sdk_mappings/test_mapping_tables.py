"""Mappings as Dagster answers them: every case of the table."""

import pytest

from backfilld.errors import InvalidDefinitionError
from backfilld.manifest import to_plain
from backfilld.mappings import PartitionMapping, infer_mapping
from backfilld.partitions import PartitionsDefinition
from tests.sdk_tables import (
    Case,
    as_set,
    cases,
    definition_of,
    keys_or_true,
    mapping_of,
    ordinals,
    partitions_at,
)

# Asked about a month that ends behind its definition's end date: the partitions table marks that `past_end`.
PAST_END = {"random-113"}

REFUSED = [case for case in cases("mappings") if "error" in case]
ANSWERED = [case for case in cases("mappings") if "error" not in case and case["id"] not in PAST_END]


def test_no_case_is_lost() -> None:
    assert (len(ANSWERED), len(REFUSED)) == (138, 11)


def _sides(case: Case) -> tuple[PartitionsDefinition | None, PartitionsDefinition | None, PartitionMapping]:
    upstream, downstream = definition_of(case["upstream"]), definition_of(case["downstream"])
    given = case["mapping"]
    mapping = infer_mapping(upstream, downstream) if given is None else mapping_of(given)
    return upstream, downstream, mapping


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_upstream_and_downstream_are_those_of_the_table(case: Case) -> None:
    upstream_def, downstream_def, mapping = _sides(case)
    mapping.validate(upstream_def, downstream_def)
    assert type(mapping).__name__ == case["effective_mapping"]
    upstream, downstream = (partitions_at(side, case["now"]) for side in (upstream_def, downstream_def))
    for asked in case["to_upstream"]:
        found = mapping.upstream_of(
            ordinals(downstream, asked["downstream_keys"]),
            downstream_partitions=downstream,
            upstream_partitions=upstream,
        )
        assert keys_or_true(upstream, found.existing) == as_set(asked["upstream_keys"])
        assert set(found.nonexistent) == as_set(asked["required_but_nonexistent"])
    for asked in case["to_downstream"]:
        needing = mapping.downstream_of(
            ordinals(upstream, asked["upstream_keys"]),
            upstream_partitions=upstream,
            downstream_partitions=downstream,
        )
        assert keys_or_true(downstream, needing) == as_set(asked["downstream_keys"])


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case["id"])
def test_a_mapping_is_the_same_after_a_way_through_the_manifest(case: Case) -> None:
    _, _, mapping = _sides(case)
    assert mapping_of(to_plain(mapping)) == mapping


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["id"])
def test_what_dagster_refuses_is_refused(case: Case) -> None:
    upstream, downstream, mapping = _sides(case)
    with pytest.raises(InvalidDefinitionError):
        mapping.validate(upstream, downstream)


def test_a_window_past_the_end_date_does_not_exist() -> None:
    (case,) = (case for case in cases("mappings") if case["id"] in PAST_END)
    assert not partitions_at(definition_of(case["downstream"]), case["now"])
