"""Partition status bars: any number of partitions in a bounded number of columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec
from pyroaring import BitMap

from projections.asset_status import PARTITION_STATUSES, PartitionStatus

COLUMNS = 120
HEIGHT = 100  # per cent

# From the bottom of a column to its top; what is missing is the bar's ground.
STACKED: tuple[PartitionStatus, ...] = ("materialized", "in_progress", "skipped", "failed")

Shares = tuple[float, ...]  # of what is in a column, in the order of STACKED


class Piece(msgspec.Struct, frozen=True):
    """A rectangle of one status; all in per cent of the bar."""

    status: PartitionStatus
    x: float
    y: float
    width: float
    height: float


class Shape(msgspec.Struct, frozen=True):
    """All pieces of one status as one SVG path, so that a picture has a few nodes however mixed it is."""

    status: PartitionStatus
    path: str


def shapes_of(pieces: Iterable[Piece]) -> tuple[Shape, ...]:
    """The pieces, a shape for each status.

    >>> shapes_of([Piece("failed", 0, 50, 12.5, 50), Piece("failed", 20, 0, 1, 100)])
    (Shape(status='failed', path='M0 50h12.5v50h-12.5zM20 0h1v100h-1z'),)
    """
    paths: dict[PartitionStatus, list[str]] = {}
    for piece in pieces:
        path = f"M{piece.x:g} {piece.y:g}h{piece.width:g}v{piece.height:g}h{-piece.width:g}z"
        paths.setdefault(piece.status, []).append(path)
    return tuple(Shape(status, "".join(each)) for status, each in paths.items())


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
    def shapes(self) -> tuple[Shape, ...]:
        """The pieces as SVG paths."""
        return shapes_of(self.pieces)

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see the bar."""
        return counts_text(self.counts)


def counts_text(counts: Mapping[PartitionStatus, int]) -> str:
    """How many partitions stand how, of how many.

    >>> counts_text({"materialized": 1200, "in_progress": 1, "missing": 0})
    '1,200 materialized, 1 in progress of 1,201'
    """
    told = [f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items() if count]
    return f"{', '.join(told)} of {sum(counts.values()):,}" if told else "no partitions"


def bar_of(bits: Mapping[PartitionStatus, BitMap], start: int, stop: int, *, columns: int = COLUMNS) -> Bar:
    """The bar of the partitions from ``start`` up to ``stop``, which are those that the bits are of."""
    counts = {status: bits[status].range_cardinality(start, stop) for status in PARTITION_STATUSES}
    edges = edges_of(start, stop, columns)
    present = [status if counts[status] else None for status in STACKED]  # the others need no look
    shares = (
        tuple(
            0.0 if status is None else bits[status].range_cardinality(first, last) / (last - first)
            for status in present
        )
        for first, last in pairwise(edges)
    )
    return Bar(start, stop, tuple(pieces_of(edges, shares)), counts)


def edges_of(start: int, stop: int, columns: int) -> list[int]:
    """The ends of at most so many columns that hold equally many, but for one; empty where there are none."""
    count = stop - start
    columns = min(columns, count)
    return [start + count * column // columns for column in range(columns + 1)] if columns > 0 else []


def pieces_of(
    edges: Sequence[int], shares: Iterable[Shares], *, y: float = 0, height: float = HEIGHT
) -> Iterator[Piece]:
    """The pieces of the columns between the edges; neighbours that look the same are one.

    They are drawn between ``y`` and ``y + height`` of the picture.
    """
    merged: list[tuple[int, int, Shares]] = []  # first edge, last edge, shares
    for (first, last), each in zip(pairwise(edges), shares, strict=True):
        if merged and merged[-1][2] == each:
            merged[-1] = (merged[-1][0], last, each)
        else:
            merged.append((first, last, each))
    for first, last, each in merged:
        x = 100 * (first - edges[0]) / (edges[-1] - edges[0])
        width = 100 * (last - first) / (edges[-1] - edges[0])
        top = y + height
        for status, share in zip(STACKED, each, strict=True):
            if share:
                top -= height * share
                yield Piece(
                    status, round(x, 3), round(max(top, y), 3), round(width, 3), round(height * share, 3)
                )
