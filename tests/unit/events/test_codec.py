"""Facts to canonical JSON and back."""

from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events import codec
from events.errors import FactNotStorableError, LogUnreadableError
from events.facts import Fact, Failure, PartitionFailed, PartitionMaterialized, RunStarted, RunSucceeded

FACTS: tuple[type[Fact], ...] = get_args(Fact)


def test_every_fact_has_a_type_of_its_own_and_a_schema() -> None:
    assert {fact.__name__ for fact in FACTS} == codec.FACT_TYPES
    assert len(codec.FACT_TYPES) == len(FACTS)
    assert all(fact.schema >= 1 for fact in FACTS)


def test_the_json_is_canonical() -> None:
    kind, schema, text = codec.encode(
        PartitionMaterialized("ä/b", None, metadata={"z": 1, "a": [1.50, None]})
    )
    assert (kind, schema) == ("PartitionMaterialized", 1)
    assert (
        text.decode()
        == '{"asset":"ä/b","code_version":null,"metadata":{"a":[1.5,null],"z":1},"partitions":null}'
    )


@pytest.mark.parametrize(
    ("fact", "found"),
    [
        (PartitionFailed("a", None, Failure("E", "\0", "\udcff")), Failure("E", "\u2400", "\ufffd")),
        (PartitionFailed("a", None, Failure("E", "\\u0000")), Failure("E", "\\u0000")),
    ],
)
def test_odd_texts_are_replaced_wherever_they_stand(fact: PartitionFailed, found: Failure) -> None:
    decoded = codec.decode(1, *codec.encode(fact))
    assert isinstance(decoded, PartitionFailed)
    assert decoded.failure == found


@pytest.mark.parametrize(
    "fact",
    [
        RunSucceeded(duration_s=float("nan")),
        RunSucceeded(duration_s=float("inf")),
        RunSucceeded(duration_s="1.5"),  # type: ignore[arg-type]  # that is the mistake
        RunStarted(pid=1, host=None),  # type: ignore[arg-type]  # that is the mistake
        PartitionMaterialized("a", None, metadata={"v": object()}),
    ],
    ids=["not a number", "infinite", "text for a number", "nothing for a text", "object"],
)
def test_a_fact_that_could_not_be_read_again_is_not_encoded(fact: Fact) -> None:
    with pytest.raises(FactNotStorableError, match=type(fact).__name__):
        codec.encode(fact)


@pytest.mark.parametrize(
    ("kind", "schema", "stored", "hint"),
    [
        ("FromTheFuture", 1, b"{}", "newer backfilld"),
        ("RunStarted", RunStarted.schema + 1, b"{}", "newer backfilld"),
        ("RunStarted", -1, b"{}", "log verify"),
        ("RunStarted", RunStarted.schema, b'{"pid": "text"}', "log verify"),
        ("RunStarted", RunStarted.schema, b"{", "log verify"),
        ("RunStarted", RunStarted.schema, b'{"pid": 1, "host": "\xff"}', "log verify"),
    ],
)
def test_what_cannot_be_decoded_says_where_it_is_and_what_to_do(
    kind: str, schema: int, stored: bytes, hint: str
) -> None:
    with pytest.raises(LogUnreadableError, match=hint) as raised:
        codec.decode(7, kind, schema, stored)
    assert raised.value.position == 7
    assert kind in raised.value.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_what_was_stored_is_stored_again_as_it_is(value: object) -> None:
    """The canonical form is a fixed point, so that a hash over it can be made again from what is stored."""
    _, _, stored = codec.encode(PartitionMaterialized("a", None, metadata={"v": value}))
    assert codec.encode(codec.decode(1, "PartitionMaterialized", 1, stored))[2] == stored
    assert codec.canonical(stored) == stored
    assert b"\\u0000" not in stored.replace(b"\\\\", b"")


@example(-0.0)
@example([1e16, {"v": -1e300}])
@given(json_values)
def test_numbers_are_written_as_jsonb_gives_them_back(value: object) -> None:
    _, _, stored = codec.encode(PartitionMaterialized("a", None, metadata={"v": value}))

    def check(each: object) -> None:
        match each:
            case float():
                assert abs(each) < 1e16
                assert str(each) != "-0.0"
            case dict():
                for inner in each.values():
                    check(inner)
            case list():
                for inner in each:
                    check(inner)

    check(msgspec.json.decode(stored))
