"""Serials: numbers of an asset's partitions that stay, while ordinals shift with keys that come or go.

Of a time window or a static key the serial is the ordinal. A dynamic key has the serial it has in its set. A
pair has ``row * width + column``, of its two parts' serials; the width is that of a row with room for columns
to come, and is the asset's own: `width_of` says how much is needed.
"""

from collections.abc import Mapping

from backfilld.partitions import DynamicPartitions, MultiPartitions, Partitions, StaticPartitions
from backfilld.partitions.grid import Box, boxes_of, cells_of
from backfilld.ranges import Ranges
from projections.dynamic_set import DynamicSet

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


def are_ordinals(partitions: Partitions, width: int, sets: Sets) -> bool:
    """Whether the serial of each of these partitions is its ordinal, as it mostly is."""
    if not isinstance(partitions, MultiPartitions):
        return _in_order(partitions, sets)
    return width == partitions.width and all(_in_order(each, sets) for each in partitions.dimensions)


def serials_of(ordinals: Ranges, partitions: Partitions, width: int, sets: Sets) -> Ranges:
    """The serials of partitions, at a cost by interval and box; those a row has no room for are left out."""
    if are_ordinals(partitions, width, sets):
        return ordinals
    if not isinstance(partitions, MultiPartitions):
        return _serials(ordinals, partitions, sets)
    first, second = partitions.dimensions
    room = Ranges.span(0, width)
    boxes = (
        Box(_serials(rows, first, sets), _serials(columns, second, sets) & room)
        for rows, columns in partitions.boxes(ordinals)
    )
    return cells_of((box for box in boxes if box.columns), width)


def ordinals_of(serials: Ranges, partitions: Partitions, width: int, sets: Sets) -> Ranges:
    """The ordinals of those of the serials that are among these partitions."""
    if not isinstance(partitions, MultiPartitions):
        return _Ordinals(partitions, sets).of(serials)
    rows, columns = (_Ordinals(dimension, sets) for dimension in partitions.dimensions)
    boxes = (Box(rows.of(box.rows), columns.of(box.columns)) for box in boxes_of(serials, width))
    return cells_of((box for box in boxes if box.columns), partitions.width)


def widened(serials: Ranges, width: int, new_width: int) -> Ranges:
    """The same pairs' serials with another width, no narrower than the columns there are."""
    return cells_of(boxes_of(serials, width), new_width) if serials else serials


def _in_order(partitions: Partitions, sets: Sets) -> bool:
    """Whether the serial of each of these partitions of one dimension is its ordinal."""
    if not isinstance(partitions, DynamicPartitions) or not len(partitions):
        return True
    known = sets.get(partitions.name)
    if known is None or not known.keeps_order:
        return False
    # Some of the keys may be left out here, but then the last one has too great a serial.
    return known.serials.get(partitions.key(len(partitions) - 1)) == len(partitions) - 1


def _serials(ordinals: Ranges, partitions: Partitions, sets: Sets) -> Ranges:
    if _in_order(partitions, sets):
        return ordinals
    serials = _serials_by_key(partitions, sets)
    return Ranges.from_ordinals(serials[key] for key in partitions.keys(ordinals) if key in serials)


class _Ordinals:
    """From serials to ordinals among partitions of one dimension."""

    def __init__(self, partitions: Partitions, sets: Sets) -> None:
        self._all = partitions.all()
        self._by_serial: dict[int, int] | None = None
        if not _in_order(partitions, sets):
            serials = _serials_by_key(partitions, sets)
            self._by_serial = {serials[key]: at for at, key in enumerate(partitions) if key in serials}

    def of(self, serials: Ranges) -> Ranges:
        """The ordinals of those of the serials that are among the partitions."""
        if self._by_serial is None:
            return serials & self._all
        ordinals = self._by_serial
        if len(serials) > len(ordinals):
            return Ranges.from_ordinals(at for serial, at in ordinals.items() if serial in serials)
        return Ranges.from_ordinals(ordinals[serial] for serial in serials if serial in ordinals)


def _serials_by_key(partitions: Partitions, sets: Sets) -> Mapping[str, int]:
    known = sets.get(partitions.name) if isinstance(partitions, DynamicPartitions) else None
    return {} if known is None else known.serials
