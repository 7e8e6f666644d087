"""Partitions that map to those of the same key."""

from dataclasses import dataclass

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class IdentityPartitionMapping(PartitionMapping):
    """Each partition downstream needs the upstream partition of the same key."""

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions of the same keys; keys that upstream lacks are nonexistent."""
        same, lacking = _same_keys(downstream, source=downstream_partitions, target=upstream_partitions)
        return UpstreamPartitions(same, lacking)

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions of the same keys."""
        return _same_keys(upstream, source=upstream_partitions, target=downstream_partitions)[0]

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Both sides must be of one kind of partitions."""
        if type(upstream) is not type(downstream):
            raise InvalidDefinitionError(
                f"expected upstream and downstream partitions of one kind for an identity mapping, found "
                f"{_kind(upstream)} upstream and {_kind(downstream)} downstream; give the dependency another "
                f"partition_mapping"
            )


def _kind(definition: PartitionsDefinition | None) -> str:
    return "no partitions" if definition is None else type(definition).__name__


def _same_keys(ranges: Ranges, *, source: Partitions, target: Partitions) -> tuple[Ranges, tuple[str, ...]]:
    """The target's ordinals with the keys of some of the source's, and the keys that it lacks."""
    shift = source.shift_to(target)
    if shift is not None:
        shifted = Ranges.of((max(0, start + shift), stop + shift) for start, stop in ranges.intervals)
        lacking = ranges - Ranges.span(max(0, -shift), len(target) - shift)
        return shifted & target.all(), tuple(source.keys(lacking))
    found = [(key, target.find(key)) for key in source.keys(ranges)]
    return (
        Ranges.from_ordinals(at for _, at in found if at is not None),
        tuple(key for key, at in found if at is None),
    )
