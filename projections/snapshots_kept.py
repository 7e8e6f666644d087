"""Which snapshots are worth their room: so many over the whole history that any moment of it is near one."""

from collections.abc import Collection, Iterable
from typing import Final

SPACING_MIN: Final = 25_000  # facts; folding them takes a sixth of a second
KEPT_MAX: Final = 100  # over the history; a longer log has them further apart
NEWEST_KEPT: Final = 3  # whatever their distance: a restart folds on from the last one that can be read


def spacing(head: int) -> int:
    """How many facts lie between two snapshots of a log with its head there, give or take."""
    facts = SPACING_MIN
    while head // facts > KEPT_MAX:
        facts *= 2
    return facts


def worth_keeping(positions: Collection[int]) -> set[int]:
    """The positions of the snapshots to keep: the newest few, and the first one past each mark.

    Marks lie at the multiples of the spacing. It doubles as the log grows, and every second mark stays one.
    """
    newest_first = sorted(positions, reverse=True)
    if not newest_first:
        return set()
    apart = spacing(newest_first[0])
    first_of_stretch = {position // apart: position for position in newest_first}
    return {*newest_first[:NEWEST_KEPT], *first_of_stretch.values()}


def passes_mark(before: int, after: int, head: int) -> bool:
    """Whether a mark lies between two positions, so that a snapshot is worth leaving at the second one."""
    apart = spacing(head)
    return before // apart < after // apart


def unneeded(positions: Iterable[int]) -> list[int]:
    """The positions of the snapshots that are not worth keeping, ascending."""
    every = set(positions)
    return sorted(every - worth_keeping(every))
