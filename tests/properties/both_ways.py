"""What a mapping says of every single partition, asked from both sides."""

from typing import TypeAlias

from backfilld.mappings import PartitionMapping
from backfilld.partitions import Partitions
from backfilld.ranges import Ranges

Pairs: TypeAlias = set[tuple[int, int]]  # a partition upstream, and one downstream that needs it


def pairs_upward(mapping: PartitionMapping, upstream: Partitions, downstream: Partitions) -> Pairs:
    """Each partition downstream is asked what it needs."""
    return {
        (above, below)
        for below in range(len(downstream))
        for above in mapping.upstream_of(
            Ranges.single(below), downstream_partitions=downstream, upstream_partitions=upstream
        ).existing
    }


def pairs_downward(mapping: PartitionMapping, upstream: Partitions, downstream: Partitions) -> Pairs:
    """Each partition upstream is asked what needs it."""
    return {
        (above, below)
        for above in range(len(upstream))
        for below in mapping.downstream_of(
            Ranges.single(above), upstream_partitions=upstream, downstream_partitions=downstream
        )
    }


def agree(mapping: PartitionMapping, upstream: Partitions, downstream: Partitions) -> None:
    """Both tell the same pairs."""
    assert pairs_upward(mapping, upstream, downstream) == pairs_downward(mapping, upstream, downstream)
