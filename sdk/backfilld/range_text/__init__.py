"""Range text: partitions as people write them, such as ``2024-01-05, [2024-02-01...2024-02-29], 2024-03-*``.

::

    items = item {"," item}
    item  = key | pattern | "[" [key] "..." [key] "]"      a range holds both its ends; an open one goes on
    key   = bare | quoted                                  bare: without , [ ] * and outer spaces or dots
    quoted = '"' ... '"' | "'" ... "'"                     a backslash takes the next character as it is
    pattern = bare with "*" in it                          a star stands for any characters, also none; of
                                                           patterns with more than stars, at most 20 in a text

Partitions in two dimensions are written dimension by dimension, as ``seattle|2024-01-*`` or
``city=seattle, oslo, date=[2024-01-01...2024-01-31]``; a bare key there has no ``|``, ``;`` and ``=``::

    text  = group {";" group}
    group = pair {"," pair} | side {"," side}
    pair  = item "|" item | "*"                            first the dimension whose name comes first
          | "[" key "|" key "..." key "|" key "]"          a box: from the one to the other in each dimension
    side  = name "=" items                                 a dimension that is not named: all of it
"""

from backfilld.partitions.base import Partitions
from backfilld.partitions.pairs import MultiPartitions
from backfilld.range_text.cursor import MARKS, MARKS_OF_TWO, Cursor
from backfilld.range_text.one_dimension import format_items, parse_items
from backfilld.range_text.two_dimensions import format_boxes, parse_groups
from backfilld.ranges import Ranges


def parse_range_text(text: str, partitions: Partitions) -> Ranges:
    """The partitions that a range text names.

    Raises `RangeTextError`, which knows the place in the text and the keys near to an unknown one.
    """
    if isinstance(partitions, MultiPartitions):
        return parse_groups(Cursor(text, MARKS_OF_TWO), partitions)
    cursor = Cursor(text, MARKS)
    chosen = parse_items(cursor, partitions)
    if not cursor.at_end:
        raise cursor.error(f"expected a comma or the end, found {cursor.next.text!r}")
    return chosen


def format_ranges(ranges: Ranges, partitions: Partitions) -> str:
    """The range text of some partitions, ascending; `parse_range_text` gives the same set back."""
    if isinstance(partitions, MultiPartitions):
        return format_boxes(ranges, partitions)
    return format_items(ranges, partitions, MARKS)
