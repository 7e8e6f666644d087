"""Items of a range text: keys, patterns and ranges of partitions with one dimension."""

from backfilld.partitions.base import Partitions
from backfilld.range_text.cursor import Cursor, quoted
from backfilld.ranges import Interval, Ranges


def parse_items(cursor: Cursor, partitions: Partitions) -> Ranges:
    """The partitions that one or more items with commas between them name."""
    items = [parse_item(cursor, partitions)]
    while cursor.take(","):
        items.append(parse_item(cursor, partitions))
    return Ranges.union(items)


def parse_item(cursor: Cursor, partitions: Partitions) -> Ranges:
    """The partitions that the item to come names."""
    if cursor.take("["):
        return Ranges.of([_range(cursor, partitions)])
    if cursor.next.is_pattern:
        return _matching(cursor, partitions)
    ordinal = parse_key(cursor, partitions, "a partition key, a pattern or a range in brackets")
    if cursor.sees("..."):
        raise cursor.error("expected a range to stand in brackets, such as [first...last]")
    return Ranges.single(ordinal)


def parse_key(cursor: Cursor, partitions: Partitions, expected: str) -> int:
    """The ordinal of the key to come."""
    token = cursor.next
    if not token.is_key:
        raise cursor.error(f"expected {expected}, found {token.described}")
    ordinal = partitions.find(token.text)
    if ordinal is None:
        raise cursor.error(
            f"expected a key of {partitions.described()}, found {token.text!r}",
            near=partitions.near(token.text),
        )
    cursor.advance()
    return ordinal


def format_items(ranges: Ranges, partitions: Partitions, marks: str) -> str:
    """The items that name some partitions, ascending."""
    return ", ".join(
        quoted(first, marks) if first == last else f"[{quoted(first, marks)}...{quoted(last, marks)}]"
        for first, last in partitions.key_ranges(ranges)
    )


def _range(cursor: Cursor, partitions: Partitions) -> Interval:
    begin = cursor.next
    last = len(partitions) - 1
    start = 0 if cursor.sees("...") else parse_key(cursor, partitions, "a partition key or '...'")
    if not cursor.take("..."):
        raise cursor.error("expected '...' between the ends of the range")
    end = last if cursor.sees("]") else parse_key(cursor, partitions, "a partition key or ']'")
    if not cursor.take("]"):
        raise cursor.error("expected ']' behind the range")
    if end < start and last >= 0:
        raise cursor.error("expected a range from an earlier to a later key; swap the two", begin)
    return start, end + 1


def _matching(cursor: Cursor, partitions: Partitions) -> Ranges:
    pattern = cursor.advance()
    prefix, *middle, suffix = pattern.text.split("*")
    middle = [part for part in middle if part]  # stars in a row are as one
    candidates = partitions.with_prefix(prefix)
    if middle or suffix:
        keys = zip(candidates, partitions.keys(candidates), strict=True)
        candidates = Ranges.from_ordinals(
            ordinal for ordinal, key in keys if _fits(key, len(prefix), middle, suffix)
        )
    if not candidates:
        raise cursor.error(
            f"expected a pattern that fits {partitions.described()}, found {pattern.text!r}",
            pattern,
            near=partitions.near(pattern.text.replace("*", "")),
        )
    return candidates


def _fits(key: str, begin: int, middle: list[str], suffix: str) -> bool:
    """Whether the parts stand in the key from its begin on, one behind another and the suffix last.

    Each is taken where it stands first, which leaves most room to those behind it: no way is tried twice.
    """
    end = len(key) - len(suffix)
    if end < begin or not key.endswith(suffix):
        return False
    for part in middle:
        found = key.find(part, begin, end)
        if found < 0:
            return False
        begin = found + len(part)
    return True
