"""Sets carried across a dependency dimension by dimension, in boxes and not key by key.

A side with one dimension counts as having one axis, 0. What a set needs is what its members need, each taken
alone, and the cost is that of the boxes the set falls into.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions
from backfilld.partitions.grid import Box, cells_of
from backfilld.partitions.pairs import MultiPartitions
from backfilld.ranges import Ranges


class DimensionLink(NamedTuple):
    """That one axis downstream needs one axis upstream by a mapping; an axis without a link maps to all."""

    upstream_axis: int
    downstream_axis: int
    mapping: PartitionMapping


_Carry: TypeAlias = Callable[[Ranges], Ranges]  # from ordinals along one axis to ordinals along another


def upstream_by_dimension(
    links: Iterable[DimensionLink],
    downstream: Ranges,
    downstream_partitions: Partitions,
    upstream_partitions: Partitions,
) -> UpstreamPartitions:
    """The upstream partitions that some downstream ones need along every axis.

    Of nonexistent ones only the key along the axis where they are lacking is told, as in Dagster.
    """
    lacking: dict[str, None] = {}

    def upward(link: DimensionLink) -> tuple[int, int, _Carry]:
        source = _dimensions(downstream_partitions)[link.downstream_axis]
        target = _dimensions(upstream_partitions)[link.upstream_axis]

        def carry(ordinals: Ranges) -> Ranges:
            needed = tuple(_needed(link.mapping, ordinals, source, target))
            lacking.update((key, None) for each in needed for key in each.nonexistent)
            return Ranges.union(each.existing for each in needed)

        return link.downstream_axis, link.upstream_axis, cache(carry)

    existing = _carried(
        downstream, downstream_partitions, upstream_partitions, [upward(link) for link in links]
    )
    return UpstreamPartitions(existing, tuple(lacking))


def downstream_by_dimension(
    links: Iterable[DimensionLink],
    upstream: Ranges,
    upstream_partitions: Partitions,
    downstream_partitions: Partitions,
) -> Ranges:
    """The downstream partitions that need any of some upstream ones along every axis."""

    def downward(link: DimensionLink) -> tuple[int, int, _Carry]:
        source = _dimensions(upstream_partitions)[link.upstream_axis]
        target = _dimensions(downstream_partitions)[link.downstream_axis]

        def carry(ordinals: Ranges) -> Ranges:
            return link.mapping.waiting_for(
                ordinals, upstream_partitions=source, downstream_partitions=target
            )

        return link.upstream_axis, link.downstream_axis, cache(carry)

    return _carried(upstream, upstream_partitions, downstream_partitions, [downward(link) for link in links])


def _needed(
    mapping: PartitionMapping, ordinals: Ranges, source: Partitions, target: Partitions
) -> Iterator[UpstreamPartitions]:
    """What each of some ordinals needs, in as few parts as tell it truly.

    A stretch of windows that lacks anything may tell of more than its windows lack, each alone: it is halved
    until it lacks nothing or is a single window.
    """
    parts = list(mapping.apart(ordinals, source))
    while parts:
        part = parts.pop()
        needed = mapping.upstream_of(part, downstream_partitions=source, upstream_partitions=target)
        if not needed.nonexistent or len(part) == 1:
            yield needed
        else:
            middle = part.first + (part.last + 1 - part.first) // 2
            parts += [part - Ranges.span(0, middle), part & Ranges.span(0, middle)]


def _carried(
    ranges: Ranges, source: Partitions, target: Partitions, links: Sequence[tuple[int, int, _Carry]]
) -> Ranges:
    """What the links, as ``(source axis, target axis, carry)``, make of a set."""
    everything = tuple(dimension.all() for dimension in _dimensions(target))
    boxes: dict[tuple[Ranges, ...], None] = {}
    for box in _boxes(ranges, source):
        carried = {target_axis: carry(box[source_axis]) for source_axis, target_axis, carry in links}
        boxes[tuple(carried.get(axis, all_of_it) for axis, all_of_it in enumerate(everything))] = None
    if isinstance(target, MultiPartitions):
        return cells_of((Box(rows, columns) for rows, columns in boxes), target.width)
    return Ranges.union(ordinals for (ordinals,) in boxes)


def _dimensions(partitions: Partitions) -> tuple[Partitions, ...]:
    return partitions.dimensions if isinstance(partitions, MultiPartitions) else (partitions,)


def _boxes(ranges: Ranges, partitions: Partitions) -> Iterable[tuple[Ranges, ...]]:
    if isinstance(partitions, MultiPartitions):
        return partitions.boxes(ranges)
    return ((ranges,),) if ranges else ()
