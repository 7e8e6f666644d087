"""Partition status bars: any number of partitions in a bounded number of columns."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec
from pyroaring import BitMap

from projections.asset_status import PARTITION_STATUSES, PartitionStatus

COLUMNS = 120
HEIGHT = 100  # per cent

# From the bottom of a column to its top; what is missing is the bar's ground.
STACKED: tuple[PartitionStatus, ...] = ("materialized", "in_progress", "skipped", "failed")


class Piece(msgspec.Struct, frozen=True):
    """A rectangle of one status; all in per cent of the bar."""

    status: PartitionStatus
    x: float
    y: float
    width: float
    height: float


class Bar(msgspec.Struct, frozen=True):
    """How the partitions from one ordinal up to another stand."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]
    counts: dict[PartitionStatus, int]

    @property
    def count(self) -> int:
        """How many partitions there are."""
        return self.stop - self.start

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see the bar."""
        told = [f"{count:,} {status.replace('_', ' ')}" for status, count in self.counts.items() if count]
        return f"{', '.join(told)} of {self.count:,}" if told else "no partitions"


def bar_of(bits: Mapping[PartitionStatus, BitMap], start: int, stop: int, *, columns: int = COLUMNS) -> Bar:
    """The bar of the partitions from ``start`` up to ``stop``, which are those that the bits are of."""
    counts = {status: bits[status].range_cardinality(start, stop) for status in PARTITION_STATUSES}
    return Bar(start, stop, tuple(_pieces(bits, start, stop, columns)), counts)


def _pieces(bits: Mapping[PartitionStatus, BitMap], start: int, stop: int, columns: int) -> Iterator[Piece]:
    """The pieces of all columns; neighbours that look the same are one."""
    count = stop - start
    columns = min(columns, count)
    edges = [start + count * column // columns for column in range(columns + 1)] if columns else []
    pending: tuple[int, int, tuple[float, ...]] | None = None  # first edge, last edge, shares
    for first, last in pairwise(edges):
        shares = tuple(bits[status].range_cardinality(first, last) / (last - first) for status in STACKED)
        if pending is not None and pending[2] == shares:
            pending = (pending[0], last, shares)
            continue
        if pending is not None:
            yield from _column(pending, start, count)
        pending = (first, last, shares)
    if pending is not None:
        yield from _column(pending, start, count)


def _column(column: tuple[int, int, tuple[float, ...]], start: int, count: int) -> Iterator[Piece]:
    first, last, shares = column
    x, width = 100 * (first - start) / count, 100 * (last - first) / count
    top = float(HEIGHT)
    for status, share in zip(STACKED, shares, strict=True):
        if share:
            height = HEIGHT * share
            top -= height
            yield Piece(status, round(x, 3), round(max(top, 0), 3), round(width, 3), round(height, 3))
