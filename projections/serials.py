"""Serials: numbers of an asset's partitions that stay, while ordinals shift with keys that come or go.

Of a time window or a static key the serial is the ordinal. A dynamic key has the serial it has in its set. A
pair has ``row * width + column``, of its two parts' serials; the width is that of a row with room for columns
to come, and is the asset's own: `width_of` says how much is needed.
"""

from collections.abc import Mapping

from pyroaring import BitMap

from backfilld.partitions import DynamicPartitions, MultiPartitions, Partitions, StaticPartitions
from backfilld.partitions.grid import Box, boxes_of, cells_of
from backfilld.ranges import Ranges
from projections.dynamic_set import DynamicSet
from projections.sets import bitmap, intervals

ROWS_MAX = 20_000  # that are moved one by one

Sets = Mapping[str, DynamicSet]


def width_of(partitions: Partitions, sets: Sets) -> int:
    """The width that these partitions need; 0 for those of one dimension.

    A power of two where columns may come, so that a growing asset has to be moved to a new width only seldom.
    """
    if not isinstance(partitions, MultiPartitions):
        return 0
    columns = partitions.dimensions[1]
    match columns:
        case DynamicPartitions(name=name) if name in sets:
            count = len(sets[name].named)
        case StaticPartitions():
            return len(columns)
        case _:
            count = len(columns)
    return 1 << (count - 1).bit_length() if count else 0


def widened(serials: Ranges, width: int, new_width: int) -> Ranges:
    """The same pairs' serials with another width, no narrower than the columns there are."""
    return cells_of(boxes_of(serials, width), new_width) if serials else serials


class Numbering:
    """The serials of some partitions; ``is_plain`` if each is the ordinal, as it mostly is.

    It holds for ever, since both the partitions and serials stay.
    """

    def __init__(self, partitions: Partitions, width: int, sets: Sets) -> None:
        """Serials of pairs have this width."""
        self._width = width
        if isinstance(partitions, MultiPartitions):
            self._planned_width = partitions.width
            self._dimensions = tuple(_Dimension(each, sets) for each in partitions.dimensions)
        else:
            self._planned_width = 0
            self._dimensions = (_Dimension(partitions, sets),)
        self._is_in_order = all(each.is_in_order for each in self._dimensions)
        self.is_plain = self._is_in_order and self._planned_width in {0, width}

    def serials(self, ordinals: Ranges) -> Ranges:
        """The serials of some ordinals, at a cost by box; pairs that there is no room for are left out."""
        if self.is_plain:
            return ordinals
        if len(self._dimensions) == 1:
            return self._dimensions[0].serials(ordinals)
        planned_width, width = self._planned_width, self._width
        if self._is_in_order and len(ordinals.intervals) == 1:
            ((start, stop),) = ordinals.intervals
            row, column = divmod(start, planned_width)
            if column + stop - start <= min(planned_width, width):  # It is part of one row, as most runs are.
                shift = row * (width - planned_width)
                return Ranges(((start + shift, stop + shift),))
        rows, columns = self._dimensions
        room = Ranges.span(0, width)
        boxes = (
            Box(rows.serials(box.rows), columns.serials(box.columns) & room)
            for box in boxes_of(ordinals, planned_width)
        )
        return cells_of((box for box in boxes if box.columns), width)

    def ordinals(self, serials: Ranges) -> Ranges:
        """The ordinals of those of the serials that are among the partitions, at a cost by box."""
        if len(self._dimensions) == 1:
            return self._dimensions[0].ordinals(serials)
        rows, columns = self._dimensions
        boxes = (
            Box(rows.ordinals(box.rows), columns.ordinals(box.columns))
            for box in boxes_of(serials, self._width)
        )
        return cells_of((box for box in boxes if box.columns), self._planned_width)

    def ordinal_bits(self, serials: BitMap) -> BitMap:
        """As `ordinals`, of bitmaps: at a cost by row, however mixed, where only the width differs."""
        rows = len(self._dimensions[0])
        if not self._is_in_order or len(self._dimensions) == 1 or rows > ROWS_MAX:
            return bitmap(self.ordinals(intervals(serials)))
        width, planned_width = self._width, self._planned_width
        columns = min(width, planned_width)
        moved = []
        for row in range(rows):
            start = row * width
            part = serials & BitMap(range(start, start + columns))
            if part:
                moved.append(part.shift(row * (planned_width - width)))
        return BitMap.union(*moved) if moved else BitMap()


class _Dimension:
    """The serials of partitions of one dimension; ``is_in_order`` if each is the ordinal."""

    def __init__(self, partitions: Partitions, sets: Sets) -> None:
        self._all = partitions.all()
        known = sets.get(partitions.name) if isinstance(partitions, DynamicPartitions) else None
        self.is_in_order = known is None or _is_in_order(partitions, known)
        self._serials: list[int] = []
        self._ordinals: dict[int, int] = {}
        if known is not None and not self.is_in_order:
            self._serials = [known.serials[key] for key in partitions]
            self._ordinals = {serial: ordinal for ordinal, serial in enumerate(self._serials)}

    def __len__(self) -> int:
        return len(self._all)

    def serials(self, ordinals: Ranges) -> Ranges:
        if self.is_in_order:
            return ordinals
        return Ranges.from_ordinals(self._serials[ordinal] for ordinal in ordinals)

    def ordinals(self, serials: Ranges) -> Ranges:
        if self.is_in_order:
            return serials & self._all
        known = self._ordinals
        if len(serials) > len(known):
            return Ranges.from_ordinals(ordinal for serial, ordinal in known.items() if serial in serials)
        return Ranges.from_ordinals(known[serial] for serial in serials if serial in known)


def _is_in_order(partitions: Partitions, known: DynamicSet) -> bool:
    """Whether each serial is the ordinal; it is not looked at closely where keys have gone from the set."""
    if not len(partitions):
        return True
    # Some keys of the set may be left out here, but then the last one has too great a serial.
    last = len(partitions) - 1
    return known.keeps_order and known.serials[partitions.key(last)] == last
