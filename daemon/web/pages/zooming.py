"""Which of an asset's partitions are looked at, and the picture of them with its axes."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec
from pyroaring import BitMap

from backfilld.errors import BackfilldError
from backfilld.partitions import MultiPartitions, Partitions
from backfilld.range_text import format_ranges
from backfilld.ranges import Ranges
from daemon.web.pages.bars import Piece, Shape, bar_of, counts_text, edges_of, shapes_of
from daemon.web.pages.grids import Block, grid_of
from daemon.web.pages.subject import Subject
from projections.asset_status import PartitionStatus
from projections.sets import bitmap

COLUMNS = 240  # of the tall bar
TICKS = 6
ROW_TICKS = 4

KeyRange = tuple[str, str]  # the first and the last, both included; of pairs two corners of a block


class Tick(msgspec.Struct, frozen=True):
    """A stretch of an axis that can be zoomed into."""

    label: str
    zoom: KeyRange


class View(msgspec.Struct, frozen=True):
    """A picture of some partitions."""

    pieces: tuple[Piece, ...]
    counts: dict[PartitionStatus, int]
    count: int
    is_whole: bool
    keys: KeyRange | None  # None: there are no partitions
    text: str  # the range text of what is looked at
    ordinals: Ranges  # that are looked at
    ticks: tuple[Tick, ...]  # below, from left to right
    last_label: str = ""  # of the key at the right end
    row_ticks: tuple[Tick, ...] = ()  # from top to bottom; none of a bar
    columns: str = "[]"  # JSON: the first and the last key of each column
    rows: str = ""  # the same of a grid's rows; empty of a bar
    across: int = 0  # of a grid: the dimension that lies across
    names: tuple[str, str] | None = None  # of the dimensions: across, down
    beside: tuple[tuple[str, KeyRange], ...] = ()  # other places to look at, by what leads there
    refusal: str | None = None  # of what was typed

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The pieces as SVG paths."""
        return shapes_of(self.pieces)

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see the picture."""
        return counts_text(self.counts)

    @property
    def bits(self) -> BitMap:
        """The partitions that are looked at."""
        return bitmap(self.ordinals)


def view_of(subject: Subject, first: str, last: str) -> View:
    """The picture of the partitions between two keys; an empty one stands for the end of all there are."""
    partitions = subject.partitions
    try:
        if isinstance(partitions, MultiPartitions):
            return _grid_view(subject, partitions, _block(partitions, first, last))
        return _bar_view(subject, partitions, _span(partitions, first, last))
    except BackfilldError as error:
        return msgspec.structs.replace(view_of(subject, "", ""), refusal=str(error))


def _span(partitions: Partitions, first: str, last: str) -> tuple[int, int]:
    start = partitions.ordinal(first) if first else 0
    stop = partitions.ordinal(last) + 1 if last else len(partitions)
    return (start, stop) if start < stop or not len(partitions) else (stop - 1, start + 1)


def _block(partitions: MultiPartitions, first: str, last: str) -> Block:
    whole = Block.whole(partitions)
    if not whole.count:
        return whole
    top, left = divmod(partitions.ordinal(first), partitions.width) if first else (0, 0)
    corner = partitions.ordinal(last) if last else len(partitions) - 1
    bottom, right = divmod(corner, partitions.width)
    (top, bottom), (left, right) = sorted((top, bottom)), sorted((left, right))
    return Block(top, bottom + 1, left, right + 1)


def _bar_view(subject: Subject, partitions: Partitions, span: tuple[int, int]) -> View:
    start, stop = span
    bar = bar_of(subject.bits, start, stop, columns=COLUMNS)
    edges = edges_of(start, stop, COLUMNS)
    ordinals = Ranges.span(start, stop)

    def keys(low: int, high: int) -> KeyRange:
        return partitions.key(low), partitions.key(high - 1)

    return View(
        bar.pieces,
        bar.counts,
        bar.count,
        is_whole=bar.count == len(partitions),
        keys=keys(start, stop) if start < stop else None,
        text=format_ranges(ordinals, partitions),
        ordinals=ordinals,
        ticks=tuple(_ticks(partitions, (start, stop), TICKS, keys)),
        last_label=partitions.key(stop - 1) if start < stop else "",
        columns=_as_json(partitions, edges),
        beside=tuple((name, keys(*at)) for name, at in _beside(start, stop, len(partitions))),
    )


def _grid_view(subject: Subject, partitions: MultiPartitions, block: Block) -> View:
    grid = grid_of(subject.bits, partitions, block)
    sides = partitions.dimensions
    across, down = sides[grid.across], sides[1 - grid.across]
    x_span, y_span = block.side(grid.across), block.side(1 - grid.across)
    ordinals = partitions.product(Ranges.span(block.top, block.bottom), Ranges.span(block.left, block.right))

    def corners(x: tuple[int, int], y: tuple[int, int]) -> KeyRange:
        first, last = ((x[0], y[0]), (x[1] - 1, y[1] - 1))
        if grid.across == 1:
            first, last = (first[1], first[0]), (last[1], last[0])
        return tuple(partitions.key(row * partitions.width + column) for row, column in (first, last))  # type: ignore[return-value]  # two of them

    return View(
        grid.pieces,
        grid.counts,
        block.count,
        is_whole=block.count == len(partitions),
        keys=corners(x_span, y_span) if block.count else None,
        text=format_ranges(ordinals, partitions),
        ordinals=ordinals,
        ticks=tuple(_ticks(across, x_span, TICKS, lambda low, high: corners((low, high), y_span)))
        if block.count
        else (),
        row_ticks=tuple(_ticks(down, y_span, ROW_TICKS, lambda low, high: corners(x_span, (low, high))))
        if block.count
        else (),
        last_label=across.key(x_span[1] - 1) if block.count else "",
        columns=_as_json(across, grid.x_edges),
        rows=_as_json(down, grid.y_edges),
        across=grid.across,
        names=(partitions.names[grid.across], partitions.names[1 - grid.across]),
    )


def _ticks(
    partitions: Partitions, span: tuple[int, int], count: int, keys: Callable[[int, int], KeyRange]
) -> Iterator[Tick]:
    edges = edges_of(*span, count)
    for low, high in pairwise(edges):
        yield Tick(partitions.key(low), keys(low, high))


def _as_json(partitions: Partitions, edges: list[int]) -> str:
    """The first and the last key of each column, for the script that lets one drag over them."""
    pairs = [(partitions.key(low), partitions.key(high - 1)) for low, high in pairwise(edges)]
    return msgspec.json.encode(pairs).decode()


def _beside(start: int, stop: int, count: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The spans as long as this one before it and behind it, and one twice as long around it."""
    size = stop - start
    if size == count:
        return
    if start > 0:
        low = max(0, start - size)
        yield "Earlier", (low, min(count, low + size))
    if stop < count:
        high = min(count, stop + size)
        yield "Later", (max(0, high - size), high)
    low = max(0, start - size // 2 - 1)
    yield "Zoom out", (low, min(count, low + 2 * size + 2))
