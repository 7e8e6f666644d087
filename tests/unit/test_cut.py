"""Cutting partitions into runs, by arithmetic, against cutting them one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.ranges import Ranges
from projections.cut import StretchCut

ORDINALS = st.frozensets(st.integers(0, 60), min_size=1)
SIZES = st.one_of(st.none(), st.integers(1, 7))


def one_by_one(ordinals: frozenset[int], size_max: int | None) -> list[list[int]]:
    chunks: list[list[int]] = []
    for ordinal in sorted(ordinals):
        begins = not chunks or chunks[-1][-1] != ordinal - 1 or len(chunks[-1]) == size_max
        if begins:
            chunks.append([])
        chunks[-1].append(ordinal)
    return chunks


@given(ORDINALS, SIZES)
def test_chunks_are_those_of_cutting_one_by_one(ordinals: frozenset[int], size_max: int | None) -> None:
    cut = StretchCut(Ranges.from_ordinals(ordinals), size_max)
    chunks = [list(cut.chunk(index)) for index in range(cut.chunks_total)]
    assert chunks == one_by_one(ordinals, size_max)
    for index, chunk in enumerate(chunks):
        assert {cut.chunks_of(Ranges.single(ordinal)).first for ordinal in chunk} == {index}


@given(ORDINALS, SIZES, st.data())
def test_sets_of_ordinals_and_of_chunks_agree(
    ordinals: frozenset[int], size_max: int | None, drawn: st.DataObject
) -> None:
    cut = StretchCut(Ranges.from_ordinals(ordinals), size_max)
    some = drawn.draw(st.frozensets(st.sampled_from(sorted(ordinals))))
    chunks = cut.chunks_of(Ranges.from_ordinals(some))
    assert set(chunks) == {cut.chunks_of(Ranges.single(ordinal)).first for ordinal in some}
    assert set(some) <= set(cut.ordinals_of(chunks)) <= set(ordinals)
    expected = {ordinal for index in chunks for ordinal in cut.chunk(index)}
    assert set(cut.ordinals_of(chunks)) == expected


@given(ORDINALS, st.integers(1, 7))
def test_in_turn_no_more_than_so_many_are_filled_at_a_time(ordinals: frozenset[int], size_max: int) -> None:
    cut = StretchCut(Ranges.from_ordinals(ordinals), size_max, in_turn=True)
    counted = sorted(ordinals)
    turns = [counted[start : start + size_max] for start in range(0, len(counted), size_max)]
    expected = [chunk for turn in turns for chunk in one_by_one(frozenset(turn), size_max)]
    assert [list(cut.chunk(index)) for index in range(cut.chunks_total)] == expected
    for index, chunk in enumerate(expected):
        assert {cut.chunks_of(Ranges.single(ordinal)).first for ordinal in chunk} == {index}


def test_a_million_chunks_are_not_listed() -> None:
    cut = StretchCut(Ranges.span(0, 1_000_000), 1)
    assert cut.chunks_total == 1_000_000
    assert cut.chunk(999_999) == Ranges.single(999_999)
    assert cut.chunks_of(Ranges.span(10, 999_000)) == Ranges.span(10, 999_000)


def test_outside_of_the_targets_there_is_no_chunk() -> None:
    cut = StretchCut(Ranges.of([(0, 3), (5, 7)]), 2)
    assert [cut.chunk(index).intervals for index in range(cut.chunks_total)] == [
        ((0, 2),),
        ((2, 3),),
        ((5, 7),),
    ]
    assert not cut.chunks_of(Ranges.single(4))
    with pytest.raises(IndexError):
        cut.chunk(3)
