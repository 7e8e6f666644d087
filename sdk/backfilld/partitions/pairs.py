"""The pairs of partitions of two dimensions: their keys, their ordinals, and sets of them as boxes."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from typing import Self

from backfilld.errors import InvalidInvocationError
from backfilld.partitions.base import NEAR_KEYS_MAX, PartitionKeyRange, Partitions
from backfilld.partitions.grid import Box, boxes_of, cells_of
from backfilld.partitions.time_window import TimeWindowPartitions
from backfilld.ranges import Ranges

KEY_SEPARATOR = "|"


class MultiPartitionKey(str):
    """The key of a two-dimensional partition: text ``a|b``, parts in the order of the dimensions' names.

    ``keys_by_dimension`` has the part of each dimension; it is also what one is made of.
    """

    __slots__ = ("keys_by_dimension",)

    keys_by_dimension: dict[str, str]

    def __new__(cls, keys_by_dimension: Mapping[str, str]) -> Self:
        """The key with these parts, given in any order."""
        by_dimension = {name: str(keys_by_dimension[name]) for name in sorted(keys_by_dimension)}
        key = super().__new__(cls, KEY_SEPARATOR.join(by_dimension.values()))
        key.keys_by_dimension = by_dimension
        return key

    def __getnewargs__(self) -> tuple[dict[str, str]]:  # type: ignore[override]  # made of parts, not of text
        return (self.keys_by_dimension,)


class MultiPartitions(Partitions):
    """The pairs of partitions of two dimensions that exist at one moment.

    Ordinals count row by row: all partitions of the second dimension with the first one of the first
    dimension, then with the second one, and so on. So they hold for this list only: where the second
    dimension has grown, those of the same keys are others, and `same_keys` finds them.

    A pair of keys stands for a *box*: all from its first to its last key in each of the two dimensions. That
    is what `key_ranges` and `ranges_of` mean, and what makes such pairs hold however the dimensions grow.
    """

    def __init__(self, names: tuple[str, str], dimensions: tuple[Partitions, Partitions]) -> None:
        self.names = names
        self.dimensions = dimensions
        self.width = len(dimensions[1])

    def __len__(self) -> int:
        return len(self.dimensions[0]) * self.width

    def key(self, ordinal: int) -> str:
        """The key at an ordinal. Raises `IndexError` outside 0 <= ordinal < len."""
        return KEY_SEPARATOR.join(self._parts(ordinal))

    def user_key(self, ordinal: int) -> MultiPartitionKey:
        """The key at an ordinal, with its parts by dimension."""
        return MultiPartitionKey(dict(zip(self.names, self._parts(ordinal), strict=True)))

    def _parts(self, ordinal: int) -> tuple[str, str]:
        if not 0 <= ordinal < len(self):
            raise IndexError(f"expected an ordinal from 0 to {len(self) - 1}, found {ordinal}")
        row, column = divmod(ordinal, self.width)
        return self.dimensions[0].key(row), self.dimensions[1].key(column)

    def find(self, key: str) -> int | None:
        """The ordinal of a key, or None if there is no such partition."""
        first, separator, second = key.partition(KEY_SEPARATOR)
        row, column = self.dimensions[0].find(first), self.dimensions[1].find(second)
        if not separator or row is None or column is None:
            return None
        return row * self.width + column

    def near(self, key: str) -> tuple[str, ...]:
        """Up to three existing keys whose two parts are those of ``key`` or near to them, best first."""
        parts = key.split(KEY_SEPARATOR, 1)
        near = [
            (part,) if part in dimension else dimension.near(part)
            for part, dimension in zip(parts, self.dimensions, strict=False)
        ]
        if len(near) < len(self.dimensions):
            near.append(tuple(islice(self.dimensions[1], NEAR_KEYS_MAX)))
        return tuple(map(KEY_SEPARATOR.join, islice(product(*near), NEAR_KEYS_MAX)))

    def keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order."""
        return (KEY_SEPARATOR.join(parts) for parts in self._parts_of(ranges))

    def user_keys(self, ranges: Ranges) -> Iterator[str]:
        """The keys of a set of ordinals, in order, each with its parts by dimension."""
        return (
            MultiPartitionKey(dict(zip(self.names, parts, strict=True))) for parts in self._parts_of(ranges)
        )

    def _parts_of(self, ranges: Ranges) -> Iterator[tuple[str, str]]:
        boxes = self.boxes(ranges)
        columns = [tuple(self.dimensions[1].keys(box.columns)) for box in boxes]
        for row, at in sorted((row, at) for at, box in enumerate(boxes) for row in box.rows):
            first = self.dimensions[0].key(row)
            yield from ((first, second) for second in columns[at])

    def with_prefix(self, prefix: str) -> Ranges:
        """The partitions whose keys begin so."""
        first, separator, second = prefix.partition(KEY_SEPARATOR)
        if not separator:
            return self.product(self.dimensions[0].with_prefix(first), self.dimensions[1].all())
        row = self.dimensions[0].find(first)
        rows = Ranges() if row is None else Ranges.single(row)
        return self.product(rows, self.dimensions[1].with_prefix(second))

    def boxes(self, ranges: Ranges) -> tuple[Box, ...]:
        """A set of ordinals as boxes of ordinals of the two dimensions; none share a row or columns."""
        return boxes_of(ranges, self.width)

    def product(self, rows: Ranges, columns: Ranges) -> Ranges:
        """All partitions with a first part of ``rows`` and a second part of ``columns``."""
        return cells_of((Box(rows, columns),), self.width)

    def projected(self, ranges: Ranges, axis: int) -> Ranges:
        """The ordinals of one dimension (0 or 1) that any partition of the set has."""
        return Ranges.of(
            interval for box in self.boxes(ranges) for interval in (box.rows, box.columns)[axis].intervals
        )

    def key_ranges(self, ranges: Ranges) -> tuple[tuple[str, str], ...]:
        """The set as pairs of the first and last keys of disjoint boxes, ascending by their first keys."""
        first, second = self.dimensions
        corners = sorted(
            (rows, columns)
            for box in self.boxes(ranges)
            for rows in box.rows.intervals
            for columns in box.columns.intervals
        )
        return tuple(
            (
                KEY_SEPARATOR.join((first.key(top), second.key(left))),
                KEY_SEPARATOR.join((first.key(bottom - 1), second.key(right - 1))),
            )
            for (top, bottom), (left, right) in corners
        )

    def ranges_of(self, pairs: Iterable[tuple[str, str]]) -> Ranges:
        """The set of boxes from the pair's first to its last key in each dimension.

        Raises `UnknownPartitionKeyError`, and `InvalidInvocationError` where a pair runs backwards in one.
        """
        return cells_of((self._box(first, last) for first, last in pairs), self.width)

    def _box(self, first: str, last: str) -> Box:
        (top, left), (bottom, right) = (divmod(self.ordinal(key), self.width) for key in (first, last))
        if bottom < top or right < left:
            raise InvalidInvocationError(
                f"expected a range from an earlier to a later key in both dimensions, found {first!r} to "
                f"{last!r}; swap what runs backwards"
            )
        return Box(Ranges.span(top, bottom + 1), Ranges.span(left, right + 1))

    def hull(self, ranges: Ranges) -> PartitionKeyRange:
        """The keys at the first and last corners of the least box that holds a set."""
        rows, columns = self.projected(ranges, 0), self.projected(ranges, 1)
        return PartitionKeyRange(
            self.user_key(rows.first * self.width + columns.first),
            self.user_key(rows.last * self.width + columns.last),
        )

    def dynamic_keys(self, ranges: Ranges) -> dict[str, tuple[str, ...]]:
        """What to bind dynamic dimensions to so that there are the partitions of a set, and few others."""
        needed: dict[Partitions, Ranges] = {}  # one set may be both dimensions
        for axis, dimension in enumerate(self.dimensions):
            needed[dimension] = needed.get(dimension, Ranges()) | self.projected(ranges, axis)
        return {
            name: keys
            for dimension, ordinals in needed.items()
            for name, keys in dimension.dynamic_keys(ordinals).items()
        }

    def same_keys(self, ranges: Ranges, other: Partitions) -> tuple[Ranges, Ranges]:
        """The ordinals that the same keys have in ``other``, and the ordinals of those it lacks."""
        if not isinstance(other, MultiPartitions):
            return super().same_keys(ranges, other)
        found, lacking = [], []
        for rows, columns in self.boxes(ranges):
            same_rows, no_rows = self.dimensions[0].same_keys(rows, other.dimensions[0])
            same_columns, no_columns = self.dimensions[1].same_keys(columns, other.dimensions[1])
            found.append(Box(same_rows, same_columns))
            lacking += [Box(no_rows, columns), Box(rows - no_rows, no_columns)]
        return cells_of(found, other.width), cells_of(lacking, self.width)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, MultiPartitions)
            and self.names == other.names
            and self.dimensions == other.dimensions
        )

    def __hash__(self) -> int:
        return hash((self.names, self.dimensions))

    def __repr__(self) -> str:
        return f"MultiPartitions({self.names}, {len(self.dimensions[0])} x {self.width} of them)"


def time_windows_of(partitions: Partitions, ranges: Ranges) -> tuple[TimeWindowPartitions, Ranges]:
    """The windows that partitions are, or that their one dimension of time is, and which of them a set has.

    Raises `InvalidInvocationError` where there is no such dimension, or two.
    """
    match partitions:
        case TimeWindowPartitions():
            return partitions, ranges
        case MultiPartitions(dimensions=(TimeWindowPartitions(), TimeWindowPartitions())):
            found = f"two dimensions of them, {' and '.join(map(repr, partitions.names))}"
        case MultiPartitions(dimensions=(TimeWindowPartitions() as windows, _)):
            return windows, partitions.projected(ranges, 0)
        case MultiPartitions(dimensions=(_, TimeWindowPartitions() as windows)):
            return windows, partitions.projected(ranges, 1)
        case _:
            found = "none"
    raise InvalidInvocationError(f"expected time windows, or one dimension of them, found {found}")
