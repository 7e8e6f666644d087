"""What is kept in the log for good is short, whoever asks."""

import msgspec
import pytest

from daemon.operations.errors import UsageError
from daemon.operations.every import EVERY
from daemon.operations.fields import REASON_MAX, TAG_MAX, TAGS_MAX
from daemon.operations.interventions import Intervening
from daemon.operations.launching import LaunchAsked
from daemon.operations.operation import Question, refuse_long

LONG = [
    ({"reason": "x" * (REASON_MAX + 1)}, "--reason has 4,001 characters; it can have 4,000."),
    ({"tags": {str(n): "" for n in range(TAGS_MAX + 1)}}, "--tag is given 101 times"),
    ({"tags": {"x" * (TAG_MAX + 1): ""}}, "--tag 'xxxxxxxxxxxxxxxxxxxx'... has 1,001 characters"),
    ({"tags": {"a": "x" * (TAG_MAX + 1)}}, "has 1,001 characters"),
]


@pytest.mark.parametrize(("given", "told"), LONG)
def test_what_is_too_long_is_one_sentence_as_typed_and_refused_as_json(
    given: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match="--") as raised:
        refuse_long(LaunchAsked(selection=("a",), **given))  # type: ignore[arg-type]  # as given
    assert told in str(raised.value)
    with pytest.raises(msgspec.ValidationError, match="length <="):
        msgspec.convert({"selection": ["a"], **given}, LaunchAsked)


def test_what_is_just_short_enough_is_taken() -> None:
    tags = {str(number): "x" * TAG_MAX for number in range(TAGS_MAX)}
    refuse_long(LaunchAsked(selection=("a",), reason="x" * REASON_MAX, tags=tags))
    refuse_long(Intervening(backfill_id="b"))
    refuse_long(Question())


def test_every_reason_that_is_asked_for_is_bounded() -> None:
    asked_with = [each for each in EVERY if "reason" in each.question.__struct_fields__]
    assert len(asked_with) >= 11
    for operation in asked_with:
        (field,) = (each for each in msgspec.structs.fields(operation.question) if each.name == "reason")
        with pytest.raises(msgspec.ValidationError, match="length <="):
            msgspec.convert("x" * (REASON_MAX + 1), field.type)
