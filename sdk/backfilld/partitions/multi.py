"""Two-dimensional partitions: one for each pair of a partition of one dimension and one of another."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from backfilld.errors import InvalidDefinitionError, InvalidInvocationError, UnknownPartitionKeyError
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.partitions.dynamic import DynamicPartitions, DynamicPartitionsDefinition
from backfilld.partitions.pairs import KEY_SEPARATOR, MultiPartitionKey, MultiPartitions
from backfilld.partitions.static import StaticPartitionsDefinition
from backfilld.partitions.time_window import TimeWindowPartitions, TimeWindowPartitionsDefinition

_FORBIDDEN = frozenset("|,[]")  # in keys written down for a dimension, as in Dagster


class PartitionDimensionDefinition(NamedTuple):
    """One dimension of a `MultiPartitionsDefinition`."""

    name: str
    partitions_def: PartitionsDefinition


class MultiPartitionsDefinition(PartitionsDefinition):
    """Partitions in exactly two dimensions, given by name: every pair of their partitions is one.

    Dimensions are ordered by name, and keys are ``a|b`` in that order. A dimension has static, time-window or
    dynamic partitions; keys of it with a ``|``, which only a date format or a dynamic set can bring, take
    part in no pair. Raises `InvalidDefinitionError`.
    """

    def __init__(self, partitions_defs: Mapping[str, PartitionsDefinition]) -> None:
        if len(partitions_defs) != 2:
            raise InvalidDefinitionError(
                f"expected partitions_defs of exactly two dimensions, found {len(partitions_defs)}: "
                f"{', '.join(map(repr, partitions_defs)) or 'none'}"
            )
        for name, definition in partitions_defs.items():
            _check_dimension(name, definition)
        first, second = (
            PartitionDimensionDefinition(name, partitions_defs[name]) for name in sorted(partitions_defs)
        )
        self.partitions_defs = (first, second)
        self._latest: MultiPartitions | None = None
        self._declared = self

    @property
    def partition_dimension_names(self) -> list[str]:
        """The names of the dimensions, in order."""
        return [dimension.name for dimension in self.partitions_defs]

    def get_partitions_def_for_dimension(self, dimension_name: str) -> PartitionsDefinition:
        """The definition of one dimension. Raises `InvalidInvocationError` for a name that is none."""
        for name, definition in self.partitions_defs:
            if name == dimension_name:
                return definition
        raise InvalidInvocationError(
            f"expected a dimension's name, {' or '.join(map(repr, self.partition_dimension_names))}, found "
            f"{dimension_name!r}"
        )

    def get_partition_key_from_str(self, partition_key_str: str) -> MultiPartitionKey:
        """The key that a text ``a|b`` spells, whether there is such a partition or not.

        Raises `UnknownPartitionKeyError` for a text that has not two parts.
        """
        parts = partition_key_str.split(KEY_SEPARATOR)
        if len(parts) != len(self.partitions_defs):
            among = KEY_SEPARATOR.join(self.partition_dimension_names)
            raise UnknownPartitionKeyError(partition_key_str, among=f"the form {among}")
        return MultiPartitionKey(dict(zip(self.partition_dimension_names, parts, strict=True)))

    @property
    def dynamic_names(self) -> frozenset[str]:
        """The names of the dynamic sets that its dimensions are."""
        return frozenset().union(*(definition.dynamic_names for _, definition in self.partitions_defs))

    @property
    def declared(self) -> "MultiPartitionsDefinition":
        """The definition as user code made it, whose dynamic dimensions are not bound to keys."""
        return self._declared

    def bound(self, dynamic_keys: Mapping[str, Sequence[str]]) -> "MultiPartitionsDefinition":
        """The definition with its dynamic dimensions bound to these keys."""
        if not self.dynamic_names:
            return self
        bound = MultiPartitionsDefinition(
            {name: definition.bound(dynamic_keys) for name, definition in self.partitions_defs}
        )
        bound._declared = self._declared
        return bound

    def partitions(self, now: datetime) -> MultiPartitions:
        """The pairs of the partitions that the dimensions have at ``now``."""
        first, second = (_pairable(definition.partitions(now)) for _, definition in self.partitions_defs)
        latest = self._latest
        if latest is None or latest.dimensions != (first, second):
            names = self.partitions_defs[0].name, self.partitions_defs[1].name
            latest = self._latest = MultiPartitions(names, (first, second))
        return latest

    def validate(self) -> None:
        """Raise `InvalidDefinitionError` for what is wrong with a dimension but dear to look for."""
        for _, definition in self.partitions_defs:
            definition.validate()

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"partitions_defs": dict(self.partitions_defs)}

    def _value(self) -> Hashable:
        return self.partitions_defs


def _check_dimension(name: object, definition: object) -> None:
    if not isinstance(name, str):
        raise InvalidDefinitionError(f"expected dimensions to be named by strings, found {name!r}; quote it")
    kinds = (StaticPartitionsDefinition, TimeWindowPartitionsDefinition, DynamicPartitionsDefinition)
    if not isinstance(definition, kinds):
        raise InvalidDefinitionError(
            f"expected dimension {name!r} to have static, time-window or dynamic partitions, found "
            f"{definition!r}"
        )
    if isinstance(definition, StaticPartitionsDefinition):
        odd = next((key for key in definition.partition_keys if _FORBIDDEN & set(key)), None)
        if odd is not None:
            raise InvalidDefinitionError(
                f"expected the keys of dimension {name!r} to be without | , [ and ], which pairs of keys and "
                f"ranges are written with; found {odd!r}"
            )


def _pairable(partitions: Partitions) -> Partitions:
    """The partitions whose keys have no separator in them; a format either has one or has none."""
    match partitions:
        case TimeWindowPartitions() if KEY_SEPARATOR in partitions.definition.fmt:
            return partitions.head(0)
        case DynamicPartitions():
            return partitions.without(KEY_SEPARATOR)
        case _:
            return partitions
