"""At which of the filters of a page a mistake was made, so that it is told there."""

from collections.abc import Collection
from typing import NamedTuple


class Mistake(NamedTuple):
    """A mistake, and the filter that it was made in."""

    field: str  # empty: it is that of none alone
    told: str


def mistake_of(told: str, fields: Collection[str]) -> Mistake:
    """The mistake that a message is about, which begins with its option as the command line has it.

    >>> mistake_of("--since: 'foo' is no moment.", ["since", "until"])
    Mistake(field='since', told="'foo' is no moment.")
    >>> mistake_of("there is no asset 'x'.", ["since"])
    Mistake(field='', told="there is no asset 'x'.")
    """
    option, colon, rest = told.partition(": ")
    field = option.removeprefix("--").replace("-", "_")
    return Mistake(field, rest) if colon and field in fields else Mistake("", told)
