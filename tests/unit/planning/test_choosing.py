"""Partitions named asset by asset, what a plan leaves out, and what it needs upstream."""

from backfilld.assets import AssetDep, asset
from backfilld.mappings import StaticPartitionMapping, TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from daemon.planning.choice import ByRoot, ByStatus, Latest, RangeText
from daemon.planning.planned import PlannedBackfill
from daemon.refusal import Refused
from events.facts import PartitionKeys
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-10")
MONTHS = MonthlyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-10")
LETTERS = StaticPartitionsDefinition(["x", "y", "z"])


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=LETTERS)
def letters() -> None: ...


@asset(partitions_def=DAYS, deps=[raw])
def clean() -> None: ...


@asset(partitions_def=MONTHS, deps=[clean])
def monthly() -> None: ...


@asset(deps=[letters, monthly])
def report() -> None: ...


def plan_of(story: Story, *selection: str, texts: tuple[str, ...] = (), **how: object) -> PlannedBackfill:
    plan = answer(story, *selection, texts=texts, **how)
    assert isinstance(plan, PlannedBackfill), plan
    return plan


def answer(
    story: Story, *selection: str, texts: tuple[str, ...] = (), **how: object
) -> PlannedBackfill | Refused:
    if texts:
        how["choice"] = RangeText(texts)
    return story.plan(*selection, **how)  # type: ignore[arg-type]  # each test gives what fits


def refusal(story: Story, *selection: str, texts: tuple[str, ...] = (), **how: object) -> str:
    plan = answer(story, *selection, texts=texts, **how)
    assert isinstance(plan, Refused), plan
    return plan.reason


EVERYTHING = Story(raw, letters, clean, monthly, report)


def test_partitions_named_per_asset_need_no_common_root_and_map_downstream() -> None:
    plan = plan_of(EVERYTHING, "*", texts=("raw=2024-01-05", "letters=x, z"))
    assert plan.targets == {
        "letters": PartitionKeys((("x", "x"), ("z", "z")), 2),
        "raw": keys("2024-01-05"),
        "clean": keys("2024-01-05"),
        "monthly": PartitionKeys((("2024-01-01", "2024-01-01"),), 1),
        "report": None,
    }
    assert plan.request({}).partitions_text == "--partitions raw=2024-01-05 --partitions 'letters=x, z'"


def test_partitions_of_an_asset_downstream_may_be_named_too_and_twice() -> None:
    plan = plan_of(
        EVERYTHING, "raw", "clean", texts=("raw=2024-01-05", "clean=2024-01-06", "clean=2024-01-08")
    )
    assert plan.targets == {"raw": keys("2024-01-05"), "clean": keys("2024-01-06", "2024-01-08")}


def test_roots_that_no_partitions_follow_for_are_named() -> None:
    assert refusal(EVERYTHING, "*", texts=("raw=2024-01-05",)) == (
        "the partitions of letters do not follow from those of raw; add --partitions letters=TEXT, or leave "
        "letters out of the selection"
    )


def test_several_texts_must_all_name_their_asset() -> None:
    assert refusal(EVERYTHING, "raw", "letters", texts=("raw=2024-01-05", "y")) == (
        "with several --partitions each begins with a selected asset's name and '=', and 'y' does not; the "
        "assets are letters, raw"
    )
    assert "'monthly=2024-01-01' does not" in refusal(
        EVERYTHING, "raw", texts=("raw=2024-01-05", "monthly=2024-01-01")
    )


def test_roots_that_differ_are_named_with_a_way_on() -> None:
    reason = refusal(EVERYTHING, "*", texts=("2024-01-05",))
    assert reason.startswith(
        "the most upstream partitioned assets of the selection must share one partitions definition, but "
        "letters has StaticPartitionsDefinition(['x', 'y', 'z']); raw has DailyPartitionsDefinition"
    )
    assert reason.endswith(
        "give each its own (--partitions letters=TEXT --partitions raw=TEXT ...), or use --all, --missing, "
        "--failed or --latest"
    )


def test_a_bad_key_points_at_its_place() -> None:
    plan = answer(EVERYTHING, "raw", texts=("2024-01-05, 2024-01-99",))
    assert isinstance(plan, Refused)
    assert "found '2024-01-99'" in plan.reason
    assert "2024-01-05, 2024-01-99\n              ^" in plan.reason
    assert plan.near


def test_an_asset_without_partitions_has_none_to_name() -> None:
    assert refusal(EVERYTHING, "letters", "report", texts=("letters=x", "report=y")) == (
        "report has no partitions, so 'y' names none; it is run once anyway"
    )


