"""The curves of a graph: from the right of a node to the left of another, around all that stands between."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

NODE_WIDTH: Final = 248
NODE_HEIGHT: Final = 116
GAP_X: Final = 72
GAP_Y: Final = 16
CLEAR: Final = 6  # between a curve and what it passes


class Place(NamedTuple):
    """The upper left corner of a node, in pixels."""

    x: int
    y: int


class Edge(msgspec.Struct, frozen=True):
    """A curve from a node to one that needs it."""

    upstream: str
    downstream: str
    path: str  # an SVG path


def edges_of(places: Mapping[str, Place], needs: Mapping[str, Sequence[str]]) -> Iterable[Edge]:
    """A curve for each need; it goes through the gaps of the columns between its ends."""
    tops = defaultdict[int, list[int]](list)
    for place in places.values():
        tops[place.x].append(place.y)
    columns = {x: sorted(tops[x]) for x in sorted(tops)}
    for node, needed in needs.items():
        for each in needed:
            yield Edge(each, node, _path(places[each], places[node], columns))


def _path(start: Place, end: Place, columns: Mapping[int, Sequence[int]]) -> str:
    """Across each column between at the height of the end, or in the gap that is next to it."""
    xs = list(columns)
    wanted = end.y + NODE_HEIGHT // 2
    x, y = start.x + NODE_WIDTH, start.y + NODE_HEIGHT // 2
    path = [f"M{x} {y}"]
    for column in xs[bisect_right(xs, start.x) : bisect_left(xs, end.x)]:
        across = _free(columns[column], wanted)
        path.append(_curve((x, y), (column - CLEAR, across)))
        x, y = column + NODE_WIDTH + CLEAR, across
        path.append(f"H{x}")
    path.append(_curve((x, y), (end.x, wanted)))
    return "".join(path)


def _free(tops: Sequence[int], wanted: int) -> int:
    """The height next to the wanted one at which nothing stands in a column."""
    at = bisect_right(tops, wanted + CLEAR) - 1
    if at < 0 or wanted >= tops[at] + NODE_HEIGHT + CLEAR:
        return wanted
    above, below = tops[at] - GAP_Y // 2, tops[at] + NODE_HEIGHT + GAP_Y // 2
    return above if wanted - above < below - wanted else below


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    bend = max((x2 - x1) // 2, GAP_X // 2)
    return f"C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
