"""Bars and grids: whatever the statuses, pieces lie side by side, add up, and are bounded."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from backfilld.partitions import MultiPartitions, MultiPartitionsDefinition, StaticPartitionsDefinition
from daemon.web.pages.bars import STACKED, Piece, bar_of, edges_of, shapes_of
from daemon.web.pages.grids import Bits, Block, grid_of
from projections.asset_status import PARTITION_STATUSES
from tests.story import T0

TOLERANCE = 0.01  # of the hundred that a picture is wide and high: pieces are rounded


@st.composite
def statuses(draw: st.DrawFn, count: int) -> Bits:
    """Every partition under one status, in stretches as backfills leave them."""
    bits = {status: BitMap() for status in PARTITION_STATUSES}
    at = 0
    while at < count:
        stop = min(count, at + draw(st.integers(1, max(1, count // 3))))
        bits[draw(st.sampled_from(PARTITION_STATUSES))].add_range(at, stop)
        at = stop
    return bits


def apart(one: Piece, other: Piece) -> bool:
    """Whether two pieces have no area in common."""
    return (
        one.x + one.width <= other.x + TOLERANCE
        or other.x + other.width <= one.x + TOLERANCE
        or one.y + one.height <= other.y + TOLERANCE
        or other.y + other.height <= one.y + TOLERANCE
    )


def area(pieces: Sequence[Piece], status: str) -> float:
    """The share of the picture that a status takes."""
    return sum(piece.width * piece.height for piece in pieces if piece.status == status) / 10_000


@given(st.data(), st.integers(1, 5_000), st.integers(1, 60))
def test_pieces_of_a_bar_lie_side_by_side_and_add_up(
    drawing: st.DataObject, count: int, columns: int
) -> None:
    bits = drawing.draw(statuses(count))
    start = drawing.draw(st.integers(0, count - 1))
    bar = bar_of(bits, start, count, columns=columns)
    assert sum(bar.counts.values()) == bar.count == count - start
    assert len(bar.pieces) <= columns * len(STACKED)
    for piece in bar.pieces:
        assert -TOLERANCE <= piece.x <= piece.x + piece.width <= 100 + TOLERANCE
        assert -TOLERANCE <= piece.y <= piece.y + piece.height <= 100 + TOLERANCE
    assert all(apart(*pair) for pair in combinations(bar.pieces, 2))
    for status in STACKED:
        assert abs(area(bar.pieces, status) - bar.counts[status] / bar.count) < TOLERANCE


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(1, 300))
def test_columns_hold_equally_many_but_for_one(start: int, count: int, columns: int) -> None:
    edges = edges_of(start, start + count, columns)
    sizes = [last - first for first, last in pairwise(edges)]
    assert sum(sizes) == count
    assert len(sizes) == min(columns, count)
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_however_mixed_a_picture_is_it_has_a_path_for_each_status() -> None:
    bits = {status: BitMap(range(at, 1_000_000, 5)) for at, status in enumerate(PARTITION_STATUSES)}
    shapes = shapes_of(bar_of(bits, 0, 1_000_000, columns=240).pieces)
    assert sorted(shape.status for shape in shapes) == sorted(STACKED)


def pairs(rows: int, columns: int) -> MultiPartitions:
    definition = MultiPartitionsDefinition(
        {
            "a": StaticPartitionsDefinition([f"a{at}" for at in range(rows)]),
            "b": StaticPartitionsDefinition([f"b{at}" for at in range(columns)]),
        }
    )
    found = definition.partitions(T0)
    assert isinstance(found, MultiPartitions)
    return found


@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_cells_of_a_grid_count_the_pairs_in_them(
    drawing: st.DataObject, rows: int, columns: int, down: int, across: int
) -> None:
    bits = drawing.draw(statuses(rows * columns))
    top, bottom = sorted(drawing.draw(st.tuples(st.integers(0, rows - 1), st.integers(1, rows))))
    left, right = sorted(drawing.draw(st.tuples(st.integers(0, columns - 1), st.integers(1, columns))))
    block = Block(top, max(bottom, top + 1), left, max(right, left + 1))
    grid = grid_of(bits, pairs(rows, columns), block, rows=down, columns=across)
    inside = {
        row * columns + column
        for row in range(block.top, block.bottom)
        for column in range(block.left, block.right)
    }
    assert grid.counts == {status: len(inside & set(bits[status])) for status in PARTITION_STATUSES}
    assert len(grid.pieces) <= down * across * len(STACKED)
    assert all(apart(*pair) for pair in combinations(grid.pieces, 2))
