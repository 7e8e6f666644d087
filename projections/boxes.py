"""Cutting sets of two-dimensional partitions into runs: each run is a box, a range times a set.

The range runs *along* one dimension, unbroken; the set is of keys of the other, *across*, in any number of
pieces. A key across that has a gap in its range is in two boxes, since a gap always ends a run.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from backfilld.partitions import MultiPartitions
from backfilld.ranges import Interval, Ranges
from projections.ranked import Ranked
from projections.stretches import fewest_stretches


class RunBox(NamedTuple):
    """The range from ``start`` to before ``stop`` along one dimension, for all of a set across."""

    start: int
    stop: int
    across: Ranges


class Chunks(NamedTuple):
    """How a box is cut: by so many along and so many across, all of its set before its range goes on."""

    span: Interval
    across: Ranked
    length: int
    width: int
    first_index: int

    @property
    def sets(self) -> int:
        """How many chunks its set is cut into."""
        return -(-len(self.across) // self.width)

    @property
    def total(self) -> int:
        """How many chunks it is cut into."""
        start, stop = self.span
        return -(-(stop - start) // self.length) * self.sets

    def chunk(self, index: int) -> tuple[Ranges, Ranges]:
        """What the chunk with this index holds along and across."""
        part, of_set = divmod(index - self.first_index, self.sets)
        start = self.span[0] + part * self.length
        return (
            Ranges.span(start, min(start + self.length, self.span[1])),
            self.across.members(of_set * self.width, (of_set + 1) * self.width),
        )

    def chunks_of(self, along: Ranges, across: Ranges) -> Iterator[Interval]:
        """The chunks that hold any cell of this box with these keys along and across."""
        start = self.span[0]
        within = along & Ranges.span(*self.span)
        parts = _steps(((first - start, last - start) for first, last in within.intervals), self.length)
        of_set = _steps(self.across.ranks(across), self.width)
        for first, last in parts.intervals:
            if len(of_set) == self.sets:
                yield self.first_index + first * self.sets, self.first_index + last * self.sets
                continue
            for part in range(first, last):
                begin = self.first_index + part * self.sets
                yield from ((begin + low, begin + high) for low, high in of_set.intervals)


class BoxCut:
    """A `Cut` into the fewest boxes, and these into chunks of at most ``size_max`` partitions (None: whole).

    A chunk has as many whole ranges as fit, or as much of the range as fits for the whole set, whichever
    makes fewer runs. ``in_turn`` keeps every run to one place along, so that it may need whatever comes
    before it.
    """

    def __init__(
        self, targets: Ranges, partitions: MultiPartitions, size_max: int | None, *, along: str, in_turn: bool
    ) -> None:
        self.targets = targets
        self._partitions = partitions
        self._axis = partitions.names.index(along)
        self._chunks: list[Chunks] = []
        for box in fewest_boxes(partitions, targets, self._axis):
            length, width = _shape(box, size_max, in_turn=in_turn)
            span, across = (box.start, box.stop), Ranked(box.across)
            self._chunks.append(Chunks(span, across, length, width, self.chunks_total))
        self._first_indices = [chunks.first_index for chunks in self._chunks]
        self._by_key: dict[int, list[Chunks]] = {}

    @property
    def chunks_total(self) -> int:
        """See `Cut`."""
        return self._chunks[-1].first_index + self._chunks[-1].total if self._chunks else 0

    def chunk(self, index: int) -> Ranges:
        """See `Cut`."""
        if not 0 <= index < self.chunks_total:
            raise IndexError(f"chunk {index} of {self.chunks_total}")
        return self._cells(*self._chunks[bisect_right(self._first_indices, index) - 1].chunk(index))

    def chunks_of(self, ordinals: Ranges) -> Ranges:
        """See `Cut`."""
        if ordinals == self.targets:
            return Ranges.span(0, self.chunks_total)
        return Ranges.of(
            interval
            for along, across in _seen_along(self._partitions, ordinals, self._axis)
            for chunks in self._meeting(across)
            for interval in chunks.chunks_of(along, across)
        )

    def ordinals_of(self, chunks: Ranges) -> Ranges:
        """See `Cut`."""
        if len(chunks) == self.chunks_total:
            return self.targets
        return Ranges.union(self.chunk(index) for index in chunks)

    def apart(self, part: Ranges) -> Iterator[Ranges]:
        """Its boxes."""
        for box in fewest_boxes(self._partitions, part, self._axis):
            yield self._cells(Ranges.span(box.start, box.stop), box.across)

    def _meeting(self, across: Ranges) -> Sequence[Chunks]:
        """The boxes that have any of these keys."""
        if len(across) > len(self._chunks):
            return self._chunks
        if not self._by_key:
            by_key = defaultdict(list)
            for chunks in self._chunks:
                for key in chunks.across.ranges:
                    by_key[key].append(chunks)
            self._by_key = by_key
        met = {chunks.first_index: chunks for key in across for chunks in self._by_key.get(key, ())}
        return list(met.values())

    def _cells(self, along: Ranges, across: Ranges) -> Ranges:
        return self._partitions.product(*((along, across) if self._axis == 0 else (across, along)))


def along_of(partitions: MultiPartitions, targets: Ranges, axes: Sequence[int]) -> str:
    """The dimension, of those given by axis, along which a set makes the fewest boxes; the last of equals."""
    axis = min(reversed(axes), key=lambda axis: len(fewest_boxes(partitions, targets, axis)))
    return partitions.names[axis]


def fewest_boxes(partitions: MultiPartitions, cells: Ranges, axis: int) -> list[RunBox]:
    """The least number of boxes that make up a set of cells, disjoint, in the order of their ranges.

    Each range is a whole stretch of at least one key, cut nowhere but where another key's stretch ends.
    """
    keys: defaultdict[Interval, list[Interval]] = defaultdict(list)
    for along, across in _seen_along(partitions, cells, axis):
        for stretch in along.intervals:
            keys[stretch] += across.intervals
    made_of = fewest_stretches(keys)
    merged: defaultdict[Interval, list[Interval]] = defaultdict(list)
    for stretch, across_intervals in keys.items():
        for part in made_of[stretch]:
            merged[part] += across_intervals
    return sorted(RunBox(*stretch, Ranges.of(across)) for stretch, across in merged.items())


def _seen_along(partitions: MultiPartitions, cells: Ranges, axis: int) -> Iterable[tuple[Ranges, Ranges]]:
    """Disjoint boxes of a set as what they hold along and across, no two of which share keys across."""
    boxes = partitions.boxes(cells)
    if axis == 1:
        return ((box.columns, box.rows) for box in boxes)
    if len(boxes) == 1:
        return ((boxes[0].rows, boxes[0].columns),)
    edges = sorted({edge for box in boxes for interval in box.columns.intervals for edge in interval})
    rows_by_columns: defaultdict[Interval, list[Interval]] = defaultdict(list)
    at = {edge: index for index, edge in enumerate(edges)}
    for box in boxes:
        for start, stop in box.columns.intervals:
            for interval in pairwise(edges[at[start] : at[stop] + 1]):
                rows_by_columns[interval] += box.rows.intervals
    columns_by_rows: defaultdict[Ranges, list[Interval]] = defaultdict(list)
    for interval, rows in rows_by_columns.items():
        columns_by_rows[Ranges.of(rows)].append(interval)
    return ((rows, Ranges.of(columns)) for rows, columns in columns_by_rows.items())


def _shape(box: RunBox, size_max: int | None, *, in_turn: bool) -> tuple[int, int]:
    """How many partitions along and across a chunk of a box has at most."""
    length, width = 1 if in_turn else box.stop - box.start, len(box.across)
    if size_max is None or length * width <= size_max:
        return length, width
    long = min(length, size_max)
    broad = min(width, size_max)
    shapes = ((long, min(size_max // long, width)), (min(size_max // broad, length), broad))
    return min(shapes, key=lambda shape: -(-length // shape[0]) * -(-width // shape[1]))


def _steps(intervals: Iterable[Interval], size: int) -> Ranges:
    """The places of some numbers when they are counted in steps of a size."""
    return Ranges.of((start // size, (stop - 1) // size + 1) for start, stop in intervals)
