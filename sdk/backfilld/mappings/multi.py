"""Mappings between two-dimensional partitions, and between those and partitions of one dimension."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.mappings.by_dimension import DimensionLink, downstream_by_dimension, upstream_by_dimension
from backfilld.mappings.identity import IdentityPartitionMapping
from backfilld.mappings.time_window import TimeWindowPartitionMapping
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.partitions.multi import MultiPartitionsDefinition
from backfilld.partitions.pairs import MultiPartitions
from backfilld.partitions.time_window import TimeWindowPartitions, TimeWindowPartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class DimensionPartitionMapping:
    """The dimension downstream that a dimension upstream is mapped to, and by which mapping."""

    dimension_name: str
    partition_mapping: PartitionMapping

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dimension_name": self.dimension_name, "partition_mapping": self.partition_mapping}


@dataclass(frozen=True, init=False)
class MultiPartitionMapping(PartitionMapping):
    """Between two-dimensional partitions: each dimension downstream needs one upstream, by its own mapping.

    Given by the name of the upstream dimension. A dimension that is not named maps to all of the other
    side's dimension that is not.
    """

    by_upstream_dimension: tuple[tuple[str, DimensionPartitionMapping], ...]  # sorted by name

    def __init__(
        self, downstream_mappings_by_upstream_dimension: Mapping[str, DimensionPartitionMapping]
    ) -> None:
        for name, mapping in downstream_mappings_by_upstream_dimension.items():
            if not isinstance(mapping, DimensionPartitionMapping):
                raise InvalidDefinitionError(
                    f"expected a DimensionPartitionMapping for upstream dimension {name!r}, found {mapping!r}"
                )
        object.__setattr__(
            self,
            "by_upstream_dimension",
            tuple(sorted(downstream_mappings_by_upstream_dimension.items(), key=lambda item: item[0])),
        )

    @property
    def looks_back(self) -> bool:
        """Whether every partition needs earlier ones only, along a dimension that is mapped to itself."""
        return any(
            name == mapping.dimension_name and mapping.partition_mapping.looks_back
            for name, mapping in self.by_upstream_dimension
        )

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions that the given ones need in both dimensions; its cost is by box.

        Of nonexistent ones only the key in the dimension where they are lacking is told.
        """
        links = self._links(upstream_partitions, downstream_partitions)
        return upstream_by_dimension(links, downstream, downstream_partitions, upstream_partitions)

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions that need any of the given ones in both dimensions; at a cost by box."""
        links = self._links(upstream_partitions, downstream_partitions)
        return downstream_by_dimension(links, upstream, upstream_partitions, downstream_partitions)

    def _links(self, upstream: Partitions, downstream: Partitions) -> list[DimensionLink]:
        assert isinstance(upstream, MultiPartitions), "validate() lets no other through"
        assert isinstance(downstream, MultiPartitions), "validate() lets no other through"
        return [
            DimensionLink(
                upstream.names.index(name),
                downstream.names.index(mapping.dimension_name),
                mapping.partition_mapping,
            )
            for name, mapping in self.by_upstream_dimension
        ]

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Both sides must have the two dimensions named, each once, and each mapping must fit its own two."""
        sides = _two_dimensional("upstream", upstream), _two_dimensional("downstream", downstream)
        named = (
            [name for name, _ in self.by_upstream_dimension],
            [mapping.dimension_name for _, mapping in self.by_upstream_dimension],
        )
        for side, definition, names in zip(("upstream", "downstream"), sides, named, strict=True):
            left = definition.partition_dimension_names
            for name in names:
                if name not in left:
                    raise InvalidDefinitionError(
                        f"expected each {side} dimension of {definition.partition_dimension_names} at most "
                        f"once in a MultiPartitionMapping, found {name!r} in {names}"
                    )
                left.remove(name)
        for name, mapping in self.by_upstream_dimension:
            mapping.partition_mapping.validate(
                sides[0].get_partitions_def_for_dimension(name),
                sides[1].get_partitions_def_for_dimension(mapping.dimension_name),
            )

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"downstream_mappings_by_upstream_dimension": dict(self.by_upstream_dimension)}


