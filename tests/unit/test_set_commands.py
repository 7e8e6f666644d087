"""What people may ask of dynamic sets: the facts that follow, or why not."""

import pytest

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
)
from daemon.commands import add_keys, assets_with, remove_keys
from daemon.refusal import Refused
from events.facts import DynamicPartitionsAdded, DynamicPartitionsRemoved
from projections.world import World
from tests.story import Story

CUSTOMERS = DynamicPartitionsDefinition("customers")
DAYS = DailyPartitionsDefinition(start_date="2024-05-30")


@asset(partitions_def=CUSTOMERS)
def profiles() -> None: ...


@asset(partitions_def=MultiPartitionsDefinition({"customer": CUSTOMERS, "date": DAYS}))
def invoices() -> None: ...


@asset(partitions_def=DynamicPartitionsDefinition("cities"))
def weather() -> None: ...


def world_with(*keys: str) -> World:
    """Some assets, and keys of the customers."""
    story = Story(profiles, invoices, weather)
    story.tell(DynamicPartitionsAdded("customers", keys))
    return story.world


def test_keys_that_are_new_are_added_once_and_in_order() -> None:
    added = add_keys(world_with("zoe"), "customers", ["kim", "zoe", "abe", "kim"], "signed today")
    assert added == (DynamicPartitionsAdded("customers", ("kim", "abe"), "signed today"),)


def test_keys_that_are_there_are_removed() -> None:
    removed = remove_keys(world_with("zoe", "abe"), "customers", ["kim", "zoe", "zoe"], None)
    assert removed == (DynamicPartitionsRemoved("customers", ("zoe",)),)


def test_where_nothing_changes_nothing_is_recorded() -> None:
    assert add_keys(world_with("zoe"), "customers", ["zoe"], None) == ()
    assert remove_keys(world_with("zoe"), "customers", ["abe"], None) == ()
    assert remove_keys(world_with("zoe"), "nobody", ["abe"], None) == ()


def test_a_set_may_come_before_the_assets_that_have_it() -> None:
    assert add_keys(World(), "customers", ["a|b"], None) == (DynamicPartitionsAdded("customers", ("a|b",)),)


@pytest.mark.parametrize(
    ("name", "key", "reason"),
    [
        ("customers", "", "'' cannot be a partition key: it is empty"),
        ("customers", "a...b", "'a...b' cannot be a partition key: '...' stands between the ends"),
        ("customers", "a|b", "'a|b' cannot be a partition key: '|' stands between the two keys of a pair"),
        ("customers", "a\nb", "'a\\nb' cannot be a partition key: it has characters in it that are no text"),
        ("customers", "\udcff", "'\\udcff' cannot be a partition key: it has characters in it that are no"),
        ("", "a", "'' cannot be the name of a dynamic set"),
        ("a\0", "a", "'a\\x00' cannot be the name of a dynamic set"),
    ],
)
def test_what_can_be_no_key_is_refused_with_all_that_was_asked_for(name: str, key: str, reason: str) -> None:
    refused = add_keys(world_with(), name, ["fine", key], None)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(reason)
    assert refused.reason.endswith("; nothing was added")


def test_a_bar_is_fine_in_a_set_of_which_there_are_no_pairs() -> None:
    assert add_keys(world_with(), "cities", ["a|b"], None) == (DynamicPartitionsAdded("cities", ("a|b",)),)


def test_the_assets_with_a_set_are_named() -> None:
    assert assets_with(world_with(), "customers") == ("invoices", "profiles")
    assert assets_with(world_with(), "nobody") == ()
