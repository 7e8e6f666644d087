"""Dynamic partitions: a named set of keys that people add to and remove from while the daemon runs."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, overload

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import PartitionsDefinition
from backfilld.partitions.static import StaticPartitions
from backfilld.ranges import Ranges


class DynamicKeys(Sequence[str]):
    """The distinct keys of a set at one moment, in the order they were added. Never changes.

    A set that grows by one key a thousand times is not copied a thousand times: `with_more` gives the keys of
    the next moment, which share one list with those of this one.
    """

    __slots__ = ("_count", "_list")

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._list = _GrowingList(list(keys))
        self._count = len(self._list.keys)

    def with_more(self, keys: Iterable[str]) -> "DynamicKeys":
        """These keys and others behind them, at the cost of the others (of all, if these had more before)."""
        if self._count < len(self._list.keys):
            return DynamicKeys((*self, *keys))
        self._list.keys.extend(keys)
        return self.first(len(self._list.keys))

    def first(self, count: int) -> "DynamicKeys":
        """So many of the first keys of the list that these are a part of."""
        first = DynamicKeys()
        first._list, first._count = self._list, count
        return first

    def without(self, text: str) -> "DynamicKeys":
        """Those that do not contain a text; what an earlier moment had is not looked at again."""
        free = self._list.free_of.get(text, 0)
        while free < self._count and text not in self._list.keys[free]:
            free += 1
        self._list.free_of[text] = free
        return self if free >= self._count else DynamicKeys(key for key in self if text not in key)

    def find(self, key: str) -> int | None:
        """The place of a key, or None if it is not among them."""
        ordinal = self._list.find(key)
        return None if ordinal is None or ordinal >= self._count else ordinal

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            start, stop, step = at.indices(self._count)
            return tuple(self._list.keys[start:stop:step])
        return self._list.keys[range(self._count)[at]]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DynamicKeys)
            and self._count == other._count
            and (self._list is other._list or self[:] == other[:])
        )

    def __hash__(self) -> int:
        return hash((self._count, self[0] if self._count else None))


class _GrowingList:
    """Distinct keys to which only ever some are appended, and what was found out about them."""

    __slots__ = ("_ordinals", "free_of", "keys")

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self.free_of: dict[str, int] = {}  # text -> how many of the first keys are known not to contain it
        self._ordinals: dict[str, int] = {}

    def find(self, key: str) -> int | None:
        known = len(self._ordinals)
        if known < len(self.keys):
            self._ordinals.update((each, at) for at, each in enumerate(self.keys[known:], known))
        return self._ordinals.get(key)


class DynamicPartitions(StaticPartitions):
    """The keys that a named set had at one moment, in the order they were added."""

    _keys: DynamicKeys

    def __init__(self, name: str, keys: Sequence[str]) -> None:
        super().__init__(keys if isinstance(keys, DynamicKeys) else DynamicKeys(keys))
        self.name = name

    def find(self, key: str) -> int | None:
        """The ordinal of a key, or None if there is no such partition."""
        return self._keys.find(key)

    def without(self, text: str) -> "DynamicPartitions":
        """Those of the partitions whose keys do not contain a text."""
        keys = self._keys.without(text)
        return self if keys is self._keys else DynamicPartitions(self.name, keys)

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
        return hash((self.name, self._keys))


class DynamicPartitionsDefinition(PartitionsDefinition):
    """Partitions whose keys are the set ``name`` of the daemon's log; assets with one name share the set.

    The keys are facts and not part of the code, so that the definition as user code makes it has no
    partitions; `bound` gives one that has. Definitions are equal if their names are and, where they are
    bound, their keys. Raises `InvalidDefinitionError` without a name.
    """

    def __init__(self, name: str) -> None:
        self.name = _checked(name)
        self._partitions = DynamicPartitions(name, ())
        self._declared = self

    @property
    def dynamic_names(self) -> frozenset[str]:
        """The name of the set."""
        return frozenset((self.name,))

    @property
    def declared(self) -> "DynamicPartitionsDefinition":
        """The definition as user code made it, which is not bound to keys."""
        return self._declared

    def bound(self, dynamic_keys: Mapping[str, Sequence[str]]) -> "DynamicPartitionsDefinition":
        """The definition with the keys that ``dynamic_keys`` has under its name; no such name: no keys.

        It costs a copy of the keys, and nothing where they are `DynamicKeys`.
        """
        bound = DynamicPartitionsDefinition(self.name)
        bound._partitions = DynamicPartitions(self.name, dynamic_keys.get(self.name, ()))
        bound._declared = self._declared
        return bound

    def partitions(self, now: datetime) -> DynamicPartitions:  # noqa: ARG002 - facts say when, not the clock.
        """The partitions of the keys it is bound to; none where it is not."""
        return self._partitions

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments; keys it is bound to are none of them."""
        return {"name": self.name}

    def _value(self) -> Hashable:
        return (self._partitions, self._declared is not self)


def _checked(name: object) -> str:
    if isinstance(name, str) and name:
        return name
    raise InvalidDefinitionError(
        f"expected dynamic partitions to have a name, found {name!r}; give the set one, such as "
        f"DynamicPartitionsDefinition(name='customers')"
    )
