"""Cutting a set of partitions into runs, by arithmetic: nothing is listed, whatever the size."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Protocol

from backfilld.partitions import MultiPartitions, Partitions
from backfilld.ranges import Ranges
from events.facts import RunGroup
from projections.boxes import BoxCut
from projections.cells import CellCut


class Cut(Protocol):
    """Chunks of a set of ordinals, numbered from 0. Each chunk is one run."""

    @property
    def targets(self) -> Ranges:
        """The set that is cut."""
        ...

    @property
    def chunks_total(self) -> int:
        """How many chunks it is cut into."""
        ...

    def chunk(self, index: int) -> Ranges:
        """The ordinals of a chunk. Raises `IndexError` for one that is none."""
        ...

    def chunks_of(self, ordinals: Ranges) -> Ranges:
        """The chunks that hold any of these ordinals; those that are no targets are in none."""
        ...

    def ordinals_of(self, chunks: Ranges) -> Ranges:
        """The ordinals of these chunks."""
        ...

    def apart(self, part: Ranges) -> Iterator[Ranges]:
        """Part of a chunk, as the sets that one run each can cover."""
        ...


def cut_of(group: RunGroup, partitions: Partitions, targets: Ranges) -> Cut:
    """The runs of a group, over ``targets`` among these partitions."""
    size_max = group.partitions_per_run_max
    if group.along is not None and isinstance(partitions, MultiPartitions):
        if size_max != 1:
            return BoxCut(targets, partitions, size_max, along=group.along, in_turn=group.in_turn)
        if group.along == partitions.names[1]:
            return CellCut(targets, partitions)
    return StretchCut(targets, size_max, in_turn=group.in_turn)


class StretchCut:
    """Chunks of at most ``size_max`` consecutive ordinals (None: a chunk per stretch).

    A gap between ordinals always ends a chunk, since code that overwrites a window must not touch what was
    not asked for. ``in_turn`` counts ``size_max`` off across gaps, so that the chunks between two multiples
    of it hold no more together; else the count begins anew with each stretch. Building costs one step per
    stretch, every look-up the logarithm of their number.
    """

    __slots__ = (
        "_chunks_before",
        "_counted_before",
        "_starts",
        "_stops",
        "chunks_total",
        "size_max",
        "targets",
    )

    def __init__(self, targets: Ranges, size_max: int | None, *, in_turn: bool = False) -> None:
        self.targets = targets
        self.size_max = size_max
        self._starts = [start for start, _ in targets.intervals]
        self._stops = [stop for _, stop in targets.intervals]
        lengths = [stop - start for start, stop in targets.intervals]
        # How far the count has come within a chunk where a stretch begins.
        self._counted_before = (
            [before % size_max for before in accumulate(lengths[:-1], initial=0)]
            if in_turn and size_max is not None and lengths
            else [0] * len(lengths)
        )
        counts = (
            1 if size_max is None else -(-(length + before) // size_max)
            for length, before in zip(lengths, self._counted_before, strict=True)
        )
        self._chunks_before = [0, *accumulate(counts)]
        self.chunks_total = self._chunks_before[-1]

    def chunk(self, index: int) -> Ranges:
        """See `Cut`."""
        return Ranges.span(*self._span(index))

    def chunks_of(self, ordinals: Ranges) -> Ranges:
        """See `Cut`."""
        return Ranges.of(
            (self._index_of(start), self._index_of(stop - 1) + 1)
            for first, last in ordinals.intervals
            for start, stop in self._within_stretches(first, last)
        )

    def ordinals_of(self, chunks: Ranges) -> Ranges:
        """See `Cut`."""
        spans = ((self._span(first)[0], self._span(last - 1)[1]) for first, last in chunks.intervals)
        return Ranges.of(spans) & self.targets

    def apart(self, part: Ranges) -> Iterator[Ranges]:
        """Its stretches."""
        return (Ranges.span(start, stop) for start, stop in part.intervals)

    def _span(self, index: int) -> tuple[int, int]:
        """The first ordinal of a chunk and the one behind its last."""
        if not 0 <= index < self.chunks_total:
            raise IndexError(f"chunk {index} of {self.chunks_total}")
        stretch = bisect_right(self._chunks_before, index) - 1
        start, stop = self._starts[stretch], self._stops[stretch]
        if self.size_max is None:
            return start, stop
        counted_from = start - self._counted_before[stretch]
        begin = counted_from + (index - self._chunks_before[stretch]) * self.size_max
        return max(begin, start), min(begin + self.size_max, stop)

    def _index_of(self, ordinal: int) -> int:
        """The chunk that holds an ordinal, which must be a target."""
        stretch = bisect_right(self._starts, ordinal) - 1
        if self.size_max is None:
            return stretch
        counted = ordinal - self._starts[stretch] + self._counted_before[stretch]
        return self._chunks_before[stretch] + counted // self.size_max

    def _within_stretches(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The interval cut at the ends of stretches; it usually lies within one."""
        stretch = bisect_right(self._starts, start) - 1
        if stretch >= 0 and stop <= self._stops[stretch]:
            return [(start, stop)]
        return list((Ranges.of([(start, stop)]) & self.targets).intervals)
