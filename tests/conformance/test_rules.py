"""Each rule explains what it is for and nothing beside it: Dagster's answers, and some with an error."""

from typing import Any

import pytest

from tests.conformance.answers import Verdict, judged
from tests.conformance.plans import ComparedPlan
from tests.conformance.rules import RULES
from tests.conformance.tables import Case, cases

PLANS = {case["id"]: case for case in cases("plans")}
ALL_DAYS = "12345"


def looking_back(start: int, end: int = -1) -> Case:
    """A mapping to the days from ``start`` to ``end`` before."""
    return {"class": "TimeWindowPartitionMapping", "kwargs": {"start_offset": start, "end_offset": end}}


def days(text: str) -> list[str]:
    """The days of January with these digits."""
    return [f"2024-01-0{digit}" for digit in text]


def daily(key: str, deps: dict[str, Case | None], policy: str = "") -> Case:
    """A daily asset; the policy is none, ``all`` or how many a run may cover."""
    kwargs = {"start_date": "2024-01-01", "end_date": "2024-01-06"}
    size_max = {"max_partitions_per_run": None if policy == "all" else int(policy)} if policy else None
    return {
        "key": key,
        "partitions_def": {"class": "DailyPartitionsDefinition", "kwargs": kwargs},
        "deps": [{"asset": asset, "mapping": mapping} for asset, mapping in deps.items()],
        "backfill_policy": size_max,
    }


def backfill(
    assets: list[Case], chosen: str, fail: dict[str, str], ticks: list[str], **final: dict[str, str]
) -> Case:
    """A case and Dagster's answer. A tick lists its runs, each as assets and days: ``ab:12 c:3``."""
    words = ("materialized", "failed", "downstream_of_failed")
    outcome: dict[str, Any] = {
        word: {asset: days(text) for asset, text in final.get(word, {}).items()} for word in words
    }
    return {
        "id": "core-small",
        "now": "2024-06-01T00:00:00+00:00",
        "assets": assets,
        "selection": [asset["key"] for asset in assets],
        "partitions": days(chosen),
        "fail": [{"asset": asset, "partition": day} for asset, text in fail.items() for day in days(text)],
        "targets": {asset["key"]: days(chosen) for asset in assets},
        "ticks": [
            [
                {"assets": list(run.split(":")[0]), "partitions": days(run.split(":")[1])}
                for run in tick.split()
            ]
            for tick in ticks
        ],
        "final": outcome,
    }


def verdict_of(case: Case) -> Verdict:
    return judged(ComparedPlan(case), RULES)


# What Dagster 1.13.27 answers.
REST = backfill(
    [daily("a", {}), daily("b", {"a": None}, "2")],
    ALL_DAYS,
    {"a": "1"},
    ["a:1 a:2 a:3 a:4 a:5", "b:23 b:45"],
    materialized={"a": "2345", "b": "2345"},
    failed={"a": "1"},
    downstream_of_failed={"b": "1"},
)
TURNS = backfill(
    [daily("a", {"a": looking_back(-1)}), daily("b", {"a": None})],
    ALL_DAYS,
    {},
    ["ab:1", "a:2", "a:3", "a:4", "a:5", "b:2 b:3 b:4 b:5"],
    materialized={"a": ALL_DAYS, "b": ALL_DAYS},
)
TURNS_FAILING = backfill(
    [daily("a", {"a": looking_back(-1)}), daily("b", {"a": None})],
    ALL_DAYS,
    {"a": "3"},
    ["ab:1", "a:2", "a:3", "b:2"],
    materialized={"a": "12", "b": "12"},
    failed={"a": "3"},
    downstream_of_failed={"a": "45", "b": "345"},
)
ORDER = backfill(
    [daily("a", {"a": looking_back(-3)}, "all")],
    "125",
    {"a": "1"},
    ["a:12 a:5"],
    materialized={"a": "5"},
    failed={"a": "12"},
)
SIBLINGS = backfill(
    [daily("a", {}), daily("b", {}), daily("c", {"a": None}), daily("d", {"b": None})],
    ALL_DAYS,
    {"b": "3"},
    ["abcd:1 abcd:2 abcd:3 abcd:4 abcd:5"],
    materialized={"a": ALL_DAYS, "b": "1245", "c": ALL_DAYS, "d": "1245"},
    failed={"b": "3", "d": "3"},
)