def test_a_single_text_means_the_dimension_where_there_is_one_of_that_name() -> None:
    by_city = MultiPartitionsDefinition({"raw": LETTERS, "date": DAYS})

    @asset(partitions_def=by_city)
    def pairs() -> None: ...

    story = Story(raw, pairs)
    plan = plan_of(story, "pairs", texts=("raw=x, date=2024-01-01",))
    assert plan.targets == {"pairs": PartitionKeys((("2024-01-01|x", "2024-01-01|x"),), 1)}
    both = plan_of(story, "raw", "pairs", texts=("raw=2024-01-01", "pairs=raw=x, date=2024-01-01"))
    assert set(both.targets) == {"raw", "pairs"}


def test_partitions_that_lead_nowhere_are_listed() -> None:
    plan = plan_of(EVERYTHING, "raw", "clean", "monthly", texts=("[2024-02-28...2024-03-03]",))
    (left,) = plan.left_out
    assert (left.asset, left.upstream, left.partitions) == (
        "monthly",
        "clean",
        keys("2024-03-01..2024-03-03"),
    )
    assert left.reason == "no partition of monthly that exists needs these of clean"


def test_a_key_without_a_counterpart_is_listed() -> None:
    table = StaticPartitionMapping({"x": "x"})

    @asset(
        partitions_def=StaticPartitionsDefinition(["x"]), deps=[AssetDep(letters, partition_mapping=table)]
    )
    def some() -> None: ...

    (left,) = plan_of(Story(letters, some), "*", texts=("x, y",)).left_out
    assert (left.asset, left.upstream, left.partitions) == (
        "some",
        "letters",
        PartitionKeys((("y", "y"),), 1),
    )


def test_strict_refuses_to_leave_anything_out() -> None:
    chosen = ("[2024-02-28...2024-03-03]",)
    assert refusal(EVERYTHING, "raw", "clean", "monthly", texts=chosen, strict=True) == (
        "--strict refuses a plan that leaves anything out, and this one leaves out monthly (no partition of "
        "monthly that exists needs these of clean); select what is between, or launch without "
        "--strict"
    )
    plan_of(EVERYTHING, "raw", "clean", "monthly", texts=("2024-01-05",), strict=True)
    assert "clean, which is not selected" in refusal(EVERYTHING, "raw", "monthly", texts=chosen, strict=True)


def test_required_upstream_partitions_that_are_missing_refuse() -> None:
    assert refusal(EVERYTHING, "clean", texts=("[2024-01-01...2024-01-03]",), require_upstream=True) == (
        "--require-upstream refuses a plan that needs what is not there: clean needs 3 partitions of raw, "
        "from 2024-01-01 to 2024-01-03, that were never materialized and are not part of this backfill; fill "
        "it first, or add it to this backfill by --with-upstream"
    )
    plan_of(EVERYTHING, "raw", "clean", texts=("2024-01-01",), require_upstream=True)


def test_upstream_partitions_are_added_however_far_as_far_as_they_are_missing() -> None:
    story = Story(raw, letters, clean, monthly, report)
    story.ask("raw", partitions="[2024-01-01...2024-01-20]", named="first")
    for run in story.launched():
        story.run(run)
    plan = plan_of(story, "monthly", texts=("2024-01-01",), with_upstream=True)
    assert plan.targets == {
        "raw": keys("2024-01-21..2024-01-31"),
        "clean": keys("2024-01-01..2024-01-31"),
        "monthly": PartitionKeys((("2024-01-01", "2024-01-01"),), 1),
    }
    assert not plan.warnings
    assert plan_of(story, "monthly", texts=("2024-01-01",)).warnings


def test_upstream_of_its_own_goes_back_to_what_is_filled() -> None:
    yesterday = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=DAYS, deps=[AssetDep("totals", partition_mapping=yesterday)])
    def totals() -> None: ...

    story = Story(totals)
    story.ask("totals", partitions="2024-01-03", named="first")
    (run,) = story.launched()
    story.run(run)
    plan = plan_of(story, "totals", texts=("2024-01-10",), with_upstream=True)
    assert plan.targets == {"totals": keys("2024-01-04..2024-01-10")}
    (warning,) = plan_of(story, "totals", texts=("2024-01-10",)).warnings
    assert warning.startswith("totals needs 2024-01-09 of totals, which was never materialized")


def test_the_latest_are_the_newest_of_the_roots_and_what_follows_from_them() -> None:
    plan = plan_of(EVERYTHING, "*", choice="latest")
    assert plan.targets == {
        "letters": PartitionKeys((("z", "z"),), 1),
        "raw": keys("2024-03-09"),
        "clean": keys("2024-03-09"),
        "report": None,
    }
    assert [left.asset for left in plan.left_out] == ["monthly"]  # March has not ended.
    assert plan.request({}).partitions_text == "--latest"


