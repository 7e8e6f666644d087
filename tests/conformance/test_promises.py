"""A broken promise is found: launched too early, twice, too much or across a gap."""

from collections.abc import Iterable

from events.facts import PartitionKeys, PartitionMaterialized, RunLaunched
from tests.conformance.playing import Graph, Played, Run, declared
from tests.conformance.promises import against_policy, launched_too_early, launched_twice
from tests.conformance.tables import Case, cases
from tests.story import Story

CASES: dict[str, Case] = {case["id"]: case for case in cases("plans")}
CHAIN = Graph(CASES["core-chain"])
DAY = PartitionKeys((("2024-01-01", "2024-01-01"),), 1)


def test_a_run_without_what_it_needs_is_found() -> None:
    story = Story(*declared(CHAIN.case))
    story.tell(RunLaunched(1, 1, ("a",), DAY, "code", "digest"), run_id="first")
    story.tell(RunLaunched(2, 1, ("b", "c"), DAY, "code", "digest"), run_id="early")
    story.tell(PartitionMaterialized("a", DAY), run_id="first")
    story.tell(RunLaunched(3, 1, ("b", "c"), DAY, "code", "digest"), run_id="fine")
    targets = dict.fromkeys("abc", frozenset[str | None](["2024-01-01"]))
    assert list(launched_too_early(story, CHAIN, targets)) == ["early fills b without 2024-01-01 of a"]
    assert list(launched_too_early(story, CHAIN, {"b": targets["b"], "c": targets["c"]})) == []


def played(assets: str, *partitions: Iterable[str]) -> Played:
    return Played({}, tuple(Run(frozenset(assets), frozenset(keys), 0) for keys in partitions), {})


def test_a_partition_launched_twice_is_found() -> None:
    day, next_day = ["2024-01-01"], ["2024-01-01", "2024-01-02"]
    assert list(launched_twice(played("a", day, next_day))) == ["a 2024-01-01"]
    assert list(launched_twice(played("a", day, ["2024-01-02"]))) == []


def test_a_run_against_its_policy_is_found() -> None:
    days = [f"2024-01-0{day}" for day in (1, 2, 3)]
    single = Graph(CASES["core-chain-single-run"])
    assert list(against_policy(played("a", days[:1]), CHAIN)) == []
    assert list(against_policy(played("a", days), CHAIN)) != []
    assert list(against_policy(played("a", days), single)) == []
    assert list(against_policy(played("a", days[::2]), single)) == [
        "0: a [2024-01-01, 2024-01-03] spans a gap"
    ]


def test_a_run_of_pairs_is_a_box() -> None:
    grid = Graph(CASES["core-grid-single-run"])
    corner = ["p1|2024-01-01", "p1|2024-01-02", "p2|2024-01-02"]
    box = ["p1|2024-01-01", "p1|2024-01-02", "p3|2024-01-01", "p3|2024-01-02"]
    apart = ["p1|2024-01-01", "p1|2024-01-03", "p3|2024-01-01", "p3|2024-01-03"]
    assert [bool(list(against_policy(played("a", keys), grid))) for keys in (corner, box, apart)] == [
        True,
        False,
        True,
    ]
