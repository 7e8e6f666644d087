"""`Ranges`: immutable sets of partition ordinals, kept as intervals so that a million partitions cost one."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Self, TypeAlias

Interval: TypeAlias = tuple[int, int]


def _merged(ascending: Iterable[Interval]) -> tuple[Interval, ...]:
    """The intervals with touching and overlapping ones joined; they must come in order of their starts."""
    merged: list[Interval] = []
    last_start, last_stop = 0, -1
    for start, stop in ascending:
        if start <= last_stop:
            if stop > last_stop:
                last_stop = stop
                merged[-1] = (last_start, last_stop)
        else:
            last_start, last_stop = start, stop
            merged.append((start, stop))
    return tuple(merged)


class Ranges:
    """A set of ordinals (ints >= 0), held as sorted, disjoint, half-open intervals with adjacent ones merged.

    Equal sets have equal ``intervals``, so comparing and hashing are by value. Costs grow with the number of
    intervals and never with the number of ordinals, iteration excepted. The constructor takes intervals in
    that normal form and refuses others; `Ranges.of` brings any into it.
    """

    __slots__ = ("_size", "intervals")

    intervals: tuple[Interval, ...]

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self.intervals = tuple(intervals)
        previous, size = -1, 0
        for start, stop in self.intervals:
            if start <= previous or stop <= start:
                raise ValueError(
                    f"expected ascending, disjoint, non-adjacent intervals of ordinals >= 0, found "
                    f"{(start, stop)} after one that ends at {previous}; Ranges.of() sorts and merges"
                )
            previous = stop
            size += stop - start
        self._size = size

    @classmethod
    def _trusted(cls, intervals: tuple[Interval, ...]) -> Self:
        """A set of intervals that are known to be in normal form, unchecked."""
        ranges = object.__new__(cls)
        ranges.intervals = intervals
        ranges._size = sum(stop - start for start, stop in intervals)
        return ranges

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Self:
        """The set of all ordinals in the given half-open intervals, in any order, overlapping or empty."""
        kept = sorted(interval for interval in intervals if interval[0] < interval[1])
        if kept and kept[0][0] < 0:
            raise ValueError(f"expected ordinals >= 0, found the interval {kept[0]}")
        return cls._trusted(_merged(kept))

    @classmethod
    def single(cls, ordinal: int) -> Self:
        """The set of one ordinal."""
        return cls(((ordinal, ordinal + 1),))

    @classmethod
    def span(cls, start: int, stop: int) -> Self:
        """The set of the ordinals from ``start`` to before ``stop``; empty where stop <= start."""
        return cls(((start, stop),) if start < stop else ())

    @classmethod
    def from_ordinals(cls, ordinals: Iterable[int]) -> Self:
        """The set of the given ordinals, in any order, repeats allowed."""
        return cls.of((ordinal, ordinal + 1) for ordinal in ordinals)

    @classmethod
    def ascending(cls, ordinals: Iterable[int]) -> Self:
        """As `from_ordinals`, of distinct ordinals that come in order: without sorting a million of them."""
        intervals: list[Interval] = []
        start = stop = -1
        for ordinal in ordinals:
            if ordinal != stop:
                if start >= 0:
                    intervals.append((start, stop))
                start = ordinal
            stop = ordinal + 1
        if start >= 0:
            intervals.append((start, stop))
        return cls(intervals)

    @classmethod
    def union(cls, sets: "Iterable[Ranges]") -> Self:
        """The set of all ordinals in any of the sets, at the cost of sorting their intervals once."""
        return cls.of(interval for each in sets for interval in each.intervals)

    @property
    def first(self) -> int:
        """The least ordinal. Raises `IndexError` if the set is empty."""
        return self.intervals[0][0]

    @property
    def last(self) -> int:
        """The greatest ordinal. Raises `IndexError` if the set is empty."""
        return self.intervals[-1][1] - 1

    def isdisjoint(self, other: "Ranges") -> bool:
        """Whether the two sets have no ordinal in common."""
        return not self & other

    def issubset(self, other: "Ranges") -> bool:
        """Whether every ordinal of this set is in the other."""
        return len(self & other) == len(self)

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __iter__(self) -> Iterator[int]:
        for start, stop in self.intervals:
            yield from range(start, stop)

    def __contains__(self, ordinal: object) -> bool:
        if not isinstance(ordinal, int):
            return False
        at = bisect_right(self.intervals, ordinal, key=_start) - 1
        return at >= 0 and ordinal < self.intervals[at][1]

    def __or__(self, other: "Ranges") -> "Ranges":
        if not other.intervals:
            return self
        if not self.intervals:
            return other
        return Ranges._trusted(_merged(sorted(self.intervals + other.intervals)))

    def __and__(self, other: "Ranges") -> "Ranges":
        few, many = sorted((self.intervals, other.intervals), key=len)
        if not few:
            return _EMPTY
        # Only the stretch of the longer side that the shorter one reaches is walked.
        j = max(0, bisect_right(many, few[0][0], key=_start) - 1)
        common: list[Interval] = []
        for start, stop in few:
            while j < len(many) and many[j][1] <= start:
                j += 1
            while j < len(many) and many[j][0] < stop:
                common.append((max(start, many[j][0]), min(stop, many[j][1])))
                if many[j][1] > stop:
                    break
                j += 1
        return Ranges._trusted(tuple(common))

    def __sub__(self, other: "Ranges") -> "Ranges":
        if not self.intervals or not other.intervals:
            return self
        left: list[Interval] = []
        holes = other.intervals
        j = max(0, bisect_right(holes, self.intervals[0][0], key=_start) - 1)
        for start, stop in self.intervals:
            at = start
            while j < len(holes) and holes[j][1] <= at:
                j += 1
            k = j
            while k < len(holes) and holes[k][0] < stop:
                if holes[k][0] > at:
                    left.append((at, holes[k][0]))
                at = holes[k][1]
                k += 1
            if at < stop:
                left.append((at, stop))
            j = max(j, k - 1)
        return Ranges._trusted(tuple(left))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self.intervals == other.intervals

    def __hash__(self) -> int:
        return hash(self.intervals)

    def __repr__(self) -> str:
        return f"Ranges({self.intervals!r})"


def _start(interval: Interval) -> int:
    return interval[0]


_EMPTY = Ranges()
