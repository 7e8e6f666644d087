"""Sets of the cells of a grid as boxes: a million cells that make up a rectangle cost as much as one."""

from collections.abc import Iterable
from typing import NamedTuple

from backfilld.ranges import Interval, Ranges


class Box(NamedTuple):
    """All cells that lie in one of some rows and in one of some columns."""

    rows: Ranges
    columns: Ranges


def boxes_of(cells: Ranges, width: int) -> tuple[Box, ...]:
    """A set of cells, numbered row by row in a grid of so many columns, cut into boxes.

    No two boxes have a row or a column set in common; they are in order of their first rows. The cost grows
    with the intervals of the set and the rows of which it has a part only.
    """
    whole: list[Interval] = []
    partial: dict[int, list[Interval]] = {}
    for start, stop in cells.intervals:
        row, column = divmod(start, width)
        last_row, last_column = divmod(stop, width)
        if row == last_row:
            partial.setdefault(row, []).append((column, last_column))
            continue
        if column:
            partial.setdefault(row, []).append((column, width))
            row += 1
        if row < last_row:
            whole.append((row, last_row))
        if last_column:
            partial.setdefault(last_row, []).append((0, last_column))
    rows_by_columns: dict[tuple[Interval, ...], list[int]] = {}
    for row, columns in partial.items():
        rows_by_columns.setdefault(tuple(columns), []).append(row)
    boxes = [Box(Ranges.from_ordinals(rows), Ranges(columns)) for columns, rows in rows_by_columns.items()]
    if whole:
        boxes.append(Box(Ranges.of(whole), Ranges.span(0, width)))
    return tuple(sorted(boxes, key=lambda box: box.rows.first))


def cells_of(boxes: Iterable[Box], width: int) -> Ranges:
    """The cells of some boxes, which may overlap, numbered row by row: the inverse of `boxes_of`.

    Costs one step for each interval of rows where all columns are meant, and else for each row.
    """
    rows_by_columns: dict[Ranges, list[Interval]] = {}
    for box in boxes:
        rows_by_columns.setdefault(box.columns, []).extend(box.rows.intervals)
    cells: list[Interval] = []
    for columns, intervals in rows_by_columns.items():
        rows = Ranges.of(intervals)
        if len(columns) == width:
            cells.extend((start * width, stop * width) for start, stop in rows.intervals)
        else:
            cells.extend(
                (row * width + start, row * width + stop) for row in rows for start, stop in columns.intervals
            )
    return Ranges.of(cells)
