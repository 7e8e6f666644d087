"""Which assets share runs, and what each run covers."""

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    MultiPartitionMapping,
    PartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from daemon.planning.listed import ListedRun, listed
from daemon.planning.planned import PlannedBackfill
from events.facts import PartitionKeys
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-07")
MONTHS = MonthlyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-01")
CITIES = StaticPartitionsDefinition(["oslo", "rome", "bern"])
BY_CITY = MultiPartitionsDefinition({"city": CITIES, "date": DAYS})
SINGLE, TWO = BackfillPolicy.single_run(), BackfillPolicy.multi_run(2)
YESTERDAY = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def declared(
    name: str,
    *deps: str | AssetDep,
    days: PartitionsDefinition | None = DAYS,
    policy: BackfillPolicy | None = None,
) -> AssetDefinition:
    return asset(name=name, partitions_def=days, deps=deps, backfill_policy=policy)(lambda: None)


def by(name: str, mapping: PartitionMapping) -> AssetDep:
    return AssetDep(name, partition_mapping=mapping)


def runs_of(*assets: AssetDefinition, partitions: str | None = None) -> list[str]:
    """Each run as its assets and the last two characters of its keys: ``a b: 01 02``."""
    plan = Story(*assets).plan("*", partitions=partitions)
    assert isinstance(plan, PlannedBackfill), plan
    return [
        " ".join(run.assets) + ": " + " ".join(key[-2:] for key in each_of(run))
        for run in listed(plan, 0).runs
    ]


def each_of(run: ListedRun) -> tuple[str, ...]:
    assert not isinstance(run.partitions, PartitionKeys)
    return run.partitions or ()


def shares(*assets: AssetDefinition, partitions: str | None = None) -> set[str]:
    """Which assets share runs."""
    return {run.partition(":")[0] for run in runs_of(*assets, partitions=partitions)}


def test_neighbours_with_the_same_keys_share_runs_in_topological_order() -> None:
    assert runs_of(declared("b", "a"), declared("a"), partitions="2024-01-01, 2024-01-02") == [
        "a b: 01",
        "a b: 02",
    ]


def test_siblings_and_strangers_of_one_stage_share_runs_too() -> None:
    assert shares(declared("a"), declared("b"), declared("c", "a", "b")) == {"a b c"}
    left, right = declared("left", "root"), declared("right", "root")
    root = declared("root", days=MONTHS)
    assert shares(root, left, right) == {"root", "left right"}


def test_another_policy_definition_or_set_of_targets_keeps_apart() -> None:
    assert shares(declared("a"), declared("b", policy=BackfillPolicy.multi_run(1))) == {"a", "b"}
    assert shares(declared("a", policy=SINGLE), declared("b", "a", policy=TWO)) == {"a", "b"}
    assert shares(declared("a"), declared("b", days=MONTHS)) == {"a", "b"}
    shifted = declared("b", by("a", YESTERDAY))
    assert shares(declared("a"), shifted, partitions="2024-01-02") == {"a", "b"}


def test_what_waits_longer_is_not_joined() -> None:
    # d could share with c, but has to wait for b as well.
    months = declared("b", "a", days=MONTHS)
    assert shares(declared("a"), months, declared("c", "a"), declared("d", "b", "c")) == {"a c", "b", "d"}


def test_a_policy_that_takes_all_at_once_shares_through_any_mapping() -> None:
    last_two = TimeWindowPartitionMapping(start_offset=-1)
    six = BackfillPolicy.multi_run(6)
    assert runs_of(declared("a", policy=SINGLE), declared("b", by("a", last_two), policy=SINGLE)) == [
        "a b: 01 02 03 04 05 06"
    ]
    # As in Dagster the policy must allow for more than there is.
    assert shares(declared("a", policy=six), declared("b", by("a", last_two), policy=six)) == {"a", "b"}


