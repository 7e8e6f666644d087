"""What is given as text and has a meaning of its own."""

from collections.abc import Sequence
from typing import Final, Literal

from daemon.operations.errors import UsageError
from daemon.planning.choice import ByStatus, Latest, named_choice

NONE: Final = "none"  # lifts a limit
NUMBER_MAX: Final = 2**63 - 1  # what a database has room for
DIGITS_MAX: Final = len(str(NUMBER_MAX))


def digits_typed(text: str) -> int | None:
    """The number that is written in digits and nothing else; None for other text and too great a number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX):
        return None
    number = int(text)
    return number if number <= NUMBER_MAX else None


def number_typed(text: str) -> int | None:
    """The whole number that a person wrote; None for other text and too great a number."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if abs(number) <= NUMBER_MAX else None


def hours_typed(text: str | None, *, or_none: bool = False) -> str | None:
    """The hours of the day that were given, or the word none where it has a meaning.

    :raises UsageError: they are no hours.
    """
    from projections.daily_hours import daily_hours  # noqa: PLC0415 -- zones, which --help need not wait for

    if text is not None and not (or_none and text == NONE):
        try:
            daily_hours(text)
        except ValueError as error:
            raise UsageError(f"--only-between: {error}.") from error
    return text


def number_from(
    option: str, value: int | Literal["none"] | None, *, at_least: int
) -> int | Literal["none"] | None:
    """The number, or the word none, that was given.

    :raises UsageError: the number is too small.
    """
    if isinstance(value, int) and value < at_least:
        raise UsageError(f"{option} takes a number from {at_least} on, or none, and not {str(value)!r}.")
    return value


def tags_typed(texts: Sequence[str] | None) -> dict[str, str]:
    """The tags that are meant by ``k=v`` texts.

    :raises UsageError: one of them is no such text, or a name comes twice.
    """
    tags: dict[str, str] = {}
    for text in texts or ():
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise UsageError(f"--tag takes NAME=VALUE, and not {text!r}.")
        if name in tags:
            raise UsageError(f"--tag {name}= is given twice; a tag has one value.")
        tags[name] = value
    return tags


def roots_typed(texts: Sequence[str] | None) -> dict[str, ByStatus | Latest]:
    """What is chosen of each root that is meant by ``asset=which`` texts.

    :raises UsageError: one of them is no such text, or an asset comes twice.
    """
    roots: dict[str, ByStatus | Latest] = {}
    for text in texts or ():
        asset, _, which = (part.strip() for part in text.rpartition("="))
        choice = named_choice(which)
        if not asset or choice is None:
            raise UsageError(
                f"--root takes ASSET=WHICH, and not {text!r}; WHICH is all, missing, failed, "
                "failed_and_missing or latest."
            )
        if asset in roots:
            raise UsageError(f"--root {asset}= is given twice; of an asset one choice is made.")
        roots[asset] = choice
    return roots