def test_the_latest_of_two_dimensions_is_that_of_time_with_all_of_the_other() -> None:
    by_letter = MultiPartitionsDefinition({"letter": LETTERS, "date": DAYS})
    by_letters = MultiPartitionsDefinition({"a": LETTERS, "b": StaticPartitionsDefinition(["p", "q"])})

    @asset(partitions_def=by_letter)
    def pairs() -> None: ...

    @asset(partitions_def=by_letters)
    def signs() -> None: ...

    plan = plan_of(Story(pairs, signs), "*", choice="latest")
    assert plan.targets == {
        "pairs": PartitionKeys((("2024-03-09|x", "2024-03-09|z"),), 3),
        "signs": PartitionKeys((("z|q", "z|q"),), 1),
    }


def test_the_latest_of_what_has_no_partitions_yet_is_left_out() -> None:
    to_come = DailyPartitionsDefinition(start_date="2030-01-01")

    @asset(partitions_def=to_come)
    def early() -> None: ...

    assert refusal(Story(early), "early", choice="latest") == (
        "there is nothing to run: early: it has no partitions yet"
    )


def test_failed_and_missing_are_both_and_nothing_that_was_filled() -> None:
    story = Story(letters)
    story.ask("letters", partitions="x, y", named="first")
    filled, broken = story.launched()
    story.run(filled)
    story.run(broken, failing=[("letters", "y")])
    story.settle()
    assert plan_of(story, "letters", choice="failed").targets == {"letters": PartitionKeys((("y", "y"),), 1)}
    plan = plan_of(story, "letters", choice="failed_and_missing")
    assert plan.targets == {"letters": PartitionKeys((("y", "z"),), 2)}
    assert plan.request({}).partitions_text == "--failed --missing"


def test_what_failed_after_it_was_filled_is_not_missing_and_yet_among_both() -> None:
    story = Story(letters)
    for named, fails in (("first", False), ("second", True)):
        story.ask("letters", partitions="x", named=named)
        (run,) = story.launched()
        story.run(run, failing=[("letters", "x")] if fails else [])
        story.settle()
    x = ("x", "x")
    assert x not in (plan_of(story, "letters", choice="missing").targets["letters"] or keys()).ranges
    plan = plan_of(story, "letters", choice="failed_and_missing")
    assert plan.targets == {"letters": PartitionKeys((("x", "z"),), 3)}


def by_root(named: dict[str, ByStatus | Latest], *texts: str) -> ByRoot:
    return ByRoot(named, texts)


def test_each_root_has_its_choice_and_what_is_downstream_has_those_of_all_above() -> None:
    story = Story(raw, letters, clean, monthly, report)
    story.ask("raw", "clean", partitions="[2024-01-01...2024-01-31]")
    while runs := story.launched():
        for run in runs:
            story.run(run)
    story.settle()
    plan = plan_of(story, "*", choice=by_root({"raw": "missing", "letters": "latest"}))
    assert plan.targets["raw"] == plan.targets["clean"] == keys("2024-02-01..2024-03-09")
    assert plan.targets["letters"] == PartitionKeys((("z", "z"),), 1)
    assert plan.targets["monthly"] == PartitionKeys(
        (("2024-01-01", "2024-02-01"),), 2
    )  # Both were never filled.
    assert "report" in plan.targets
    mixed = plan_of(story, "*", choice=by_root({"letters": "all"}, "raw=2024-01-02"))
    assert mixed.targets["clean"] == keys("2024-01-02")
    assert mixed.targets["monthly"] == PartitionKeys((("2024-01-01", "2024-01-01"),), 1)
    assert mixed.targets["letters"] is not None
    assert mixed.targets["letters"].count == 3
    none = plan_of(story, "raw", "letters", choice=by_root({"raw": "failed", "letters": "latest"}))
    assert none.left_out[0].reason == "none of its partitions failed or was skipped"


def test_all_of_every_root_is_all_and_so_with_what_is_missing() -> None:
    story = Story(raw, letters, clean, monthly, report)
    story.ask("raw", partitions="2024-01-01")
    for run in story.launched():
        story.run(run)
    for choice in ("all", "missing"):
        each = plan_of(story, "*", choice=by_root({"raw": choice, "letters": choice}))
        assert each.targets == plan_of(story, "*", choice=choice).targets


def test_a_choice_of_no_root_none_and_two_are_refused() -> None:
    story = Story(raw, letters, clean)
    assert "'clean' is none of the most upstream partitioned assets, which are letters, raw" in refusal(
        story, "*", choice=by_root({"clean": "all"})
    )
    assert "the partitions of letters do not follow from those of raw" in refusal(
        story, "*", choice=by_root({"raw": "all"})
    )
    assert "given twice: as all, and as a text" in refusal(
        story, "*", choice=by_root({"raw": "all", "letters": "all"}, "raw=2024-01-01")
    )
    assert "begins with an asset's name, not 'x'" in refusal(story, "*", choice=by_root({"raw": "all"}, "x"))
    assert "2024-13" in refusal(story, "*", choice=by_root({"letters": "all"}, "raw=2024-13"))
