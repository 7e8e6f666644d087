"""Dynamic partitions: a named set of keys that people add to and remove from while the daemon runs."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import PartitionsDefinition
from backfilld.partitions.static import StaticPartitions
from backfilld.ranges import Ranges


class DynamicPartitions(StaticPartitions):
    """The keys that a named set had at one moment, in the order they were added."""

    def __init__(self, name: str, keys: tuple[str, ...]) -> None:
        super().__init__(keys)
        self.name = name

    def described(self) -> str:
        """A few words for messages: which set it is, how many keys it has, and the first and last."""
        if not len(self):
            return f"the dynamic partitions {self.name!r}, of which there are none yet"
        return f"the {len(self)} dynamic partitions {self.name!r}, {self.key(0)!r} to {self._keys[-1]!r}"

    def dynamic_keys(self, ranges: Ranges) -> dict[str, tuple[str, ...]]:
        """The keys from the first to the last of a set, under the name."""
        return {self.name: self._keys[ranges.first : ranges.last + 1] if ranges else ()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DynamicPartitions) and self.name == other.name and super().__eq__(other)

    def __hash__(self) -> int:
        return hash((self.name, super().__hash__()))


class DynamicPartitionsDefinition(PartitionsDefinition):
    """Partitions whose keys are the set ``name`` of the daemon's log; assets with one name share the set.

    The keys are facts and not part of the code, so that the definition as user code makes it has no
    partitions; `bound` gives one that has. Definitions are equal if their names are and, where they are
    bound, their keys. Raises `InvalidDefinitionError` without a name.
    """

    def __init__(self, name: str) -> None:
        self.name = _checked(name)
        self._partitions = DynamicPartitions(name, ())
        self._is_bound = False

    @property
    def dynamic_names(self) -> frozenset[str]:
        """The name of the set."""
        return frozenset((self.name,))

    def bound(self, dynamic_keys: Mapping[str, Sequence[str]]) -> "DynamicPartitionsDefinition":
        """The definition with the keys that ``dynamic_keys`` has under its name; no such name: no keys."""
        bound = DynamicPartitionsDefinition(self.name)
        bound._partitions = DynamicPartitions(self.name, tuple(dynamic_keys.get(self.name, ())))
        bound._is_bound = True
        return bound

    def partitions(self, now: datetime) -> DynamicPartitions:  # noqa: ARG002 - facts say when, not the clock.
        """The partitions of the keys it is bound to; none where it is not."""
        return self._partitions

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments; keys it is bound to are none of them."""
        return {"name": self.name}

    def _value(self) -> Hashable:
        return (self._partitions, self._is_bound)


def _checked(name: object) -> str:
    if isinstance(name, str) and name:
        return name
    raise InvalidDefinitionError(
        f"expected dynamic partitions to have a name, found {name!r}; give the set one, such as "
        f"DynamicPartitionsDefinition(name='customers')"
    )
