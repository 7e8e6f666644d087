"""Whatever user code hands over becomes plain JSON within the bounds that are documented."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfilld.worker.plain import (
    LEFT_OUT,
    MESSAGE_CHARACTERS_MAX,
    METADATA_BYTES_MAX,
    TEXT_CHARACTERS_MAX,
    TRACEBACK_CHARACTERS_MAX,
    WHOLE_CHARACTERS_MAX,
    WHOLE_IN,
    bounded,
    failure_of,
    plain_metadata,
    whole_failure,
    whole_metadata,
)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**63, hex(2**63)),
        (-(2**63) + 1, -(2**63) + 1),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ("text", "text"),
        (b"bytes", "b'bytes'"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (date(2024, 1, 2), "2024-01-02"),
        (Decimal("1.10"), "1.10"),
        (Path("a/b"), "a/b"),
        ([1, (2, {3})], [1, [2, [3]]]),
        ({1: {"a": None}}, {"1": {"a": None}}),
        (UnprintableError(), "<UnprintableError whose text could not be made: RuntimeError>"),
    ],
)
def test_values_become_plain(value: object, plain: object) -> None:
    assert plain_metadata({"value": value}) == {"value": plain}


def test_nesting_ends_in_text() -> None:
    value: list[object] = []
    value.append(value)
    assert json.dumps(plain_metadata({"value": value})).count("[[") < 20


def test_metadata_over_the_bound_is_left_out_and_counted() -> None:
    plain = plain_metadata({str(number): "x" * TEXT_CHARACTERS_MAX for number in range(10)})
    assert plain[LEFT_OUT] == 7
    assert len(json.dumps(plain)) <= METADATA_BYTES_MAX + 100


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.sets(st.integers())
    ),
)


@given(st.dictionaries(st.text() | st.integers(), anything))
def test_metadata_is_always_strict_json_within_the_bound(metadata: dict[object, object]) -> None:
    text = json.dumps(plain_metadata(metadata), allow_nan=False)
    assert len(text) <= METADATA_BYTES_MAX + 100


@given(st.text(max_size=200), st.integers(min_value=8, max_value=100))
def test_a_bounded_text_keeps_its_beginning_and_its_end(text: str, characters_max: int) -> None:
    cut = bounded(text, characters_max)
    if len(text) <= characters_max:
        assert cut == text
    else:
        head = characters_max // 4
        assert cut.startswith(text[:head])
        assert cut.endswith(text[-(characters_max - head) :])
        assert f"{len(text) - characters_max:,} characters left out" in cut


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_a_failure_says_what_was_raised_and_where() -> None:
    failure = failure_of(raised(LookupError("gone")))
    assert (failure["type"], failure["message"]) == ("LookupError", "gone")
    assert "in raised" in failure["traceback"]


def test_a_class_is_named_with_its_module() -> None:
    assert failure_of(UnprintableError())["type"].endswith("test_plain_values.UnprintableError")
    assert "could not be made" in failure_of(raised(UnprintableError()))["message"]


def test_a_text_is_a_failure_too() -> None:
    assert failure_of("no reading") == {"type": "Failure", "message": "no reading", "traceback": None}


def test_a_failure_is_bounded() -> None:
    failure = failure_of(raised(ValueError("x" * 1_000_000)))
    assert len(failure["message"]) < MESSAGE_CHARACTERS_MAX + 100
    assert len(failure["traceback"]) < TRACEBACK_CHARACTERS_MAX + 100


def test_what_was_cut_says_where_the_whole_is() -> None:
    failure = failure_of(raised(ValueError("x" * 1_000_000)), whole_in="a.log")
    assert failure["message"].count("; the whole is in a.log of the run") == 1
    assert failure["traceback"].count("; the whole is in a.log of the run") == 1
    assert failure_of("y" * 10_000, whole_in="a.log")["message"].count("a.log") == 1
    assert "a.log" not in str(failure_of(raised(ValueError("short")), whole_in="a.log"))


def test_metadata_that_was_cut_names_the_file_with_the_whole() -> None:
    assert plain_metadata({"a": "short"}, whole_in="all.jsonl") == {"a": "short"}
    deep = {"a": [{"b": "x" * (TEXT_CHARACTERS_MAX + 1)}]}
    assert plain_metadata(deep, whole_in="all.jsonl")[WHOLE_IN] == "all.jsonl"
    assert json.loads(whole_metadata(deep)) == deep


def test_even_the_whole_has_a_bound() -> None:
    assert len(whole_failure("x" * 3_000_000)) < WHOLE_CHARACTERS_MAX + 100
    assert len(whole_failure(raised(ValueError("x" * 3_000_000)))) < WHOLE_CHARACTERS_MAX + 100
    assert len(whole_metadata({"a": "x" * 3_000_000, "b": "x" * 3_000_000})) <= WHOLE_CHARACTERS_MAX
