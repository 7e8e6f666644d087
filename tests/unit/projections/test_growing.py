"""Partitions that come and go under backfills: plans stay, and what is known of a key stays its own."""

from datetime import datetime

import pytest

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from daemon.planning.planned import PlannedBackfill
from daemon.refusal import Refused
from events.facts import DynamicPartitionsAdded, DynamicPartitionsRemoved, PartitionKeys
from projections import snapshot
from projections.asset_status import AssetStatus, PartitionStatus
from projections.world import World
from tests.story import Story

CUSTOMERS = DynamicPartitionsDefinition(name="customers")
DAYS = DailyPartitionsDefinition(start_date="2024-05-30")
DAY_S = 86_400


@asset(partitions_def=CUSTOMERS)
def profiles() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition({"customer": CUSTOMERS, "date": DAYS}),
    deps=[profiles],
    backfill_policy=BackfillPolicy.single_run(),
)
def invoices() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition(
        {"city": StaticPartitionsDefinition(["oslo", "rome"]), "date": DAYS}
    )
)
def weather() -> None: ...


def add(story: Story, *keys: str) -> None:
    story.tell(DynamicPartitionsAdded("customers", keys))


def remove(story: Story, *keys: str) -> None:
    story.tell(DynamicPartitionsRemoved("customers", keys))


def known(story: Story, name: str, status: PartitionStatus, world: World | None = None) -> list[str]:
    """The keys of an asset's partitions that exist now and have a status."""
    world = world or story.world
    partitions = world.partitions(name, story.now)
    assert partitions is not None
    found = world.statuses(story.now).get(name, AssetStatus()).by_status(partitions.all())
    return [*partitions.keys(found[status])]


def fill(story: Story, *selection: str, named: str, **chosen: str) -> None:
    """A backfill whose runs all end well."""
    story.ask(*selection, named=named, **chosen)  # type: ignore[arg-type]  # a choice
    while runs := story.launched():
        for run_id in runs:
            story.run(run_id)
    assert story.backfill(named).status == "succeeded"


def test_a_dynamic_asset_has_the_keys_that_were_added() -> None:
    story = Story(profiles)
    refused = story.plan("profiles")
    assert isinstance(refused, Refused)
    assert refused.reason == "there is nothing to run: profiles: it has no partitions yet"
    add(story, "zoe", "abe")
    add(story, "kim", "zoe")
    planned = story.plan("profiles", partitions="abe, kim")
    assert isinstance(planned, PlannedBackfill)
    assert planned.targets == {"profiles": PartitionKeys((("abe", "kim"),), 2)}


def test_a_materialization_stays_that_of_its_key_when_a_day_has_passed() -> None:
    story = Story(weather)
    fill(story, "weather", partitions="oslo|2024-05-31, rome|2024-05-30", named="b")
    story.later(DAY_S)
    assert known(story, "weather", "materialized") == ["oslo|2024-05-31", "rome|2024-05-30"]
    fill(story, "weather", choice="missing", named="c")
    assert known(story, "weather", "missing") == []
    story.later(7 * DAY_S)
    assert len(known(story, "weather", "missing")) == 14
    assert "oslo|2024-06-07" in known(story, "weather", "missing")


def test_a_million_pairs_are_moved_as_boxes() -> None:
    story = Story(invoices)
    add(story, *(f"customer {number}" for number in range(1_000)))
    story.later(998 * DAY_S)
    fill(story, "invoices", named="b")
    remove(story, "customer 500")
    add(story, "new", "customer 500")
    story.later(DAY_S)
    partitions = story.world.partitions("invoices", story.now)
    assert partitions is not None
    found = story.world.statuses(story.now)["invoices"].by_status(partitions.all())
    assert len(found["materialized"]) == 999 * 1_000
    assert len(found["missing"]) == 1_001 * 1_001 - 999 * 1_000
    assert len(snapshot.encode(story.world)) < 100_000


def test_a_backfill_fills_the_keys_there_were_when_it_was_requested() -> None:
    story = Story(profiles, invoices)
    add(story, "zoe", "abe")
    story.ask("profiles*")
    add(story, "kim")
    remove(story, "zoe")
    for _ in range(3):
        for run_id in story.launched():
            story.run(run_id)
    assert story.backfill().status == "succeeded"
    assert story.backfill().completed.materialized == {"profiles": 2, "invoices": 4}  # type: ignore[union-attr]
    assert known(story, "profiles", "materialized") == ["abe"]
    assert known(story, "invoices", "materialized") == ["abe|2024-05-30", "abe|2024-05-31"]
    assert known(story, "invoices", "missing") == ["kim|2024-05-30", "kim|2024-05-31"]


