"""What an asset's function is told about the run it is part of, and how it tells what has come of it."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from backfilld.asset_key import AssetKey
from backfilld.errors import InvalidInvocationError
from backfilld.partitions.base import UNPARTITIONED, PartitionKeyRange, Partitions, TimeWindow
from backfilld.partitions.pairs import time_windows_of
from backfilld.partitions.time_window import TimeWindowPartitions
from backfilld.ranges import Ranges


class Reporter(Protocol):
    """Where a context sends what the function reports while it runs; returns once the report is safe."""

    def materialized(self, asset_key: AssetKey, ranges: Ranges, metadata: Mapping[str, Any]) -> None:
        """These partitions (ordinals) of the asset were filled."""

    def failed(self, asset_key: AssetKey, ranges: Ranges, error: BaseException | str) -> None:
        """These partitions (ordinals) of the asset can not be filled by this attempt."""


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at that moment: a run's process puts a file there."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _run_log() -> logging.Logger:
    log = logging.getLogger("backfilld.run")
    if not log.handlers:
        handler = _StandardError(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
    return log


@dataclass(kw_only=True)
class AssetExecutionContext:
    """The run as the function of one asset sees it. ``attempt`` counts from 1.

    ``partitions`` and ``ranges`` say what the run covers: the partitions of the asset, and which of their
    ordinals. Without partitions these are `UNPARTITIONED` and its one ordinal. ``output_metadata`` gathers
    what `add_output_metadata` was given. ``log`` is a standard logger that writes to standard error.
    """

    asset_key: AssetKey
    run_id: str
    backfill_id: str
    attempt: int
    run_tags: Mapping[str, str]
    partitions: Partitions
    ranges: Ranges
    reporter: Reporter
    log: logging.Logger = field(default_factory=_run_log)
    reported_materialized: Ranges = field(default_factory=Ranges, init=False)
    reported_failed: Ranges = field(default_factory=Ranges, init=False)
    output_metadata: dict[str, Any] = field(default_factory=dict, init=False)

    @property
    def has_partition_key(self) -> bool:
        """Whether the run covers exactly one partition, so that `partition_key` is there."""
        return self.partitions is not UNPARTITIONED and len(self.ranges) == 1

    @property
    def partition_key(self) -> str:
        """The key of the one partition of the run; of a two-dimensional one a `MultiPartitionKey`.

        Raises `InvalidInvocationError` if the run has several.
        """
        self._must_be_partitioned("partition_key")
        if len(self.ranges) != 1:
            raise InvalidInvocationError(
                f"expected a run of one partition, found one of {len(self.ranges)}, {self._hull_text()}: "
                f"use context.partition_keys, context.partition_key_range or context.partition_time_window"
            )
        return self.partitions.user_key(self.ranges.first)

    @property
    def partition_keys(self) -> list[str]:
        """The keys of the run's partitions, in order."""
        self._must_be_partitioned("partition_keys")
        return list(self.partitions.user_keys(self.ranges))

    @property
    def partition_key_range(self) -> PartitionKeyRange:
        """The first and the last key of the run's partitions; of two-dimensional ones, in each dimension.

        Raises `InvalidInvocationError` where that would take in others, of keys that the run leaves out.
        """
        self._must_be_partitioned("partition_key_range")
        hull = self.partitions.hull(self.ranges)
        if len(self.partitions.ranges_of([hull])) != len(self.ranges):
            raise InvalidInvocationError(
                f"expected a run of all partitions from {hull.start!r} to {hull.end!r} for "
                f"context.partition_key_range, found one that leaves some out: use context.partition_keys or "
                f"context.partition_time_window"
            )
        return hull

    @property
    def partition_time_window(self) -> TimeWindow:
        """The time from the first window's start to the last one's end, in the definition's time zone.

        The two are ``pendulum.DateTime``: aware datetimes that days and months can be added to. Windows that
        are excluded between are spanned; `partition_time_windows` leaves these out. Partitions in two
        dimensions have the windows of their dimension of time. Raises `InvalidInvocationError` if the asset
        has no time windows, or two dimensions of them.
        """
        windows, ordinals = self._time_windows("partition_time_window")
        return _between(windows, ordinals.first, ordinals.last)

    @property
    def partition_time_windows(self) -> list[TimeWindow]:
        """The unbroken stretches of time that the run's partitions make up, ascending.

        Raises `InvalidInvocationError` if the asset has no time windows, or two dimensions of them.
        """
        windows, ordinals = self._time_windows("partition_time_windows")
        return [_between(windows, first, last) for first, last in windows.unbroken(ordinals)]

    @property
    def unreported(self) -> Ranges:
        """The partitions of the run that were reported neither as materialized nor as failed."""
        return self.ranges - self.reported_materialized - self.reported_failed

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Have these entries recorded with the partitions that the function fills."""
        self.output_metadata.update(metadata)

    def materialized(
        self, partition: str | PartitionKeyRange, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Report that a partition of this run, or a range of them, was filled, while the function goes on.

        Once this returns it stays reported whatever happens to the run, and a retry covers only the rest.
        Repeating it changes nothing. Raises `InvalidInvocationError` for partitions that the run does not
        cover or that were reported as failed.
        """
        fresh = self._reportable(partition, by="materialized", unless=self.reported_failed)
        fresh -= self.reported_materialized
        if fresh:
            self.reporter.materialized(self.asset_key, fresh, metadata or {})
            self.reported_materialized |= fresh

    def failed(self, partition: str | PartitionKeyRange, error: BaseException | str) -> None:
        """Report that a partition of this run, or a range of them, can not be filled; the rest may be.

        The run then fails, and a retry covers these. Repeating it changes nothing. Raises
        `InvalidInvocationError` for partitions that the run does not cover or that were reported as
        materialized.
        """
        fresh = self._reportable(partition, by="failed", unless=self.reported_materialized)
        fresh -= self.reported_failed
        if fresh:
            self.reporter.failed(self.asset_key, fresh, error)
            self.reported_failed |= fresh

    def _reportable(self, partition: str | PartitionKeyRange, *, by: str, unless: Ranges) -> Ranges:
        self._must_be_partitioned(by)
        first, last = (partition, partition) if isinstance(partition, str) else partition
        ranges = self.partitions.ranges_of([(first, last)])
        if not ranges.issubset(self.ranges):
            raise InvalidInvocationError(
                f"expected partitions of this run, {self._hull_text()}, found {first!r} to {last!r}"
            )
        if not ranges.isdisjoint(unless):
            raise InvalidInvocationError(
                f"expected to hear of each partition either that it was materialized or that it failed, "
                f"found both for some of {first!r} to {last!r}"
            )
        return ranges

    def _time_windows(self, asked: str) -> tuple[TimeWindowPartitions, Ranges]:
        """The windows that the run's partitions are or have, and the ordinals of those it covers."""
        try:
            return time_windows_of(self.partitions, self.ranges)
        except InvalidInvocationError as error:
            raise InvalidInvocationError(
                f"expected an asset partitioned by time for context.{asked}, found {str(self.asset_key)!r}, "
                f"which is not ({error}); use context.partition_keys"
            ) from error

    def _hull_text(self) -> str:
        hull = self.partitions.hull(self.ranges)
        return f"{hull.start!r} to {hull.end!r}"

    def _must_be_partitioned(self, asked: str) -> None:
        if self.partitions is UNPARTITIONED:
            raise InvalidInvocationError(
                f"expected a partitioned asset for context.{asked}, found {str(self.asset_key)!r}, which has "
                f"no partitions; give it partitions_def"
            )


def _between(windows: TimeWindowPartitions, first: int, last: int) -> TimeWindow:
    """The time from the start of one window to the end of another."""
    import pendulum  # noqa: PLC0415 - a tenth of a second, which the worker spends before it forks.

    zone = windows.definition.timezone
    start, end = windows.starts[first], windows.ends[last]
    return TimeWindow(pendulum.from_timestamp(start, zone), pendulum.from_timestamp(end, zone))
