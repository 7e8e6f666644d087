"""Status grids of two dimensions: any number of pairs in a bounded number of cells."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec
from pyroaring import BitMap

from backfilld.partitions import MultiPartitions, TimeWindowPartitions
from daemon.web.pages.bars import HEIGHT, STACKED, Piece, Shares, counts_text, edges_of, pieces_of
from projections.asset_status import PARTITION_STATUSES, PartitionStatus

ROWS = 24
COLUMNS = 48
GAP = 0.08  # of a row's height, so that rows stay apart

Bits = Mapping[PartitionStatus, BitMap]


class Block(msgspec.Struct, frozen=True):
    """All pairs from one row up to another, and from one column up to another, by ordinals of dimensions."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, partitions: MultiPartitions) -> "Block":
        """All pairs there are."""
        rows, columns = partitions.dimensions
        return cls(0, len(rows), 0, len(columns))

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return (self.bottom - self.top) * (self.right - self.left)

    def side(self, axis: int) -> tuple[int, int]:
        """From where up to where it reaches in a dimension."""
        return ((self.top, self.bottom), (self.left, self.right))[axis]


class Grid(msgspec.Struct, frozen=True):
    """How the pairs of a block stand; one dimension lies across, the other runs down."""

    block: Block
    across: int  # the dimension that lies across: 0 or 1
    x_edges: list[int]  # ordinals of the dimension that lies across
    y_edges: list[int]
    pieces: tuple[Piece, ...]
    counts: dict[PartitionStatus, int]

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see the grid."""
        return counts_text(self.counts)


def grid_of(
    bits: Bits, partitions: MultiPartitions, block: Block, *, rows: int = ROWS, columns: int = COLUMNS
) -> Grid:
    """The grid of a block, which is within the partitions that the bits are of."""
    across = across_of(partitions)
    x_edges, y_edges = edges_of(*block.side(across), columns), edges_of(*block.side(1 - across), rows)
    row_edges, column_edges = (x_edges, y_edges) if across == 0 else (y_edges, x_edges)
    cells = {
        status: list(_cells(bits[status], partitions.width, row_edges, column_edges)) for status in STACKED
    }
    if across == 0:
        cells = {
            status: [list(each) for each in zip(*counts, strict=True)] for status, counts in cells.items()
        }
    counts = {status: sum(map(sum, cells[status])) if status in cells else 0 for status in PARTITION_STATUSES}
    counts["missing"] = block.count - sum(counts.values())
    return Grid(block, across, x_edges, y_edges, tuple(_pieces(cells, x_edges, y_edges)), counts)


def across_of(partitions: MultiPartitions) -> int:
    """The dimension that lies across: the one of time, and else the second."""
    first, second = (isinstance(each, TimeWindowPartitions) for each in partitions.dimensions)
    return 0 if first and not second else 1


def _cells(bits: BitMap, width: int, row_edges: list[int], column_edges: list[int]) -> Iterator[list[int]]:
    """How many of the bits lie in each cell, row by row.

    Bands of rows that are empty or full are told by one look, and others by one for each row and column: in
    an array of the bits, which is searched in half the time that the bitmap takes.
    """
    sizes = [last - first for first, last in pairwise(column_edges)]
    found: array[int] | None = None
    for first_row, last_row in pairwise(row_edges):
        rows = last_row - first_row
        in_band = bits.range_cardinality(first_row * width, last_row * width)
        if in_band in {0, rows * width}:
            yield [size * rows if in_band else 0 for size in sizes]
            continue
        found = bits.to_array() if found is None else found
        counts = [0] * len(sizes)
        low = bisect_left(found, first_row * width)
        for start in range(first_row * width, last_row * width, width):
            high = bisect_left(found, start + width, low, min(low + width, len(found)))
            if high > low:
                below = [bisect_left(found, start + edge, low, high) for edge in column_edges]
                counts = [
                    count + last - first for count, (first, last) in zip(counts, pairwise(below), strict=True)
                ]
            low = high
        yield counts


def _pieces(
    cells: Mapping[PartitionStatus, list[list[int]]], x_edges: list[int], y_edges: list[int]
) -> Iterator[Piece]:
    if not x_edges or not y_edges:
        return
    height = HEIGHT / (len(y_edges) - 1)
    for index, (first, last) in enumerate(pairwise(y_edges)):
        sizes = [(last - first) * (right - left) for left, right in pairwise(x_edges)]
        shares: list[Shares] = [
            tuple(cells[status][index][column] / size for status in STACKED)
            for column, size in enumerate(sizes)
        ]
        yield from pieces_of(x_edges, shares, y=index * height + height * GAP / 2, height=height * (1 - GAP))
