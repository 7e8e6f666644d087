"""Static partitions: keys written down in the definition."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Protocol, Self, overload

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import Partitions, PartitionsDefinition, close_keys
from backfilld.partitions.packed_keys import PackedKeys
from backfilld.ranges import Ranges

_FORBIDDEN = "..."  # it separates the ends of a range wherever people write partitions as text


class FoundKeys(Protocol):
    """Distinct keys in order, each of which is found."""

    def find(self, key: str) -> int | None:
        """The place of a key, or None if it is not among them."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __iter__(self) -> Iterator[str]: ...


class StaticPartitions(Partitions):
    """The keys of a `StaticPartitionsDefinition`: a fixed list of distinct keys."""

    def __init__(self, keys: FoundKeys) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, ordinal: int) -> str:
        """The key at an ordinal. Raises `IndexError` outside 0 <= ordinal < len."""
        if ordinal < 0:
            raise IndexError(f"expected an ordinal from 0 to {len(self) - 1}, found {ordinal}")
        return self._keys[ordinal]

    def find(self, key: str) -> int | None:
        """The ordinal of a key, or None if there is no such partition."""
        return self._keys.find(key)

    def near(self, key: str) -> tuple[str, ...]:
        """Up to three existing keys that look most like ``key``, best first."""
        return close_keys(key, self._keys)

    def with_prefix(self, prefix: str) -> Ranges:
        """The partitions whose keys begin so."""
        if prefix and isinstance(self._keys, PackedKeys):
            return Ranges.ascending(self._keys.beginning(prefix))
        return super().with_prefix(prefix)

    def keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order."""
        return chain.from_iterable(self._keys[start:stop] for start, stop in ranges.intervals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticPartitions) and type(self) is type(other) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} keys)"


class StaticPartitionsDefinition(PartitionsDefinition):
    """Partitions with the given keys, in the given order.

    Keys are distinct strings without ``...``. Raises `InvalidDefinitionError` otherwise.
    """

    def __init__(self, partition_keys: Sequence[str]) -> None:
        if isinstance(partition_keys, str):
            raise InvalidDefinitionError(
                f"expected a list of partition keys, found the string {partition_keys!r}; "
                f"write [{partition_keys!r}]"
            )
        check_keys(partition_keys)
        self._keep(PackedKeys.of(tuple(partition_keys)))

    @classmethod
    def of_checked(cls, partition_keys: Sequence[str]) -> Self:
        """The definition of keys that one was made of before, which are not looked at once more."""
        definition = cls.__new__(cls)
        packed = partition_keys if isinstance(partition_keys, PackedKeys) else PackedKeys.of(partition_keys)
        cls._keep(definition, packed)
        return definition

    def _keep(self, keys: PackedKeys) -> None:
        self._keys = keys
        self._partitions = StaticPartitions(keys)

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The keys."""
        return self._keys[:]

    def partitions(self, now: datetime) -> StaticPartitions:  # noqa: ARG002 - static keys exist at all times.
        """The partitions; they are the same at any time."""
        return self._partitions

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"partition_keys": self._keys}

    def _value(self) -> Hashable:
        return self._keys

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self._keys[:5])) + (", ..." if len(self._keys) > 5 else "")
        return f"StaticPartitionsDefinition([{shown}])"


def check_keys(keys: Sequence[object]) -> None:
    """Raise `InvalidDefinitionError` unless these can be partition keys: distinct strings without ``...``."""
    if (
        set(map(type, keys)) <= {str}
        and _FORBIDDEN not in "\0".join(map(str, keys))
        and len(set(keys)) == len(keys)
    ):
        return  # All at once: what is wrong with one of them is looked for only where something is.
    not_text = next((key for key in keys if not isinstance(key, str)), None)
    if not_text is not None:
        raise InvalidDefinitionError(f"expected partition keys to be strings, found {not_text!r}; quote it")
    dotted = next((key for key in keys if _FORBIDDEN in str(key)), None)
    if dotted is not None:
        raise InvalidDefinitionError(
            f"expected partition keys without {_FORBIDDEN!r}, which stands between the ends of a range; "
            f"found {dotted!r}"
        )
    if len(set(keys)) < len(keys):
        repeated = next(key for key, count in Counter(keys).items() if count > 1)
        raise InvalidDefinitionError(f"expected distinct partition keys, found {repeated!r} more than once")