def test_a_key_that_comes_again_begins_as_missing() -> None:
    story = Story(profiles, invoices)
    add(story, "zoe", "abe")
    fill(story, "*", named="b")
    remove(story, "zoe")
    add(story, "zoe")
    assert known(story, "profiles", "materialized") == ["abe"]
    assert known(story, "invoices", "missing") == ["zoe|2024-05-30", "zoe|2024-05-31"]


def test_a_run_over_a_key_that_went_and_came_again_is_still_under_way() -> None:
    story = Story(profiles, slots=1)
    add(story, "zoe")
    story.ask("profiles", named="b")
    (run_id,) = story.launched()
    remove(story, "zoe")
    add(story, "zoe")
    assert known(story, "profiles", "in_progress") == ["zoe"]
    story.limits = type(story.limits)(5)
    story.ask("profiles", named="c")
    assert story.launched() == []
    story.run(run_id)
    assert known(story, "profiles", "materialized") == ["zoe"]
    assert story.launched() == ["c-1-1"]


def test_a_world_from_a_snapshot_has_the_plans_and_keys_of_then() -> None:
    story = Story(profiles, invoices)
    add(story, "zoe", "abe", "kim")
    story.ask("profiles*", named="b")
    remove(story, "abe")
    add(story, "bob")
    story.ask("profiles*", named="c")
    remove(story, "zoe", "kim")
    copy = snapshot.decode(snapshot.encode(story.world))
    assert copy is not None
    for backfill_id, keys in {"b": ["zoe", "abe", "kim"], "c": ["zoe", "kim", "bob"]}.items():
        for world in (story.world, copy):
            backfill = world.backfill(backfill_id)
            assert backfill is not None
            assert [*world.plans[backfill_id].group_of["profiles"].partitions] == keys
            again = world.plan_of(backfill.request, backfill.request_position)
            assert again is not None
            assert [*again.group_of["profiles"].partitions] == keys
            definition = world.catalog_for(backfill).assets["profiles"].definition
            assert definition is not None
            assert definition.get_partition_keys(story.now) == keys
    assert known(story, "profiles", "missing", copy) == known(story, "profiles", "missing") == ["bob"]


def test_runs_are_cut_by_the_keys_of_then_also_between_the_same_ends() -> None:
    def digest(*names: str) -> str:
        story = Story(profiles)
        add(story, *names)
        planned = story.plan("profiles", partitions="[zoe...kim]")
        assert isinstance(planned, PlannedBackfill)
        return planned.digest

    assert digest("zoe", "abe", "kim") == digest("zoe", "abe", "kim") == digest("zoe", "abe", "kim", "bob")
    assert digest("zoe", "abe", "kim") != digest("zoe", "ann", "kim")


def test_the_catalog_is_one_object_until_its_keys_change() -> None:
    story = Story(profiles)
    before = story.world.catalog
    add(story, "zoe")
    after = story.world.catalog
    assert after is not before
    story.tell(DynamicPartitionsAdded("others", ("x",)))
    assert story.world.catalog is after
    without = Story(weather).world
    assert without.catalog is without.catalogs.declared()


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (DailyPartitionsDefinition(start_date="2024-05-20"), ["2024-05-30", "2024-05-31"]),
        (DailyPartitionsDefinition(start_date="2024-05-31"), ["2024-05-31"]),
        (StaticPartitionsDefinition(["2024-05-31", "x"]), ["2024-05-31"]),
        (CUSTOMERS, []),
    ],
)
def test_keys_that_the_next_definition_has_too_keep_their_status(
    changed: PartitionsDefinition, left: list[str]
) -> None:
    def days(definition: PartitionsDefinition | None) -> object:
        return asset(name="days", partitions_def=definition)(lambda: None)

    story = Story(days(DAYS))
    fill(story, "days", named="b")
    story.declare(days(changed))
    assert known(story, "days", "materialized") == left
    story.declare()
    story.declare(days(None))
    assert known(story, "days", "missing") == [""]


def test_a_gap_of_the_planned_keys_is_not_filled_under_the_next_definition() -> None:
    def days(*exclusions: str) -> object:
        definition = DailyPartitionsDefinition(start_date="2024-05-24", exclusions=[*exclusions])
        return asset(name="days", partitions_def=definition, backfill_policy=BackfillPolicy.single_run())(
            lambda: None
        )

    story = Story(days("0 0 * * 6,0"))
    story.ask("days")
    (run_id,) = story.launched()
    story.declare(days())
    story.run(run_id)
    assert known(story, "days", "missing") == ["2024-05-25", "2024-05-26"]
    assert datetime.fromisoformat("2024-05-25").isoweekday() == 6
