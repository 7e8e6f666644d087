"""What an asset's page says in words: definitions, mappings, metadata, counts."""

import pytest

from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    LastPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from daemon.definition_text import definition_text, kind_text, mapping_text, retry_text
from daemon.web.pages.lineage.cards import short
from daemon.web.pages.materialized import ROWS_MAX, value_of
from daemon.web.pages.plots import brief
from projections.catalog import RetrySpec

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", timezone="Europe/Berlin")
LETTERS = StaticPartitionsDefinition(["a", "b", "c"])


@pytest.mark.parametrize(
    ("definition", "kind", "told"),
    [
        (None, "not partitioned", "one run fills all of it"),
        (DAYS, "daily", "daily windows from 2024-01-01 Europe/Berlin"),
        (
            DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-01", end_offset=1),
            "daily",
            "daily windows from 2024-01-01 to 2024-02-01 UTC, 1 window more than have ended",
        ),
        (
            TimeWindowPartitionsDefinition(
                start="2024-01-01-06:30",
                fmt="%Y-%m-%d-%H:%M",
                cron_schedule="30 */6 * * *",
                end_offset=-2,
                exclusions=["30 6 * * *"],
            ),
            "30 */6 * * *",
            (
                "windows between the ticks of 30 */6 * * * from 2024-01-01 06:30 UTC, "
                "without the last 2 windows that have ended, without 1 exclusion"
            ),
        ),
        (LETTERS, "static", "3 keys that the code lists"),
        (DynamicPartitionsDefinition(name="shops"), "dynamic: shops", "the keys of the dynamic set shops"),
        (
            MultiPartitionsDefinition({"letter": LETTERS, "date": DAYS}),
            "date by letter",
            (
                "every pair of date (daily windows from 2024-01-01 Europe/Berlin) and letter "
                "(3 keys that the code lists)"
            ),
        ),
    ],
)
def test_definitions(definition: PartitionsDefinition | None, kind: str, told: str) -> None:
    assert (kind_text(definition), definition_text(definition)) == (kind, told)


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        (IdentityPartitionMapping(), "the same key"),
        (AllPartitionMapping(), "all partitions"),
        (LastPartitionMapping(), "the last partition"),
        (SpecificPartitionsPartitionMapping(["a", "b"]), "always a, b"),
        (StaticPartitionMapping({"a": "x", "b": ["x", "y"]}), "by a table of 2 keys"),
        (TimeWindowPartitionMapping(), "the windows that overlap"),
        (TimeWindowPartitionMapping(start_offset=-1, end_offset=-1), "the window 1 before"),
        (
            TimeWindowPartitionMapping(start_offset=-6, allow_nonexistent_upstream_partitions=True),
            "the windows from 6 before to its own, where they exist",
        ),
        (MultiToSingleDimensionPartitionMapping(), "the pairs that share its key"),
        (
            MultiToSingleDimensionPartitionMapping(partition_dimension_name="date"),
            "the pairs that share its key, by date",
        ),
        (
            MultiPartitionMapping({"day": DimensionPartitionMapping("date", TimeWindowPartitionMapping())}),
            "by dimension (day: the windows that overlap as date)",
        ),
    ],
)
def test_mappings(mapping: PartitionMapping, told: str) -> None:
    assert mapping_text(mapping) == told


def test_retries() -> None:
    assert retry_text(None) == retry_text(RetrySpec(0)) == "not tried again"
    assert retry_text(RetrySpec(1)) == "tried again once"
    told = retry_text(RetrySpec(3, delay_s=1.5, backoff="exponential", jitter="plus_minus"))
    assert told == "tried again up to 3 times, after 1.5 s, exponential backoff, plus minus jitter"


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (1461, "number", "1,461"),
        (True, "truth", "yes"),
        (0.1 + 0.2, "number", "0.3"),
        (None, "none", "none"),
        ("https://example.com", "text", "https://example.com"),
        ([1, 2], "json", "[\n  1,\n  2\n]"),
        ([], "json", "[]"),
        ({"a": {}}, "json", '{\n  "a": {}\n}'),
    ],
)
def test_values_of_metadata_have_the_shape_that_suits_them(value: object, shape: str, text: str) -> None:
    found = value_of("name", value)
    assert (found.shape, found.text) == (shape, text)


def test_a_list_of_objects_is_a_table_of_a_bounded_number_of_rows() -> None:
    found = value_of("rows", [{"a": 1, "b": [2]}, {"c": "<x>"}] * 40)
    assert (found.shape, found.columns, found.rows_total) == ("table", ("a", "b", "c"), 80)
    assert found.rows[:2] == (("1", "[2]", ""), ("", "", "<x>"))
    assert len(found.rows) == ROWS_MAX


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (99_999, "99.9k"),
        (999_999, "999k"),
        (1_000_000, "1.00M"),
        (12_345_678, "12.3M"),
        (10**12, "1,000G"),
    ],
)
def test_short_counts_are_never_rounded_up(count: int, told: str) -> None:
    assert short(count) == told


def test_brief_numbers_have_six_digits_that_count() -> None:
    assert [brief(each) for each in (0.0, 0.1 + 0.2, 12.3456789, -1e20, 1e300)] == [
        "0",
        "0.3",
        "12.3457",
        "-1e+20",
        "1e+300",
    ]
