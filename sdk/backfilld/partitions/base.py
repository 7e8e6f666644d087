"""What every kind of partitions offers: a definition, and the frozen list of partitions it has at a time."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Self

from backfilld.clock import or_now
from backfilld.errors import InvalidInvocationError, UnknownPartitionKeyError
from backfilld.ranges import Ranges

NEAR_KEYS_MAX = 3
_NEAR_KEYS_SEARCHED_MAX = 20_000


class PartitionKeyRange(NamedTuple):
    """The partitions from ``start`` to ``end``, both included, in the order of their definition.

    Of two-dimensional partitions these are all from the one to the other in each dimension.
    """

    start: str
    end: str


class TimeWindow(NamedTuple):
    """The time from ``start`` to before ``end``, aware datetimes; unpacks into the two."""

    start: datetime
    end: datetime


class Partitions(ABC):
    """The partitions that exist at one moment: a frozen, ordered list of distinct keys.

    The place of a key in it is its ordinal, from 0. Two are equal if they come from equal definitions and
    hold the same partitions.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def key(self, ordinal: int) -> str:
        """The key at an ordinal. Raises `IndexError` outside 0 <= ordinal < len."""

    @abstractmethod
    def find(self, key: str) -> int | None:
        """The ordinal of a key, or None if there is no such partition."""

    @abstractmethod
    def near(self, key: str) -> tuple[str, ...]:
        """Up to three existing keys that somebody who wrote ``key`` may have meant, best first."""

    def ordinal(self, key: str) -> int:
        """The ordinal of a key. Raises `UnknownPartitionKeyError`, which has the near keys."""
        found = self.find(key)
        if found is None:
            raise UnknownPartitionKeyError(key, near=self.near(key), among=self.described())
        return found

    def with_prefix(self, prefix: str) -> Ranges:
        """The partitions whose keys begin so."""
        if not prefix:
            return self.all()
        return Ranges.ascending(ordinal for ordinal, key in enumerate(self) if key.startswith(prefix))

    def user_key(self, ordinal: int) -> str:
        """The key at an ordinal as user code is given it: a `str`, or for some kinds more than one."""
        return self.key(ordinal)

    def user_keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order, as user code is given them."""
        return self.keys(ranges)

    def hull(self, ranges: Ranges) -> PartitionKeyRange:
        """The least range of keys that holds a set, which must not be empty."""
        return PartitionKeyRange(self.user_key(ranges.first), self.user_key(ranges.last))

    def dynamic_keys(self, ranges: Ranges) -> dict[str, tuple[str, ...]]:  # noqa: ARG002 - most have none.
        """What to bind the definition to elsewhere so that it has the partitions of a set, and few others.

        By name of the dynamic set: its keys from the first to the last that is needed, so that a range of
        keys of the set means there what it means here.
        """
        return {}

    def same_keys(self, ranges: Ranges, other: "Partitions") -> tuple[Ranges, Ranges]:
        """The ordinals that the same keys have in ``other``, and the ordinals here of those it lacks.

        The cost is by interval where `shift_to` knows the way, and else by key.
        """
        shift = self.shift_to(other)
        if shift is not None:
            shifted = Ranges.of((max(0, start + shift), stop + shift) for start, stop in ranges.intervals)
            lacking = ranges - Ranges.span(max(0, -shift), len(other) - shift)
            return shifted & other.all(), lacking
        found = [(ordinal, other.find(key)) for ordinal, key in zip(ranges, self.keys(ranges), strict=True)]
        return (
            Ranges.from_ordinals(at for _, at in found if at is not None),
            Ranges.from_ordinals(ordinal for ordinal, at in found if at is None),
        )

    def shift_to(self, other: "Partitions") -> int | None:
        """What to add to an ordinal here for the same key's ordinal in ``other``, if that is one number.

        None where the two lists of keys are not stretches of one sequence. A sum outside of ``other`` means
        that it lacks the key.
        """
        return 0 if self is other or self == other else None

    def described(self) -> str:
        """A few words for messages: how many partitions there are, and the first and last."""
        if not len(self):
            return "the partitions, of which there are none yet"
        return f"the {len(self)} partitions from {self.key(0)!r} to {self.key(len(self) - 1)!r}"

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.find(key) is not None

    def __iter__(self) -> Iterator[str]:
        return self.keys(self.all())

    def all(self) -> Ranges:
        """The ordinals of all partitions."""
        return Ranges.span(0, len(self))

    def keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order."""
        return map(self.key, ranges)

    def key_ranges(self, ranges: Ranges) -> tuple[tuple[str, str], ...]:
        """The set as inclusive ``(first, last)`` pairs of keys, ascending; its cost is by interval."""
        return tuple((self.key(start), self.key(stop - 1)) for start, stop in ranges.intervals)

    def ranges_of(self, pairs: Iterable[tuple[str, str]]) -> Ranges:
        """The set of inclusive ``(first, last)`` pairs of keys: the inverse of `key_ranges`.

        Raises `UnknownPartitionKeyError`, and `InvalidInvocationError` where a pair runs backwards.
        """
        intervals = []
        for first, last in pairs:
            start, end = self.ordinal(first), self.ordinal(last)
            if end < start:
                raise InvalidInvocationError(
                    f"expected a range from an earlier to a later key, found {first!r} to {last!r}; "
                    f"swap the two"
                )
            intervals.append((start, end + 1))
        return Ranges.of(intervals)