def test_runs_that_would_need_each_others_work_are_not_shared() -> None:
    needs_all = by("a", AllPartitionMapping())
    pair = declared("a", policy=SINGLE), declared("b", needs_all, policy=SINGLE)
    assert shares(*pair) == {"a b"}
    apart = Story(*pair).plan("a", "b", partitions="2024-01-01, 2024-01-03")
    assert isinstance(apart, PlannedBackfill)
    assert [group.assets for group in apart.groups] == [("a",), ("b",)]


def test_a_gap_always_splits_and_an_excluded_day_is_none() -> None:
    texts = "2024-01-01, 2024-01-02, 2024-01-04"
    assert runs_of(declared("a", policy=SINGLE), partitions=texts) == ["a: 01 02", "a: 04"]
    work_days = DailyPartitionsDefinition("2024-01-04", "2024-01-10", exclusions=["0 0 * * 6,0"])
    assert runs_of(declared("a", days=work_days, policy=SINGLE)) == ["a: 04 05 08 09"]


def test_self_dependencies_are_filled_in_turns() -> None:
    own = by("a", YESTERDAY)
    texts = "[2024-01-01...2024-01-02], [2024-01-04...2024-01-06]"
    assert runs_of(declared("a", own), partitions="2024-01-01, 2024-01-02") == ["a: 01", "a: 02"]
    assert runs_of(declared("a", own, policy=SINGLE), partitions=texts) == ["a: 01 02", "a: 04 05 06"]
    three = BackfillPolicy.multi_run(3)  # three at a time, across the gap
    assert runs_of(declared("a", own, policy=three), partitions=texts) == ["a: 01 02", "a: 04", "a: 05 06"]


def test_what_needs_the_same_key_takes_part_in_the_turns_and_strangers_do_not() -> None:
    own = by("a", YESTERDAY)
    assert shares(declared("a", own), declared("b", "a"), declared("c")) == {"a b", "c"}
    # A second asset with turns of its own is not joined with the first one's.
    assert shares(declared("a", own), declared("d", "a", by("d", YESTERDAY))) == {"a", "d"}
    both = declared("e", "a", "d")
    assert shares(declared("a", own), declared("d", by("d", YESTERDAY)), both) == {"a", "d", "e"}


def test_pairs_are_cut_into_boxes_through_time() -> None:
    def boxes(policy: BackfillPolicy, text: str) -> list[int]:
        plan = Story(declared("a", days=BY_CITY, policy=policy)).plan("a", partitions=text)
        assert isinstance(plan, PlannedBackfill)
        return [len(each_of(run)) for run in listed(plan, 0).runs]

    assert boxes(SINGLE, "*") == [18]
    assert boxes(SINGLE, "city=oslo, bern") == [12]
    assert boxes(SINGLE, "date=2024-01-01, 2024-01-03") == [3, 3]
    assert boxes(SINGLE, "oslo|[2024-01-01...2024-01-04]; rome|[2024-01-01...2024-01-02]") == [2, 4]
    assert boxes(BackfillPolicy.multi_run(6), "*") == [6, 6, 6]


def test_single_pairs_come_oldest_first() -> None:
    text = "city=oslo, rome, date=[2024-01-01...2024-01-02]"
    plan = Story(declared("a", days=BY_CITY)).plan("a", partitions=text)
    assert isinstance(plan, PlannedBackfill)
    assert [list(each_of(run)) for run in listed(plan, 0).runs] == [
        ["oslo|2024-01-01"],
        ["rome|2024-01-01"],
        ["oslo|2024-01-02"],
        ["rome|2024-01-02"],
    ]


def test_pairs_that_need_all_of_the_day_before_are_filled_day_by_day() -> None:
    def looking_back(across: PartitionMapping | None) -> MultiPartitionMapping:
        mappings = {"date": DimensionPartitionMapping("date", YESTERDAY)}
        if across is not None:
            mappings["city"] = DimensionPartitionMapping("city", across)
        return MultiPartitionMapping(mappings)

    own_city = declared("a", by("a", looking_back(IdentityPartitionMapping())), days=BY_CITY, policy=SINGLE)
    assert len(runs_of(own_city)) == 1
    all_cities = declared("a", by("a", looking_back(None)), days=BY_CITY, policy=SINGLE)
    assert len(runs_of(all_cities)) == 6
