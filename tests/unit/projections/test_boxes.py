"""Cutting sets of pairs into runs: against looking at every cell, and against every other way to cut."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.partitions import MultiPartitions, MultiPartitionsDefinition, StaticPartitionsDefinition
from backfilld.ranges import Ranges
from projections.boxes import BoxCut, along_of, fewest_boxes
from projections.cells import CellCut
from projections.cut import Cut
from projections.stretches import fewest_stretches

NOW = datetime(2024, 6, 1, tzinfo=UTC)
ROWS, COLUMNS = 4, 6


def grid(rows: int, columns: int) -> MultiPartitions:
    return MultiPartitionsDefinition(
        {
            "across": StaticPartitionsDefinition([f"r{row}" for row in range(rows)]),
            "by": StaticPartitionsDefinition([f"c{column}" for column in range(columns)]),
        }
    ).partitions(NOW)


GRID = grid(ROWS, COLUMNS)
CELLS = st.frozensets(st.integers(0, ROWS * COLUMNS - 1), min_size=1)
SIZES = st.one_of(st.none(), st.integers(2, 9))
NAMES = st.sampled_from(GRID.names)


def cells_along(cells: Iterable[int], axis: int) -> dict[int, set[int]]:
    """Places along one dimension by the key across."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for cell in cells:
        place = divmod(cell, COLUMNS)
        found[place[1 - axis]].add(place[axis])
    return found


@given(CELLS, SIZES, NAMES, st.booleans())
def test_every_run_is_a_box_no_larger_than_allowed_and_every_cell_is_in_one(
    cells: frozenset[int], size_max: int | None, along: str, in_turn: bool
) -> None:
    cut = BoxCut(Ranges.from_ordinals(cells), GRID, size_max, along=along, in_turn=in_turn)
    axis = GRID.names.index(along)
    seen: list[int] = []
    for index in range(cut.chunks_total):
        chunk = cut.chunk(index)
        seen += chunk
        places = list(cells_along(chunk, axis).values())
        assert all(each == places[0] for each in places)
        assert len(Ranges.from_ordinals(places[0]).intervals) == 1
        assert size_max is None or len(chunk) <= size_max
        assert not in_turn or len(places[0]) == 1
        assert cut.chunks_of(chunk) == Ranges.single(index)
    assert sorted(seen) == sorted(cells)


@given(CELLS, SIZES, NAMES, st.booleans(), st.data())
def test_sets_of_cells_and_of_chunks_agree(
    cells: frozenset[int], size_max: int | None, along: str, in_turn: bool, drawn: st.DataObject
) -> None:
    agree(BoxCut(Ranges.from_ordinals(cells), GRID, size_max, along=along, in_turn=in_turn), cells, drawn)


@given(CELLS, st.data())
def test_single_cells_come_column_by_column(cells: frozenset[int], drawn: st.DataObject) -> None:
    cut = CellCut(Ranges.from_ordinals(cells), GRID)
    chunks = [cut.chunk(index).first for index in range(cut.chunks_total)]
    assert chunks == sorted(cells, key=lambda cell: divmod(cell, COLUMNS)[::-1])
    agree(cut, cells, drawn)


def agree(cut: Cut, cells: frozenset[int], drawn: st.DataObject) -> None:
    chunk_of = {cell: index for index in range(cut.chunks_total) for cell in cut.chunk(index)}
    some = drawn.draw(st.frozensets(st.sampled_from(sorted(cells))))
    chunks = cut.chunks_of(Ranges.from_ordinals(some))
    assert set(chunks) == {chunk_of[cell] for cell in some}
    assert set(cut.ordinals_of(chunks)) == {cell for cell in cells if chunk_of[cell] in chunks}
    parts = list(cut.apart(Ranges.from_ordinals(some)))
    assert sorted(chain.from_iterable(parts)) == sorted(some)


STRETCHES = st.frozensets(
    st.tuples(st.integers(0, 5), st.integers(1, 4)).map(lambda drawn: (drawn[0], sum(drawn))),
    min_size=1,
    max_size=7,
)


@given(STRETCHES)
def test_no_fewer_of_the_stretches_make_up_all_of_them(stretches: frozenset[tuple[int, int]]) -> None:
    made_of = fewest_stretches(stretches)
    for (start, stop), parts in made_of.items():
        assert parts[0][0] == start
        assert parts[-1][1] == stop
        assert all(one[1] == other[0] for one, other in pairwise(parts))
    used = set(chain.from_iterable(made_of.values()))
    assert used <= stretches
    for fewer in combinations(sorted(stretches), len(used) - 1):
        assert not all(reaches(stretch, fewer) for stretch in stretches)


def reaches(stretch: tuple[int, int], arrows: Iterable[tuple[int, int]]) -> bool:
    reached = {stretch[0]}
    for start, stop in sorted(arrows):
        if start in reached and stop <= stretch[1]:
            reached.add(stop)
    return stretch[1] in reached


def cells(text: str) -> Ranges:
    """Cells of the grid drawn as rows of marks."""
    rows = text.split()
    return Ranges.from_ordinals(
        row * COLUMNS + column
        for row, marks in enumerate(rows)
        for column, mark in enumerate(marks)
        if mark == "x"
    )


@pytest.mark.parametrize(
    ("drawn", "boxes"),
    [
        ("xxxxxx xxxxxx xxxxxx xxxxxx", 1),
        ("xxx.xx xxx.xx ...... xxx.xx", 2),  # a gap along splits, one across does not
        ("xxxx.. xx.... ..xx.. xxxx..", 2),  # what is whole for one key is put together from others
        ("x..... .x.... ..x... ...x..", 4),
    ],
)
def test_the_set_is_cut_into_the_fewest_boxes(drawn: str, boxes: int) -> None:
    assert len(fewest_boxes(GRID, cells(drawn), 1)) == boxes


def test_the_dimension_that_makes_fewer_boxes_is_run_along() -> None:
    drawn = cells("x.x.x. x.x.x. x.x.x. x.x.x.")
    assert len(fewest_boxes(GRID, drawn, 0)) == 1
    assert along_of(GRID, drawn, (0, 1)) == "across"
    assert along_of(GRID, cells("xxxxxx ...... xxxxxx ......"), (0, 1)) == "by"
    assert along_of(GRID, drawn, (1,)) == "by"


def test_a_chunk_has_whole_ranges_or_the_whole_set_whichever_makes_fewer_runs() -> None:
    everything = cells("xxxxxx xxxxxx xxxxxx xxxxxx")
    in_threes = BoxCut(everything, GRID, 3, along="by", in_turn=False)
    assert in_threes.chunks_total == 8
    assert [len(in_threes.chunk(index)) for index in range(8)] == [3] * 8
    in_eights = BoxCut(everything, GRID, 8, along="by", in_turn=False)
    assert in_eights.chunks_total == 3
    assert in_eights.chunk(0) == cells("xx.... xx.... xx.... xx....")
    in_twelves = BoxCut(everything, GRID, 12, along="by", in_turn=False)
    assert in_twelves.chunk(0) == cells("xxxxxx xxxxxx")


def test_a_million_cells_are_not_listed() -> None:
    square = grid(1_000, 1_000)
    for cut in (
        CellCut(square.all(), square),
        BoxCut(square.all(), square, 10, along="by", in_turn=False),
        BoxCut(square.all(), square, None, along="by", in_turn=False),
    ):
        assert cut.chunks_of(square.all()) == Ranges.span(0, cut.chunks_total)
        last = cut.chunk(cut.chunks_total - 1)
        assert last.last == 999_999
        assert cut.chunks_of(last) == Ranges.single(cut.chunks_total - 1)