def test_siblings_share_runs_and_agree() -> None:
    assert verdict_of(SIBLINGS).agrees


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        (REST, "rest of the chunk"),
        (TURNS, "not at a tick"),
        (TURNS_FAILING, "not at a tick"),
        (ORDER, "upstream order"),
        (PLANS["core-grid-single-run"], "fewest boxes"),
        (PLANS["random-097-multi-random"], "fewest boxes"),
        (PLANS["core-missing-parents-all"], "nonexistent upstream"),
        (PLANS["core-widened-by-the-longer-path"], "closure"),
    ],
)
def test_a_rule_explains_what_it_is_for(case: Case, rule: str) -> None:
    verdict = verdict_of(case)
    assert verdict.explained
    assert verdict.rules == (rule,)


def changed(case: Case, **fields: object) -> Case:
    return {**case, **fields}


def runs(*ticks: str) -> list[list[Case]]:
    """Ticks as `backfill` writes them."""
    ticked: list[list[Case]] = backfill([], "", {}, list(ticks))["ticks"]
    return ticked


GRID = PLANS["core-grid-single-run"]
CORNER = ["p1|2024-01-01", "p1|2024-01-02", "p2|2024-01-02"]  # two boxes at least
LONGER = PLANS["core-widened-by-the-longer-path"]

WRONG: dict[str, Case] = {
    "siblings do not share": changed(SIBLINGS, ticks=runs(*[f"ac:{day} bd:{day}" for day in ALL_DAYS])),
    "neighbours do not share": changed(
        PLANS["core-chain"],
        ticks=[[{**run, "assets": [key]} for run in PLANS["core-chain"]["ticks"][0]] for key in "abc"],
    ),
    "a run is missing": changed(TURNS, ticks=TURNS["ticks"][:-1]),
    "something else is run too": changed(REST, ticks=[*REST["ticks"], *runs("b:1")]),
    "another partition is lost": changed(
        REST, final={**REST["final"], "downstream_of_failed": {"b": days("2")}}
    ),
    "chunks are cut elsewhere and nothing failed": changed(
        backfill([daily("a", {}, "2")], ALL_DAYS, {}, ["a:1 a:23 a:45"], materialized={"a": ALL_DAYS})
    ),
    "those that keep pace have no turns to keep": backfill(
        [daily("a", {}, "all"), daily("b", {"a": looking_back(-1, 0)}, "2")],
        ALL_DAYS,
        {},
        [f"a:{ALL_DAYS}", "b:1 b:23 b:45"],
        materialized={"a": ALL_DAYS, "b": ALL_DAYS},
    ),
    "what ran in order failed": changed(
        ORDER, ticks=runs("a:12", "a:5"), final={**ORDER["final"], "failed": {}}
    ),
    "boxes without a policy": changed(GRID, assets=[changed(GRID["assets"][0], backfill_policy=None)]),
    "Dagster needs fewer boxes": changed(
        GRID,
        partitions=CORNER,
        targets={"a": CORNER},
        ticks=[[{"assets": ["a"], "partitions": CORNER}]],
        final={**GRID["final"], "materialized": {"a": CORNER}},
    ),
    "it raises at a tick for another reason": changed(
        PLANS["core-missing-parents-all"], error={"type": "X", "message": "no", "stage": "tick", "tick": 0}
    ),
    "it raises though all exists upstream": changed(
        PLANS["core-chain"], error=PLANS["core-missing-parents-all"]["error"], final=None, ticks=[]
    ),
    "targets are missed that are not marked": {
        name: value for name, value in LONGER.items() if name != "suspect"
    },
    "it refuses and we do not": changed(PLANS["core-chain"], error=PLANS["core-roots-differ"]["error"]),
    "we refuse and it does not": {
        name: value for name, value in PLANS["core-roots-differ"].items() if name != "error"
    },
}


@pytest.mark.parametrize("wrong", WRONG)
def test_no_rule_explains(wrong: str) -> None:
    verdict = verdict_of(WRONG[wrong])
    assert not verdict.agrees
    assert not verdict.explained, verdict
