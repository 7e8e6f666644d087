"""Range text, good and bad."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import RangeTextError
from backfilld.partitions import DailyPartitionsDefinition, StaticPartitionsDefinition
from backfilld.range_text import format_ranges, parse_range_text
from backfilld.ranges import Ranges

DAYS = DailyPartitionsDefinition(start_date="2024-01-01").partitions(datetime(2024, 4, 1, tzinfo=UTC))
ODD = StaticPartitionsDefinition(
    ["a b", "a,b", "[x]", "*", " ", "", "it's", 'say "hi"', "back\\slash", ".", "..", "10", "-"]
)
ODD_KEYS = ODD.partitions(datetime(2024, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-01-05", "2024-01-05"),
        (" 2024-01-05 ,2024-01-06", "[2024-01-05...2024-01-06]"),
        ("2024-01-05, [2024-02-01...2024-02-29], 2024-03-*", "2024-01-05, [2024-02-01...2024-03-31]"),
        ("[2024-03-30...]", "[2024-03-30...2024-03-31]"),
        ("[...2024-01-02]", "[2024-01-01...2024-01-02]"),
        ("*", "[2024-01-01...2024-03-31]"),
        ("*-15", "2024-01-15, 2024-02-15, 2024-03-15"),
        ("2024-*-0*1", "2024-01-01, 2024-02-01, 2024-03-01"),
        ("'2024-01-05', \"2024-01-07\"", "2024-01-05, 2024-01-07"),
        ("[ '2024-01-05' ... 2024-01-07 ]", "[2024-01-05...2024-01-07]"),
    ],
)
def test_reads_what_people_write_and_writes_it_short(text: str, written: str) -> None:
    assert format_ranges(parse_range_text(text, DAYS), DAYS) == written


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "found the end"),
        ("2024-01-05,", 11, "found the end"),
        ("2024-01-05,,2024-01-06", 11, "found ','"),
        ("2024-01-05, 2023-12-31", 12, "found '2023-12-31'"),
        ("2024-01-05 2024-01-06", 0, "found '2024-01-05 2024-01-06'"),
        ("[2024-01-05]", 11, "'...' between"),
        ("[2024-01-05...2024-01-07", 24, "']' behind"),
        ("[2024-01-05...2024-01-07 , 2024-01-09", 25, "']' behind"),
        ("[2024-01-09...2024-01-07]", 1, "swap the two"),
        ("2024-01-05...2024-01-07", 10, "in brackets"),
        ("2024-01-05]", 10, "a comma or the end"),
        ("2024-01-05, '2024", 12, "a closing '"),
        ("2025-*", 0, "a pattern that fits"),
    ],
)
def test_bad_text_is_pointed_at(text: str, position: int, reason: str) -> None:
    with pytest.raises(RangeTextError) as raised:
        parse_range_text(text, DAYS)
    error = raised.value
    assert (error.position, error.text) == (position, text)
    assert reason in error.reason
    assert f"\n  {text}\n  {' ' * position}^" in str(error)


def test_an_unknown_key_comes_with_near_ones() -> None:
    with pytest.raises(RangeTextError) as raised:
        parse_range_text("2024-01-05, 2024-1-8x", DAYS)
    assert "2024-01-08" in raised.value.near
    assert "near keys" in str(raised.value)


def test_odd_keys_are_quoted_and_come_back() -> None:
    for ordinal, key in enumerate(ODD_KEYS):
        chosen = ODD_KEYS.ranges_of([(key, key)])
        assert list(parse_range_text(format_ranges(chosen, ODD_KEYS), ODD_KEYS)) == [ordinal]
    assert format_ranges(ODD_KEYS.all(), ODD_KEYS) == "[a b...-]"
    assert format_ranges(ODD_KEYS.ranges_of([("*", "*")]), ODD_KEYS) == '"*"'
    assert len(parse_range_text("*", ODD_KEYS)) == len(ODD_KEYS)


def test_no_partitions_at_all() -> None:
    none = StaticPartitionsDefinition([]).partitions(datetime(2024, 4, 1, tzinfo=UTC))
    with pytest.raises(RangeTextError, match="none yet"):
        parse_range_text("a", none)
    assert not parse_range_text("[...]", none)


def test_as_many_single_keys_as_a_command_line_holds_are_read_and_written() -> None:
    """Taken together one after the other they would cost the square of their number: minutes."""
    many = StaticPartitionsDefinition([f"k{n:06}" for n in range(100_000)]).partitions(
        datetime(2024, 4, 1, tzinfo=UTC)
    )
    every_third = Ranges.from_ordinals(range(0, 100_000, 3))
    assert parse_range_text(format_ranges(every_third, many), many) == every_third


def test_a_text_has_few_patterns_for_each_may_look_at_every_key() -> None:
    assert len(parse_range_text(", ".join(["*-15", *["*", "**"] * 20, *["2024-*-15"] * 19]), DAYS)) == 91
    text = ", ".join(["*-15"] * 21)
    with pytest.raises(RangeTextError, match="at most 20 patterns in one text, found 21") as raised:
        parse_range_text(text, DAYS)
    assert raised.value.position == text.rindex("*")
