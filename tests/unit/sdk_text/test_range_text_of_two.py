"""Range text about two dimensions, good and bad."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import RangeTextError
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.range_text import format_ranges, parse_range_text

NOW = datetime(2024, 2, 1, tzinfo=UTC)
CITIES = StaticPartitionsDefinition(["oslo", "rome", "bern", "cork"])
CELLS = MultiPartitionsDefinition(
    {"date": DailyPartitionsDefinition(start_date="2024-01-01"), "city": CITIES}
).partitions(NOW)
ODD = MultiPartitionsDefinition(
    {
        "a;b": StaticPartitionsDefinition(["x=y", "p;q", "", "plain"]),
        "=": StaticPartitionsDefinition(["*", "1.", "b"]),
    }
).partitions(NOW)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("oslo|2024-01-05", "oslo|2024-01-05"),
        ('"oslo|2024-01-05"', "oslo|2024-01-05"),
        ("oslo | 2024-01-05, oslo|2024-01-06", "oslo|[2024-01-05...2024-01-06]"),
        ("rome|2024-01-1*", "rome|[2024-01-10...2024-01-19]"),
        ("*|2024-01-05", "[oslo...cork]|2024-01-05"),
        ("*", "[oslo...cork]|[2024-01-01...2024-01-31]"),
        ("[rome...]|[...2024-01-02]", "[rome...cork]|[2024-01-01...2024-01-02]"),
        ("[oslo|2024-01-02...rome|2024-01-03]", "[oslo...rome]|[2024-01-02...2024-01-03]"),
        ("date=[2024-01-01...2024-01-31], city=oslo", "oslo|[2024-01-01...2024-01-31]"),
        ("city=oslo, bern, date=2024-01-05", "city=oslo, bern, date=2024-01-05"),
        ("date=2024-01-05, 2024-01-07", "city=[oslo...cork], date=2024-01-05, 2024-01-07"),
        ("bern|2024-01-05; city=oslo, date=*-01", "oslo|2024-01-01; bern|2024-01-05"),
    ],
)
def test_reads_what_people_write_and_writes_it_short(text: str, written: str) -> None:
    chosen = parse_range_text(text, CELLS)
    assert format_ranges(chosen, CELLS) == written
    assert parse_range_text(written, CELLS) == chosen


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "found the end"),
        ("oslo", 4, "expected '|' between what is meant of 'city' and of 'date', found the end"),
        ("oslo|", 5, "found the end"),
        ("oslo|2024-02-01", 5, "found '2024-02-01'"),
        ("oslo|2024-01-01, osol|2024-01-02", 17, "found 'osol'"),
        ("oslo|2024-01-01 rome", 5, "found '2024-01-01 rome'"),
        ("oslo|2024-01-01|x", 15, "a comma, a semicolon or the end, found '|'"),
        ("day=2024-01-01", 0, "'city' or 'date', before '=', found 'day'"),
        ("city=oslo, city=rome", 11, "each dimension once"),
        ("city=", 5, "found the end"),
        ("city=paris", 5, "found 'paris'"),
        ("[oslo|2024-01-02...rome]", 23, "expected '|' and a key of 'date', found ']'"),
        ("[oslo|2024-01-02, rome|2024-01-03]", 16, "'...' between"),
        ("[oslo|2024-01-02...rome|2024-01-03", 34, "']' behind"),
        ("[rome|2024-01-02...oslo|2024-01-03]", 1, "earlier to later keys in both"),
        ("[oslo|2024-01-03...rome|2024-01-02]", 1, "earlier to later keys in both"),
    ],
)
def test_bad_text_is_pointed_at(text: str, position: int, reason: str) -> None:
    with pytest.raises(RangeTextError) as raised:
        parse_range_text(text, CELLS)
    assert (raised.value.position, raised.value.text) == (position, text)
    assert reason in raised.value.reason


@pytest.mark.parametrize(
    ("text", "near"), [("city=rom", "rome"), ("oslo|2024-02-01", "2024-01-31"), ("ciyt=oslo", "city")]
)
def test_unknown_words_come_with_near_ones(text: str, near: str) -> None:
    with pytest.raises(RangeTextError) as raised:
        parse_range_text(text, CELLS)
    assert near in raised.value.near


def test_odd_keys_and_names_are_quoted_and_come_back() -> None:
    for ordinal, key in enumerate(ODD):
        chosen = ODD.ranges_of([(key, key)])
        assert list(parse_range_text(format_ranges(chosen, ODD), ODD)) == [ordinal]
    two = ODD.product(ODD.dimensions[0].all(), ODD.dimensions[1].ranges_of([("x=y", "x=y"), ("", "")]))
    assert format_ranges(two, ODD) == '"="=["*"...b], "a;b"="x=y", ""'
    assert parse_range_text(format_ranges(two, ODD), ODD) == two
