"""Range text about two-dimensional partitions: pairs of items, and items by the name of their dimension."""

from backfilld.partitions.base import close_keys
from backfilld.partitions.grid import Box, cells_of
from backfilld.partitions.pairs import KEY_SEPARATOR, MultiPartitions
from backfilld.range_text.cursor import MARKS_OF_TWO, Cursor, quoted
from backfilld.range_text.one_dimension import format_items, parse_item, parse_key
from backfilld.ranges import Ranges


def parse_groups(cursor: Cursor, partitions: MultiPartitions) -> Ranges:
    """The partitions that one or more groups with semicolons between them name, up to the text's end."""
    boxes = _group(cursor, partitions)
    while cursor.take(";"):
        boxes += _group(cursor, partitions)
    if not cursor.at_end:
        raise cursor.error(f"expected a comma, a semicolon or the end, found {cursor.next.described}")
    return cells_of(boxes, partitions.width)


def format_boxes(ranges: Ranges, partitions: MultiPartitions) -> str:
    """The groups that name some partitions: a pair for a box without holes, else its sides by name."""
    return "; ".join(_written(box, partitions) for box in partitions.boxes(ranges))


def _written(box: Box, partitions: MultiPartitions) -> str:
    sides = [
        format_items(ordinals, dimension, MARKS_OF_TWO)
        for ordinals, dimension in zip(box, partitions.dimensions, strict=True)
    ]
    if len(box.rows.intervals) == len(box.columns.intervals) == 1:
        return KEY_SEPARATOR.join(sides)
    named = zip(partitions.names, sides, strict=True)
    return ", ".join(f"{quoted(name, MARKS_OF_TWO)}={side}" for name, side in named)


def _group(cursor: Cursor, partitions: MultiPartitions) -> list[Box]:
    if cursor.sees("=", ahead=1):
        return [_sides(cursor, partitions)]
    boxes = [_pair(cursor, partitions)]
    while cursor.take(","):
        boxes.append(_pair(cursor, partitions))
    return boxes


def _sides(cursor: Cursor, partitions: MultiPartitions) -> Box:
    chosen: dict[int, Ranges] = {}
    while True:
        axis = _axis(cursor, partitions)
        if axis in chosen:
            raise cursor.error("expected each dimension once; begin another group with a semicolon")
        cursor.advance()
        cursor.advance()
        dimension = partitions.dimensions[axis]
        items = [parse_item(cursor, dimension)]
        while cursor.sees(",") and not cursor.sees("=", ahead=2):
            cursor.advance()
            items.append(parse_item(cursor, dimension))
        chosen[axis] = Ranges.union(items)
        if not cursor.take(","):
            break
    rows, columns = (chosen.get(axis, each.all()) for axis, each in enumerate(partitions.dimensions))
    return Box(rows, columns)


def _axis(cursor: Cursor, partitions: MultiPartitions) -> int:
    """Which dimension the name to come is of."""
    token = cursor.next
    if token.is_key and token.text in partitions.names:
        return partitions.names.index(token.text)
    raise cursor.error(
        f"expected the name of a dimension, {' or '.join(map(repr, partitions.names))}, before '=', found "
        f"{token.described}; put a key with an odd character in quotes",
        near=close_keys(token.text, partitions.names),
    )


def _pair(cursor: Cursor, partitions: MultiPartitions) -> Box:
    rows, columns = partitions.dimensions
    token = cursor.next
    if token.kind == "quoted" and KEY_SEPARATOR in token.text:
        row, column = divmod(parse_key(cursor, partitions, "a key"), partitions.width)
        return Box(Ranges.single(row), Ranges.single(column))
    if cursor.sees("[") and cursor.sees_before(KEY_SEPARATOR, "]"):
        return _box(cursor, partitions)
    if token.is_pattern and token.text == "*" and not cursor.sees(KEY_SEPARATOR, ahead=1):
        cursor.advance()
        return Box(rows.all(), columns.all())
    first = parse_item(cursor, rows)
    if not cursor.take(KEY_SEPARATOR):
        raise cursor.error(
            f"expected '|' between what is meant of {partitions.names[0]!r} and of {partitions.names[1]!r}, "
            f"found {cursor.next.described}; * stands for all of one"
        )
    return Box(first, parse_item(cursor, columns))


def _box(cursor: Cursor, partitions: MultiPartitions) -> Box:
    """The box between two whole keys in brackets, as facts have it."""
    cursor.advance()
    begin = cursor.next
    top, left = _whole_key(cursor, partitions)
    if not cursor.take("..."):
        raise cursor.error("expected '...' between the ends of the range")
    bottom, right = _whole_key(cursor, partitions)
    if not cursor.take("]"):
        raise cursor.error("expected ']' behind the range")
    if bottom < top or right < left:
        raise cursor.error("expected a range from earlier to later keys in both dimensions", begin)
    return Box(Ranges.span(top, bottom + 1), Ranges.span(left, right + 1))


def _whole_key(cursor: Cursor, partitions: MultiPartitions) -> tuple[int, int]:
    rows, columns = partitions.dimensions
    row = parse_key(cursor, rows, f"a key of {partitions.names[0]!r}")
    if not cursor.take(KEY_SEPARATOR):
        raise cursor.error(
            f"expected '|' and a key of {partitions.names[1]!r}, found {cursor.next.described}"
        )
    return row, parse_key(cursor, columns, f"a key of {partitions.names[1]!r}")
