"""Parts of lists, and where the rest begins."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from daemon.operations.errors import UsageError
from daemon.operations.operation import ListQuestion, Page
from daemon.operations.typed import digits_typed

Item = TypeVar("Item")


def page_of(rows: Sequence[Item], asked: ListQuestion, key: Callable[[Item], str]) -> Page[Item]:
    """The part that is asked for of a list that is known whole; a cursor is the key of the last row before.

    :raises UsageError: there is no such row, or not any more.
    """
    start = 0
    if asked.cursor is not None:
        start = next((place for place, row in enumerate(rows, 1) if key(row) == asked.cursor), 0)
        if start == 0:
            raise no_cursor(asked.cursor)
    stop = start + asked.limit if asked.limit else len(rows)
    items = list(rows[start:stop])
    return Page(items, key(items[-1]) if items and stop < len(rows) else None, len(rows))


def position_cursor(text: str | None) -> int | None:
    """The position that a cursor names.

    :raises UsageError: it names none.
    """
    if text is None:
        return None
    position = digits_typed(text)
    if position is None:
        raise no_cursor(text)
    return position


def no_cursor(text: str) -> UsageError:
    """The error for a cursor that does not say where to go on."""
    return UsageError(f"cursor: {text[:40]!r} is no place to go on from; begin again without it.")
