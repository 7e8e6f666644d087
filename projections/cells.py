"""Cutting sets of two-dimensional partitions into runs of one partition each."""

from collections.abc import Iterator

from backfilld.partitions import MultiPartitions
from backfilld.partitions.grid import Box, boxes_of, cells_of
from backfilld.ranges import Ranges
from projections.ranked import Ranked


class CellCut:
    """A `Cut` into single partitions, all of one place along the second dimension before those of the next.

    So the oldest come first where that is the dimension of time, and the set costs what its boxes cost.
    """

    def __init__(self, targets: Ranges, partitions: MultiPartitions) -> None:
        self.targets = targets
        self._rows, self._columns = len(partitions.dimensions[0]), partitions.width
        self._turned = Ranked(turned(targets, self._columns, self._rows))

    @property
    def chunks_total(self) -> int:
        """See `Cut`."""
        return len(self._turned)

    def chunk(self, index: int) -> Ranges:
        """See `Cut`."""
        if not 0 <= index < self.chunks_total:
            raise IndexError(f"chunk {index} of {self.chunks_total}")
        column, row = divmod(self._turned.members(index, index + 1).first, self._rows)
        return Ranges.single(row * self._columns + column)

    def chunks_of(self, ordinals: Ranges) -> Ranges:
        """See `Cut`."""
        if ordinals == self.targets:
            return Ranges.span(0, self.chunks_total)
        return Ranges.of(self._turned.ranks(turned(ordinals, self._columns, self._rows)))

    def ordinals_of(self, chunks: Ranges) -> Ranges:
        """See `Cut`."""
        if len(chunks) == self.chunks_total:
            return self.targets
        members = (self._turned.members(start, stop).intervals for start, stop in chunks.intervals)
        return turned(Ranges.of(each for some in members for each in some), self._rows, self._columns)

    def apart(self, part: Ranges) -> Iterator[Ranges]:
        """Its partitions."""
        return map(Ranges.single, part)


def turned(cells: Ranges, columns: int, rows: int) -> Ranges:
    """Cells numbered row by row, numbered column by column instead."""
    return cells_of((Box(box.columns, box.rows) for box in boxes_of(cells, columns)), rows)
