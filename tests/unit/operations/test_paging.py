"""Lists part by part: each row comes once, whatever is put before or behind meanwhile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.operations.diff import DiffAsked
from daemon.operations.errors import UsageError
from daemon.operations.every import EVERY
from daemon.operations.fields import LIMIT_MAX, PART_MAX
from daemon.operations.log.whole import FactAt
from daemon.operations.operation import ListQuestion, Operation, Question, bounded, limit_max
from daemon.operations.paging import page_of, position_cursor


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 7))
def test_the_parts_make_the_whole(rows: list[str], limit: int) -> None:
    found: list[str] = []
    cursor = None
    while True:
        page = page_of(rows, ListQuestion(limit=limit, cursor=cursor), str)
        assert page.total == len(rows)
        found += page.items
        if page.next is None:
            break
        assert len(page.items) == limit
        cursor = page.next
    assert found == rows


def test_new_rows_in_front_neither_repeat_nor_hide_any() -> None:
    first = page_of(["c", "b", "a"], ListQuestion(limit=2), str)
    rest = page_of(["e", "d", "c", "b", "a"], ListQuestion(limit=2, cursor=first.next), str)
    assert (first.items, rest.items, rest.next) == (["c", "b"], ["a"], None)


def test_no_limit_is_all_here_and_a_part_over_an_api() -> None:
    rows = [str(number) for number in range(LIMIT_MAX + 1)]
    assert page_of(rows, ListQuestion(limit=0), str).items == rows
    page = page_of(rows, bounded(ListQuestion(limit=0)), str)
    assert (len(page.items), page.next) == (LIMIT_MAX, str(LIMIT_MAX - 1))
    assert bounded(ListQuestion(limit=3)).limit == 3


def test_what_one_answer_lists_has_a_bound_of_its_own_over_an_api() -> None:
    assert bounded(DiffAsked(from_="0", limit=0)).limit == PART_MAX
    assert bounded(DiffAsked(from_="0", limit=PART_MAX)).limit == PART_MAX
    assert [limit_max(kind) for kind in (ListQuestion, DiffAsked)] == [LIMIT_MAX, PART_MAX]
    assert bounded(FactAt(position=3)) == FactAt(position=3)


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_every_limit_has_a_bound(operation: Operation[Any, Any]) -> None:
    question: type[Question] = operation.question
    assert "limit" not in question.__struct_fields__ or limit_max(question) >= LIMIT_MAX


def test_a_cursor_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="begin again without it"):
        page_of(["a"], ListQuestion(cursor="b"), str)
    for text in ("", "-1", "1.5", "²"):
        with pytest.raises(UsageError, match="begin again without it"):
            position_cursor(text)
    assert (position_cursor("12"), position_cursor(None)) == (12, None)


@pytest.mark.parametrize("text", ["9" * 5_000, str(2**63), "-1", "1 ", "x", "", "\u0661"])
def test_what_is_no_position_is_no_cursor_however_many_digits_it_has(text: str) -> None:
    with pytest.raises(UsageError, match="no place to go on from"):
        position_cursor(text)
    assert position_cursor(str(2**63 - 1)) == 2**63 - 1
