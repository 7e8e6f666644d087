"""The ordinals of serials as bitmaps are those as ranges, whatever the width and the pairs."""

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from backfilld.partitions import MultiPartitionsDefinition, StaticPartitionsDefinition
from projections.serials import Numbering
from projections.sets import bitmap, intervals
from tests.story import T0


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 8), st.data())
def test_a_row_at_a_time_or_by_boxes(rows: int, columns: int, room: int, drawing: st.DataObject) -> None:
    definition = MultiPartitionsDefinition(
        {
            "a": StaticPartitionsDefinition([f"a{at}" for at in range(rows)]),
            "b": StaticPartitionsDefinition([f"b{at}" for at in range(columns)]),
        }
    )
    width = columns + room
    numbering = Numbering(definition.partitions(T0), width, {})
    serials = BitMap(drawing.draw(st.sets(st.integers(0, width * (rows + 2)))))
    assert numbering.ordinal_bits(serials) == bitmap(numbering.ordinals(intervals(serials)))


@given(st.sets(st.integers(0, 30)))
def test_of_one_dimension(serials: set[int]) -> None:
    numbering = Numbering(StaticPartitionsDefinition([f"k{at}" for at in range(20)]).partitions(T0), 0, {})
    assert numbering.ordinal_bits(BitMap(serials)) == BitMap(serials & set(range(20)))
