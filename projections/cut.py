"""Cutting a set of partitions into runs, by arithmetic: nothing is listed, whatever the size."""

from bisect import bisect_right
from itertools import accumulate

from backfilld.ranges import Ranges


class Cut:
    """Chunks of at most ``size_max`` consecutive ordinals (None: a chunk per stretch), numbered from 0.

    A gap between ordinals always ends a chunk, since code that overwrites a window must not touch what was
    not asked for. Building costs one step per stretch, every look-up the logarithm of their number.
    """

    __slots__ = ("_chunks_before", "_starts", "_stops", "chunks_total", "size_max", "targets")

    def __init__(self, targets: Ranges, size_max: int | None) -> None:
        self.targets = targets
        self.size_max = size_max
        self._starts = [start for start, _ in targets.intervals]
        self._stops = [stop for _, stop in targets.intervals]
        counts = (
            1 if size_max is None else -(-(stop - start) // size_max) for start, stop in targets.intervals
        )
        self._chunks_before = [0, *accumulate(counts)]
        self.chunks_total = self._chunks_before[-1]

    def chunk(self, index: int) -> tuple[int, int]:
        """The ordinals of a chunk, half-open."""
        if not 0 <= index < self.chunks_total:
            raise IndexError(f"chunk {index} of {self.chunks_total}")
        stretch = bisect_right(self._chunks_before, index) - 1
        start, stop = self._starts[stretch], self._stops[stretch]
        if self.size_max is None:
            return start, stop
        start += (index - self._chunks_before[stretch]) * self.size_max
        return start, min(start + self.size_max, stop)

    def index_of(self, ordinal: int) -> int:
        """The chunk that holds an ordinal of the targets."""
        stretch = bisect_right(self._starts, ordinal) - 1
        if stretch < 0 or ordinal >= self._stops[stretch]:
            raise KeyError(ordinal)
        if self.size_max is None:
            return stretch
        return self._chunks_before[stretch] + (ordinal - self._starts[stretch]) // self.size_max

    def chunks_of(self, ordinals: Ranges) -> Ranges:
        """The chunks that hold any of these ordinals, all of which must be targets."""
        return Ranges.of(
            (self.index_of(start), self.index_of(stop - 1) + 1)
            for first, last in ordinals.intervals
            for start, stop in self._within_stretches(first, last)
        )

    def ordinals_of(self, chunks: Ranges) -> Ranges:
        """The ordinals of these chunks."""
        spans = []
        for first, last in chunks.intervals:
            start, stop = self.chunk(first)[0], self.chunk(last - 1)[1]
            spans.append((start, stop))
        return Ranges.of(spans) & self.targets

    def _within_stretches(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The interval cut at the ends of stretches; it usually lies within one."""
        stretch = bisect_right(self._starts, start) - 1
        if stretch >= 0 and stop <= self._stops[stretch]:
            return [(start, stop)]
        return list((Ranges.of([(start, stop)]) & self.targets).intervals)
