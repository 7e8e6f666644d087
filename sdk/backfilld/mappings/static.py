"""Static partitions that map to each other as a table says."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.partitions.static import StaticPartitionsDefinition
from backfilld.ranges import Ranges

_Table: TypeAlias = dict[str, tuple[str, ...]]


@dataclass(frozen=True, init=False)
class StaticPartitionMapping(PartitionMapping):
    """Each static partition downstream needs the upstream ones whose entry in the table names it.

    The table has upstream keys, each with the one downstream key or those that need it; keys that stand
    nowhere map to nothing.
    """

    downstream_keys: tuple[tuple[str, tuple[str, ...]], ...]  # by upstream key, sorted
    _downstream_of: _Table = field(compare=False, repr=False)
    _upstream_of: _Table = field(compare=False, repr=False)

    def __init__(
        self, downstream_partition_keys_by_upstream_partition_key: Mapping[str, str | Collection[str]]
    ) -> None:
        downstream_of = {
            upstream: (keys,) if isinstance(keys, str) else tuple(sorted(set(keys)))
            for upstream, keys in downstream_partition_keys_by_upstream_partition_key.items()
        }
        upstream_of: dict[str, list[str]] = {}
        for upstream, keys in downstream_of.items():
            for key in keys:
                upstream_of.setdefault(key, []).append(upstream)
        object.__setattr__(self, "downstream_keys", tuple(sorted(downstream_of.items())))
        object.__setattr__(self, "_downstream_of", downstream_of)
        object.__setattr__(self, "_upstream_of", {key: tuple(keys) for key, keys in upstream_of.items()})

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream partitions whose entries name any of the given ones."""
        return UpstreamPartitions(
            _looked_up(self._upstream_of, downstream, downstream_partitions, upstream_partitions)
        )

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream partitions that the entries of the given ones name."""
        return _looked_up(self._downstream_of, upstream, upstream_partitions, downstream_partitions)

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Both sides must have static partitions with the keys that the table names."""
        named = dict(self.downstream_keys)
        _check_side("upstream", upstream, named)
        _check_side("downstream", downstream, (key for keys in named.values() for key in keys))

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "downstream_partition_keys_by_upstream_partition_key": {
                upstream: list(keys) for upstream, keys in self.downstream_keys
            }
        }


def _looked_up(table: _Table, ranges: Ranges, source: Partitions, target: Partitions) -> Ranges:
    """The target's ordinals of all keys that the table has for the keys of a set.

    Goes through the table or through the set, whichever is shorter.
    """
    if len(ranges) < len(table):
        entries: Iterable[tuple[str, ...]] = (table.get(key, ()) for key in source.keys(ranges))
    else:
        entries = (keys for key, keys in table.items() if source.find(key) in ranges)
    found = (target.find(key) for keys in entries for key in keys)
    return Ranges.from_ordinals(ordinal for ordinal in found if ordinal is not None)


def _check_side(side: str, definition: PartitionsDefinition | None, named: Iterable[str]) -> None:
    if not isinstance(definition, StaticPartitionsDefinition):
        found = "none" if definition is None else type(definition).__name__
        raise InvalidDefinitionError(
            f"expected static {side} partitions for a StaticPartitionMapping, found {found}; give the "
            f"dependency another partition_mapping"
        )
    known = frozenset(definition.partition_keys)
    unknown = next((key for key in named if key not in known), None)
    if unknown is not None:
        raise InvalidDefinitionError(
            f"expected a StaticPartitionMapping to name {side} partition keys there are, found {unknown!r}; "
            f"add it to the {side} partitions or take it out of the mapping"
        )