@dataclass(frozen=True)
class MultiToSingleDimensionPartitionMapping(PartitionMapping):
    """Between two-dimensional partitions and those of one dimension, whichever side is which.

    A partition of the one dimension goes with all pairs that have it as their part. The dimension is found,
    as in Dagster: the one with the same definition, or else the one time dimension, whose windows map to
    those they overlap. Naming it with ``partition_dimension_name`` only makes sure that it is the one meant.
    """

    partition_dimension_name: str | None = None

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions that go with the given ones; its cost is by box.

        Of nonexistent ones only the key in the dimension where they are lacking is told.
        """
        links = [_link_between(upstream_partitions, downstream_partitions)]
        return upstream_by_dimension(links, downstream, downstream_partitions, upstream_partitions)

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions that go with any of the given ones; its cost is by box."""
        links = [_link_between(upstream_partitions, downstream_partitions)]
        return downstream_by_dimension(links, upstream, upstream_partitions, downstream_partitions)

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """One side must be two-dimensional, and exactly one dimension of it must go with the other side."""
        link = infer_dimension(upstream, downstream)
        (name,) = (
            side.partition_dimension_names[axis]
            for side, axis in ((upstream, link.upstream_axis), (downstream, link.downstream_axis))
            if isinstance(side, MultiPartitionsDefinition)
        )
        if self.partition_dimension_name not in (None, name):
            raise InvalidDefinitionError(
                f"expected partition_dimension_name to be {name!r}, the dimension that goes with the other "
                f"side, found {self.partition_dimension_name!r}; leave it out or correct it"
            )
        link.mapping.validate(*_along(link, upstream, downstream))

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        name = self.partition_dimension_name
        return {} if name is None else {"partition_dimension_name": name}


def infer_dimension(
    upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
) -> DimensionLink:
    """How a two-dimensional side goes with a one-dimensional one.

    Raises `InvalidDefinitionError` if the sides are not of that kind, or no dimension goes with the single
    one, or if both do.
    """
    if upstream is None or downstream is None:
        raise InvalidDefinitionError("expected partitions on both sides, found an asset without any")
    multis = [each for each in (upstream, downstream) if isinstance(each, MultiPartitionsDefinition)]
    if len(multis) != 1:
        raise InvalidDefinitionError(
            f"expected partitions in two dimensions on one side and in one on the other, found "
            f"{type(upstream).__name__} upstream and {type(downstream).__name__} downstream"
        )
    single = downstream if multis[0] is upstream else upstream
    dimensions = [definition for _, definition in multis[0].partitions_defs]
    axis, mapping = _matching(dimensions, single)
    return DimensionLink(axis, 0, mapping) if multis[0] is upstream else DimensionLink(0, axis, mapping)


def _link_between(upstream: Partitions, downstream: Partitions) -> DimensionLink:
    """`infer_dimension` among partitions: the same answer, as the same definitions stand behind them."""
    if isinstance(upstream, MultiPartitions):
        axis, mapping = _matching([*map(_behind, upstream.dimensions)], _behind(downstream))
        return DimensionLink(axis, 0, mapping)
    assert isinstance(downstream, MultiPartitions), "validate() lets no other through"
    axis, mapping = _matching([*map(_behind, downstream.dimensions)], _behind(upstream))
    return DimensionLink(0, axis, mapping)


def _behind(partitions: Partitions) -> Partitions | PartitionsDefinition:
    """What is equal where the definitions are; windows of equal definitions may differ in their number."""
    return partitions.definition if isinstance(partitions, TimeWindowPartitions) else partitions


def _matching(dimensions: Sequence[object], single: object) -> tuple[int, PartitionMapping]:
    """The one of two dimensions that goes with a single one, and the mapping between the two."""
    same = [axis for axis, dimension in enumerate(dimensions) if dimension == single]
    if len(same) == 1:
        return same[0], IdentityPartitionMapping()
    if same:
        raise InvalidDefinitionError(
            "expected one dimension to have the partitions of the other side, found that both have; give "
            "the dependency another partition_mapping"
        )
    times = [*_of_time(dimensions)]
    if len(times) == 1 and isinstance(single, TimeWindowPartitionsDefinition):
        return times[0], TimeWindowPartitionMapping()
    raise InvalidDefinitionError(
        "expected one dimension to have the partitions of the other side, or exactly one dimension of time "
        "beside time windows on the other side, found neither; give the dependency another partition_mapping"
    )


def _of_time(dimensions: Sequence[object]) -> Iterator[int]:
    return (
        axis
        for axis, dimension in enumerate(dimensions)
        if isinstance(dimension, TimeWindowPartitionsDefinition)
    )


def _along(link: DimensionLink, *sides: PartitionsDefinition | None) -> Iterator[PartitionsDefinition | None]:
    """The definitions of the two axes that a link joins, upstream first."""
    for side, axis in zip(sides, (link.upstream_axis, link.downstream_axis), strict=True):
        yield (
            side.partitions_defs[axis].partitions_def if isinstance(side, MultiPartitionsDefinition) else side
        )


def _two_dimensional(side: str, definition: PartitionsDefinition | None) -> MultiPartitionsDefinition:
    if not isinstance(definition, MultiPartitionsDefinition):
        found = "none" if definition is None else type(definition).__name__
        raise InvalidDefinitionError(
            f"expected two-dimensional {side} partitions for a MultiPartitionMapping, found {found}; give "
            f"the dependency another partition_mapping"
        )
    return definition