def close_keys(key: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the candidates that look most like ``key``, best first; case is not looked at."""
    # Only a mistake needs it, and it is the dearest import of the package.
    from difflib import get_close_matches  # noqa: PLC0415

    by_folded = {candidate.casefold(): candidate for candidate in islice(candidates, _NEAR_KEYS_SEARCHED_MAX)}
    return tuple(by_folded[match] for match in get_close_matches(key.casefold(), by_folded, n=NEAR_KEYS_MAX))


class _Unpartitioned(Partitions):
    """The partitions of an asset that has none: one, with ordinal 0 and the empty key."""

    def __len__(self) -> int:
        return 1

    def key(self, ordinal: int) -> str:
        return ("",)[ordinal]

    def find(self, key: str) -> int | None:
        return None if key else 0

    def near(self, key: str) -> tuple[str, ...]:  # noqa: ARG002 - there is nothing to be near to.
        return ()

    def described(self) -> str:
        return "an asset without partitions"

    def __repr__(self) -> str:
        return "UNPARTITIONED"


UNPARTITIONED: Partitions = _Unpartitioned()


class PartitionsDefinition(ABC):
    """How an asset is cut into partitions. Compares and hashes by value; never changes.

    Subclasses give `kwargs`, from which the manifest's form (`backfilld.manifest`) follows.
    """

    @abstractmethod
    def partitions(self, now: datetime) -> Partitions:
        """The partitions that exist at ``now``, an aware datetime; cheap to ask again and again."""

    @abstractmethod
    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults; may hold datetimes and definitions."""

    @property
    def dynamic_names(self) -> frozenset[str]:
        """The names of the dynamic sets whose keys it needs in order to know its partitions."""
        return frozenset()

    @property
    def declared(self) -> Self:
        """The definition as user code made it: itself, unless `bound` gave it keys."""
        return self

    def bound(self, dynamic_keys: Mapping[str, Sequence[str]]) -> Self:  # noqa: ARG002 - most need none.
        """The definition that has these keys, by name of the dynamic set, where it needs any."""
        return self

    def validate(self) -> None:  # noqa: B027 - most kinds have nothing that only shows after construction.
        """Raise `InvalidDefinitionError` for what is wrong but too dear to look for in the constructor.

        Called once when definitions are loaded.
        """

    def get_partition_keys(self, current_time: datetime | None = None) -> list[str]:
        """All keys that exist at ``current_time`` (aware; None: now), in order."""
        partitions = self.partitions(or_now(current_time))
        return list(partitions.user_keys(partitions.all()))

    def get_first_partition_key(self, current_time: datetime | None = None) -> str | None:
        """The first key that exists at ``current_time`` (aware; None: now), or None if there is none."""
        partitions = self.partitions(or_now(current_time))
        return partitions.user_key(0) if len(partitions) else None

    def get_last_partition_key(self, current_time: datetime | None = None) -> str | None:
        """The last key that exists at ``current_time`` (aware; None: now), or None if there is none."""
        partitions = self.partitions(or_now(current_time))
        return partitions.user_key(len(partitions) - 1) if len(partitions) else None

    def get_num_partitions(self, current_time: datetime | None = None) -> int:
        """How many partitions exist at ``current_time`` (aware; None: now)."""
        return len(self.partitions(or_now(current_time)))

    def has_partition_key(self, partition_key: str, current_time: datetime | None = None) -> bool:
        """Whether the key exists at ``current_time`` (aware; None: now)."""
        return partition_key in self.partitions(or_now(current_time))

    def get_partition_keys_in_range(
        self, partition_key_range: PartitionKeyRange, current_time: datetime | None = None
    ) -> list[str]:
        """The keys from the range's start to its end, both included. Raises `UnknownPartitionKeyError`."""
        partitions = self.partitions(or_now(current_time))
        return list(partitions.user_keys(partitions.ranges_of([partition_key_range])))

    @abstractmethod
    def _value(self) -> Hashable:
        """What two equal definitions of one class have in common, and no others."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and type(self) is type(other) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash((type(self), self._value()))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.kwargs().items())
        return f"{type(self).__name__}({arguments})"
