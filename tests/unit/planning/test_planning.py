"""What a request covers, what it leaves out and what it warns of."""

from typing import Any

import msgspec
import pytest

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from daemon.planning.listed import ListedPlan, listed
from daemon.planning.planned import PlannedBackfill
from daemon.refusal import Refused
from events.facts import PartitionKeys
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01")
MONTHS = MonthlyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.single_run())
def clean() -> None: ...


@asset(partitions_def=MONTHS, deps=[clean])
def monthly() -> None: ...


@asset(deps=[monthly])
def report() -> None: ...


@asset(partitions_def=StaticPartitionsDefinition(["x", "y"]))
def letters() -> None: ...


@asset(deps=[raw])
def report_of_raw() -> None: ...


@asset(partitions_def=DAYS, deps=[report_of_raw])
def after() -> None: ...


def planned(story: Story, *selection: str, **how: object) -> PlannedBackfill:
    plan = story.plan(*selection, **how)  # type: ignore[arg-type]  # each test gives what fits
    assert isinstance(plan, PlannedBackfill), plan
    return plan


def refused(story: Story, *selection: str, **how: object) -> str:
    plan = story.plan(*selection, **how)  # type: ignore[arg-type]  # as above
    assert isinstance(plan, Refused)
    return plan.reason


def test_partitions_of_the_root_map_downstream_through_the_selection() -> None:
    plan = planned(Story(raw, clean, monthly, report), "*", partitions="2024-02-10, 2024-02-11")
    assert plan.targets == {
        "raw": keys("2024-02-10..2024-02-11"),
        "clean": keys("2024-02-10..2024-02-11"),
        "monthly": PartitionKeys((("2024-02-01", "2024-02-01"),), 1),
        "report": None,
    }


def test_roots_that_differ_are_named() -> None:
    reason = refused(Story(raw, letters), "*", partitions="2024-01-01")
    assert "must share one partitions definition" in reason
    assert "raw has DailyPartitionsDefinition" in reason
    assert "letters has StaticPartitionsDefinition" in reason


def test_all_needs_no_common_root() -> None:
    plan = planned(Story(raw, letters), "*", choice="all")
    assert set(plan.targets) == {"raw", "letters"}


def test_a_key_outside_the_definition_is_refused_with_near_ones() -> None:
    plan = Story(raw).plan("raw", partitions="2024-01-32")
    assert isinstance(plan, Refused)
    assert "2024-01-31" in plan.near


def test_what_the_mapping_leaves_out_is_listed_with_its_reason() -> None:
    plan = planned(Story(raw, report_of_raw, after), "*", partitions="2024-01-01")
    (left,) = plan.left_out
    assert left.asset == "after"
    assert "report_of_raw" in left.reason


def test_a_gap_in_the_selection_is_listed_with_its_reason() -> None:
    plan = planned(Story(raw, clean, monthly), "raw", "monthly", partitions="2024-01-01")
    (left,) = plan.left_out
    assert left.asset == "monthly"
    assert "clean, which is not selected" in left.reason


def test_missing_and_failed_are_worked_out_per_asset() -> None:
    story = Story(raw, clean)
    story.ask("raw", partitions="2024-01-01, 2024-01-02", named="first")
    good, bad = story.launched()
    story.run(good)
    story.run(bad, failing=[("raw", "")])
    story.settle()
    assert planned(story, "raw", choice="failed").targets == {"raw": keys("2024-01-02")}
    missing = planned(story, "*", choice="missing").targets
    assert missing == {"raw": keys("2024-01-02..2024-02-29"), "clean": keys("2024-01-01..2024-02-29")}


def test_nothing_to_run_is_refused_and_says_why() -> None:
    assert refused(Story(raw), "raw", choice="failed") == (
        "there is nothing to run: raw: none of its partitions failed or was skipped"
    )


def test_an_unpartitioned_selection_has_no_partitions_to_name() -> None:
    assert "use --all" in refused(Story(report), "report", partitions="2024-01-01")


def test_missing_upstream_partitions_are_counted_as_a_warning() -> None:
    story = Story(raw, clean)
    story.ask("raw", partitions="2024-01-01", named="first")
    (run,) = story.launched()
    story.run(run)
    (warning,) = planned(story, "clean", partitions="[2024-01-01...2024-01-03]").warnings
    assert warning == (
        "clean needs 2 partitions of raw, from 2024-01-02 to 2024-01-03, that were never materialized and "
        "are not part of this backfill"
    )


def test_partitions_upstream_that_do_not_exist_are_warned_of() -> None:
    longer = DailyPartitionsDefinition(start_date="2023-12-30", end_date="2024-03-01")

    @asset(partitions_def=longer, deps=[raw])
    def early() -> None: ...

    (warning,) = planned(Story(raw, early), "early", partitions="2023-12-31").warnings
    assert warning == "early needs partitions of raw that do not exist: 2023-12-31"


def as_json(plan: ListedPlan) -> Any:  # noqa: ANN401 -- JSON
    return msgspec.json.decode(msgspec.json.encode(plan))


def test_a_listing_bounds_the_runs_and_never_the_totals() -> None:
    told = as_json(listed(planned(Story(raw, clean, monthly, report), "*"), 2))
    assert told["runs_total"] == 60 + 1 + 2 + 1
    assert told["runs"] == [
        {"number": 1, "assets": ["raw"], "partitions": ["2024-01-01"], "after": []},
        {"number": 2, "assets": ["raw"], "partitions": ["2024-01-02"], "after": []},
    ]
    assert told["targets"]["raw"] == {"count": 60, "ranges": [["2024-01-01", "2024-02-29"]]}
    assert told["targets"]["report"] == {"count": 1, "ranges": None}


def test_the_listing_says_what_each_run_waits_for() -> None:
    told = as_json(listed(planned(Story(raw, clean, monthly, report), "*"), 0))
    by_asset = {tuple(run["assets"]): run for run in told["runs"] if run["number"] > 60}
    assert by_asset["clean",]["after"] == list(range(1, 61))
    assert by_asset["report",]["after"] == [62, 63]
    assert by_asset["report",]["partitions"] is None


@pytest.mark.parametrize(
    "changed",
    [
        {"partitions_def": DailyPartitionsDefinition(start_date="2024-01-02", end_date="2024-03-01")},
        {"backfill_policy": BackfillPolicy.multi_run(2)},
        {"code_version": "2"},
        {"pool": "warehouse"},
        {"timeout_s": 60},
    ],
)
def test_the_digest_changes_with_anything_that_would_be_launched(changed: dict[str, object]) -> None:
    def plan_of(**options: object) -> str:
        declared = asset(name="raw", **({"partitions_def": DAYS} | options))(lambda: None)  # type: ignore[call-overload]  # any option
        return planned(Story(declared), "raw").digest

    assert plan_of() == plan_of(description="words do not matter")
    assert plan_of() != plan_of(**changed)


def test_a_concurrency_below_one_is_refused() -> None:
    assert refused(Story(raw), "raw", max_concurrent_runs=0) == "--max-concurrent must be 1 or more, not 0"
