"""Sets of partitions in their three forms: keys in facts, intervals in the SDK, bitmaps in state."""

from collections.abc import Iterator

from pyroaring import BitMap

from backfilld.errors import BackfilldError
from backfilld.partitions import UNPARTITIONED, Partitions
from backfilld.ranges import Ranges
from events.facts import PartitionKeys

ONLY = Ranges.single(0)  # the one "partition" of an unpartitioned asset


def keys_of(ranges: Ranges, partitions: Partitions) -> PartitionKeys | None:
    """The set as facts write it; None for an unpartitioned asset."""
    if partitions is UNPARTITIONED:
        return None
    return PartitionKeys(partitions.key_ranges(ranges), len(ranges))


def keys_singly(ranges: Ranges, partitions: Partitions) -> PartitionKeys | None:
    """The set as `keys_of` gives it, but each key by itself: that means the same in any definition."""
    if partitions is UNPARTITIONED:
        return None
    return PartitionKeys(tuple((key, key) for key in partitions.keys(ranges)), len(ranges))


def ranges_of(keys: PartitionKeys | None, partitions: Partitions) -> Ranges:
    """The ordinals a fact's set has among these partitions; keys that are not among them are left out.

    An asset without partitions has none of a partitioned one, and the other way round.
    """
    if keys is None or partitions is UNPARTITIONED:
        return ONLY if keys is None and partitions is UNPARTITIONED else Ranges.of(())
    try:
        return partitions.ranges_of(keys.ranges)
    except BackfilldError:
        return Ranges.union(_known(pair, partitions) for pair in keys.ranges)


def _known(pair: tuple[str, str], partitions: Partitions) -> Ranges:
    try:
        return partitions.ranges_of((pair,))
    except BackfilldError:
        return Ranges.of(())


def bitmap(ranges: Ranges) -> BitMap:
    """The intervals as a bitmap, at the cost of their number."""
    bits = BitMap()
    for start, stop in ranges.intervals:
        bits.add_range(start, stop)
    return bits


def intervals(bits: BitMap) -> Ranges:
    """The bitmap as intervals, at the cost of their number."""
    after = bits.shift(1)
    return Ranges(zip(bits - after, after - bits, strict=True))


def stretches(bits: BitMap, begin: int = 0) -> Iterator[tuple[int, int]]:
    """The intervals of a bitmap from a number on, one by one: who needs only some of them pays for those."""
    if begin:
        bits = bits - BitMap(range(begin))
    after = bits.shift(1)
    return zip(bits - after, after - bits, strict=True)


def stretches_total(bits: BitMap) -> int:
    """How many intervals a bitmap has."""
    return len(bits - bits.shift(1))
