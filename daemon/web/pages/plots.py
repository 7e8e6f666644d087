"""Numbers plotted over partitions: a bounded number of points, and axes with round numbers."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import msgspec
from pyroaring import BitMap

from backfilld.partitions import Partitions
from daemon.web.pages.materialized import number_text
from daemon.web.pages.reaching import About

POINTS = 240  # of a plot
PLOTS = 6
LEVEL = 1e-9  # of a number: smaller differences are none
DOTTED_MAX = 120  # points that are marked one by one

Place = Callable[[int], float]  # where between left (0) and right (1) a partition stands


class Point(msgspec.Struct, frozen=True):
    """What was reported of a partition last."""

    ordinal: int
    key: str
    value: float
    position: int  # of the fact: one may be about many partitions


class Plot(msgspec.Struct, frozen=True):
    """A number over partitions; the picture is 100 wide and 100 high."""

    name: str
    line: str  # an SVG path from point to point
    dots: str  # another, of a stroke of no length at each point
    ticks: tuple[str, ...]  # of the axis that goes up, from top to bottom
    label: str
    points: tuple[Point, ...]


def sampled(bits: BitMap, most: int = POINTS) -> list[int]:
    """At most so many of the numbers, from the first to the last, as evenly as can be."""
    count = len(bits)
    if count <= most:
        return list(bits)
    return [bits[index * (count - 1) // (most - 1)] for index in range(most)]


def points_of(
    rows: Iterable[About], ordinals: Sequence[int], partitions: Partitions
) -> dict[str, list[Point]]:
    """By the name of a number, what the newest row about each of the partitions says of it.

    ``rows`` are the newest first, and may be about other partitions too.
    """
    left, points = {*ordinals}, dict[str, list[Point]]()
    for row, about in rows:
        told = left.intersection(about)
        left -= told
        for name, value in row["numbers"].items():
            if told and (number := _finite(value)) is not None:
                each = points.setdefault(name, [])
                each += [Point(at, partitions.key(at), number, row["position"]) for at in told]
    return {name: sorted(each, key=lambda point: point.ordinal) for name, each in points.items()}


def plots_of(points: Mapping[str, Sequence[Point]], place: Place) -> tuple[Plot, ...]:
    """The plots of the first few numbers, by their names."""
    return tuple(plot_of(name, points[name], place) for name in sorted(points)[:PLOTS])


def plot_of(name: str, points: Sequence[Point], place: Place) -> Plot:
    """The plot of one number, of one point at least."""
    low, high = min(point.value for point in points), max(point.value for point in points)
    ticks = ticks_of(low, high)
    bottom, top = ticks[0], ticks[-1]
    at = [
        (100 * place(point.ordinal), 100 - 100 * (point.value - bottom) / (top - bottom)) for point in points
    ]
    is_line = all(left <= right for left, right in pairwise(at))
    dots = at if len(at) <= DOTTED_MAX or not is_line else []
    told = brief(low) if low == high else f"{brief(low)} to {brief(high)}"
    return Plot(
        name,
        line=_line(at) if is_line else "",
        dots="".join(f"M{x:.2f} {y:.2f}h0" for x, y in dots),
        ticks=tuple(number_text(float(tick)) for tick in reversed(ticks)),
        label=f"{name} of {len(points):,} partition{'' if len(points) == 1 else 's'}: {told}",
        points=tuple(points),
    )


def brief(value: float) -> str:
    """A number with six digits that count, at most.

    >>> brief(0.0027804194), brief(1234567.0)
    ('0.00278042', '1,234,570')
    """
    if abs(value) < 1e15:
        digits = 6 - len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
        return number_text(round(value, digits)) if abs(value) >= 1 else f"{value:.6g}"
    return f"{value:.6g}"


def _line(at: Sequence[tuple[float, float]]) -> str:
    """From point to point; of points at one height the first and the last are enough."""
    kept: list[tuple[float, float]] = []
    for _, level in groupby(at, key=lambda point: point[1]):
        first, *rest = level
        kept += [first, *rest[-1:]]
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in kept) if len(kept) > 1 else ""


def ticks_of(low: float, high: float, count: int = 3) -> list[float]:
    """Round numbers, ascending, about so many, the first not above ``low`` and the last not below ``high``.

    >>> ticks_of(3, 97), ticks_of(5, 5)
    ([0.0, 50.0, 100.0], [4.0, 5.0, 6.0])
    """
    size = max(abs(low), abs(high))
    if high / 2 - low / 2 <= size * LEVEL:
        room = (10.0 ** math.floor(math.log10(size)) if size else 0.0) or 1.0
        return [low - room, float(low), high + room]
    rough = high / count - low / count
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next((scale * each for each in (1, 2, 5, 10) if scale * each >= rough), rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 12) if scale > 1e-9 else index * step for index in range(first, last + 1)]


def _finite(value: Any) -> float | None:  # noqa: ANN401 -- a number of JSON
    """The number, where one can be plotted."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
