"""Which of a few partitions a fact is about, however many it is about."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from backfilld.partitions import UNPARTITIONED, MultiPartitions, Partitions
from events.facts import PartitionKeys


class About(NamedTuple):
    """A row of the tables, and those of a few partitions that it is about."""

    row: Mapping[str, Any]
    ordinals: list[int]


def keys_in(row: Mapping[str, Any]) -> PartitionKeys | None:
    """The partitions that a row of the tables is about; None for an asset that has none."""
    plain = row["partitions"]
    return None if plain is None else msgspec.convert(plain, PartitionKeys)


def reached(keys: PartitionKeys | None, ordinals: Sequence[int], partitions: Partitions) -> list[int]:
    """Those of the ordinals, which ascend, whose keys are among a fact's; ranges with unknown ends have none.

    Only the ends of ranges are looked up: a box of a million pairs costs as much as one of four.
    """
    if keys is None or partitions is UNPARTITIONED:
        return list(ordinals) if keys is None and partitions is UNPARTITIONED else []
    found = set[int]()
    for first, last in keys.ranges:
        start, end = partitions.find(first), partitions.find(last)
        if start is not None and end is not None:
            found.update(_between(start, end, ordinals, partitions))
    return sorted(found)


def about(rows: Iterable[Mapping[str, Any]], ordinals: Sequence[int], partitions: Partitions) -> list[About]:
    """The rows that are about any of the ordinals, which ascend."""
    found = ((row, reached(keys_in(row), ordinals, partitions)) for row in rows)
    return [About(row, each) for row, each in found if each]


def _between(start: int, end: int, ordinals: Sequence[int], partitions: Partitions) -> Iterator[int]:
    low, high = bisect_left(ordinals, start), bisect_right(ordinals, end)
    if not isinstance(partitions, MultiPartitions):
        yield from ordinals[low:high]
        return
    left, right = start % partitions.width, end % partitions.width
    yield from (ordinal for ordinal in ordinals[low:high] if left <= ordinal % partitions.width <= right)
