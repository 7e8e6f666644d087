"""The context: what a run covers, and the reports that a function makes while it runs."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from backfilld import (
    AssetExecutionContext,
    AssetKey,
    DailyPartitionsDefinition,
    InvalidInvocationError,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindow,
    UnknownPartitionKeyError,
)
from backfilld.partitions import UNPARTITIONED
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DAILY = DailyPartitionsDefinition(
    start_date="2024-03-01", timezone="America/New_York", exclusions=["0 0 * * 6,0"]
)


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str, Ranges, object]] = []

    def materialized(self, asset_key: AssetKey, ranges: Ranges, metadata: Mapping[str, Any]) -> None:
        self.reports.append(("materialized", str(asset_key), ranges, dict(metadata)))

    def failed(self, asset_key: AssetKey, ranges: Ranges, error: BaseException | str) -> None:
        self.reports.append(("failed", str(asset_key), ranges, error))


def context_of(
    ranges: Ranges, definition: PartitionsDefinition | None = DAILY, reporter: Heard | None = None
) -> AssetExecutionContext:
    return AssetExecutionContext(
        asset_key=AssetKey("events"),
        run_id="abcd1234-3-1",
        backfill_id="abcd1234",
        attempt=1,
        run_tags={"team": "core"},
        partitions=UNPARTITIONED if definition is None else definition.partitions(NOW),
        ranges=ranges,
        reporter=reporter or Heard(),
    )


def test_one_partition() -> None:
    context = context_of(Ranges.single(6))
    assert context.has_partition_key
    assert context.partition_key == "2024-03-11"
    assert context.partition_keys == ["2024-03-11"]
    assert context.partition_key_range == PartitionKeyRange("2024-03-11", "2024-03-11")
    start, end = context.partition_time_window
    assert (start.isoformat(), end.isoformat()) == ("2024-03-11T00:00:00-04:00", "2024-03-12T00:00:00-04:00")


def test_several_partitions_span_the_hole_between_them() -> None:
    context = context_of(Ranges.span(4, 8))
    assert not context.has_partition_key
    assert context.partition_keys == ["2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"]
    assert tuple(context.partition_key_range) == ("2024-03-07", "2024-03-12")
    assert [at.isoformat() for at in context.partition_time_window] == [
        "2024-03-07T00:00:00-05:00",
        "2024-03-13T00:00:00-04:00",
    ]
    pieces = [(piece.start.day, piece.end.day) for piece in context.partition_time_windows]
    assert pieces == [(7, 9), (11, 13)]
    assert all(isinstance(piece, TimeWindow) for piece in context.partition_time_windows)


def test_the_one_key_of_several_is_an_error_that_names_the_three_properties() -> None:
    context = context_of(Ranges.span(4, 8))
    with pytest.raises(InvalidInvocationError) as raised:
        _ = context.partition_key
    for name in ("partition_keys", "partition_key_range", "partition_time_window"):
        assert f"context.{name}" in str(raised.value)


@pytest.mark.parametrize(
    "name", ["partition_key", "partition_keys", "partition_key_range", "partition_time_window"]
)
def test_an_asset_without_partitions_has_none_to_tell(name: str) -> None:
    context = context_of(UNPARTITIONED.all(), definition=None)
    assert not context.has_partition_key
    with pytest.raises(InvalidInvocationError, match="partition"):
        getattr(context, name)


def test_partitions_that_are_no_time_windows_have_no_time() -> None:
    context = context_of(Ranges.single(0), StaticPartitionsDefinition(["red"]))
    assert context.partition_key == "red"
    for name in ("partition_time_window", "partition_time_windows"):
        with pytest.raises(InvalidInvocationError, match=r"partitioned by time"):
            getattr(context, name)


CITIES = StaticPartitionsDefinition(["oslo", "rome", "bern"])


def test_two_dimensions_have_keys_with_parts_and_the_windows_of_one() -> None:
    definition = MultiPartitionsDefinition({"date": DAILY, "city": CITIES})
    cells = definition.partitions(NOW)
    some = cells.ranges_of([("oslo|2024-03-07", "rome|2024-03-12")])
    context = context_of(some, definition)
    assert len(context.partition_keys) == 8
    first, last = context.partition_key_range
    assert (first, last) == ("oslo|2024-03-07", "rome|2024-03-12")
    assert definition.get_partition_keys_in_range(context.partition_key_range, NOW) == context.partition_keys
    assert [at.isoformat() for at in context.partition_time_window] == [
        "2024-03-07T00:00:00-05:00",
        "2024-03-13T00:00:00-04:00",
    ]
    assert [(piece.start.day, piece.end.day) for piece in context.partition_time_windows] == [
        (7, 9),
        (11, 13),
    ]
    context.materialized(PartitionKeyRange("oslo|2024-03-08", "rome|2024-03-11"))
    assert len(context.unreported) == 4
    with pytest.raises(InvalidInvocationError, match="expected partitions of this run"):
        context.materialized("bern|2024-03-08")
    single = context_of(Ranges.single(cells.ordinal("bern|2024-03-08")), definition)
    assert isinstance(single.partition_key, MultiPartitionKey)
    assert single.partition_key.keys_by_dimension == {"city": "bern", "date": "2024-03-08"}


def test_a_run_that_leaves_keys_out_has_no_range_that_would_take_them_in() -> None:
    definition = MultiPartitionsDefinition({"date": DAILY, "city": CITIES})
    cells = definition.partitions(NOW)
    without_rome = [cells.ordinal("oslo|2024-03-08"), cells.ordinal("bern|2024-03-08")]
    context = context_of(Ranges.from_ordinals(without_rome), definition)
    with pytest.raises(InvalidInvocationError, match=r"leaves some out: use context\.partition_keys"):
        _ = context.partition_key_range
    with pytest.raises(InvalidInvocationError, match=r"2, 'oslo\|2024-03-08' to 'bern\|2024-03-08'"):
        _ = context.partition_key
    assert context.partition_time_window.start.day == 8


def test_two_dimensions_of_time_or_none_have_no_one_window() -> None:
    for pair, found in (((DAILY, DAILY), "two dimensions of them"), ((CITIES, CITIES), "found none")):
        definition = MultiPartitionsDefinition(dict(zip("ab", pair, strict=True)))
        with pytest.raises(InvalidInvocationError, match=found):
            _ = context_of(Ranges.single(0), definition).partition_time_window


def test_single_partitions_are_reported_as_they_come() -> None:
    heard = Heard()
    context = context_of(Ranges.span(0, 5), reporter=heard)
    context.materialized("2024-03-01", metadata={"rows": 3})
    context.materialized(PartitionKeyRange("2024-03-01", "2024-03-05"))
    context.failed("2024-03-06", "no input")
    assert heard.reports == [
        ("materialized", "events", Ranges.single(0), {"rows": 3}),
        ("materialized", "events", Ranges.span(1, 3), {}),
        ("failed", "events", Ranges.single(3), "no input"),
    ]
    assert context.unreported == Ranges.single(4)


def test_repeating_a_report_changes_nothing() -> None:
    heard = Heard()
    context = context_of(Ranges.span(0, 5), reporter=heard)
    for _ in range(2):
        context.materialized("2024-03-01")
        context.failed("2024-03-04", ValueError("x"))
    assert [kind for kind, *_ in heard.reports] == ["materialized", "failed"]


def test_a_partition_is_not_both_materialized_and_failed() -> None:
    context = context_of(Ranges.span(0, 5))
    context.materialized("2024-03-01")
    context.failed("2024-03-04", "x")
    with pytest.raises(InvalidInvocationError, match="found both"):
        context.failed("2024-03-01", "x")
    with pytest.raises(InvalidInvocationError, match="found both"):
        context.materialized("2024-03-04")


def test_only_partitions_of_the_run_are_reported() -> None:
    heard = Heard()
    context = context_of(Ranges.span(0, 2), reporter=heard)
    with pytest.raises(InvalidInvocationError, match="expected partitions of this run"):
        context.materialized("2024-03-05")
    with pytest.raises(UnknownPartitionKeyError):
        context.materialized("2024-03-02")
    with pytest.raises(InvalidInvocationError, match=r"context\.materialized"):
        context_of(UNPARTITIONED.all(), definition=None).materialized("x")
    assert not heard.reports


def test_what_could_not_be_reported_counts_as_unreported() -> None:
    class Full(Heard):
        def materialized(self, *_: object) -> None:
            raise OSError("disk full")

    context = context_of(Ranges.span(0, 2), reporter=Full())
    with pytest.raises(OSError, match="disk full"):
        context.materialized("2024-03-01")
    assert context.unreported == Ranges.span(0, 2)


def test_metadata_is_gathered() -> None:
    context = context_of(Ranges.single(0))
    context.add_output_metadata({"rows": 3, "path": "a"})
    context.add_output_metadata({"path": "b"})
    assert context.output_metadata == {"rows": 3, "path": "b"}


def test_the_log_writes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(Ranges.single(0))
    assert isinstance(context.log, logging.Logger)
    context.log.info("filled %s", context.partition_key)
    context_of(Ranges.single(1)).log.debug("too much")
    captured = capsys.readouterr()
    assert captured.err.count("INFO filled 2024-03-01") == 1
    assert "too much" not in captured.err
    assert not captured.out
