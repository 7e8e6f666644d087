"""A set of ordinals whose members are known by their rank, from 0, as well."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from backfilld.ranges import Interval, Ranges


class Ranked:
    """The ranks of a set. Making it costs one step per interval, a look-up the logarithm of their number."""

    __slots__ = ("_before", "_starts", "ranges")

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges
        self._starts = [start for start, _ in ranges.intervals]
        self._before = list(accumulate((stop - start for start, stop in ranges.intervals), initial=0))

    def __len__(self) -> int:
        return self._before[-1]

    def members(self, first: int, stop: int) -> Ranges:
        """The members with ranks from ``first`` to before ``stop``, as far as there are any."""
        if first <= 0 and stop >= len(self):
            return self.ranges
        found: list[Interval] = []
        for index in range(bisect_right(self._before, first) - 1, len(self._starts)):
            before, (low, high) = self._before[index], self.ranges.intervals[index]
            if before >= stop:
                break
            found.append((max(low, low + first - before), min(high, low + stop - before)))
        return Ranges.of(found)

    def ranks(self, members: Ranges) -> Iterator[Interval]:
        """The ranks of the members among some ordinals, as ascending intervals that may touch."""
        for low, high in (members & self.ranges).intervals:
            index = bisect_right(self._starts, low) - 1
            rank = self._before[index] + low - self._starts[index]
            yield rank, rank + high - low
