"""Plans in a few words, for people who look before they launch."""

from collections.abc import Iterator

from backfilld.ranges import Ranges
from daemon.fact_text import ranges_text
from daemon.planning.targets import LeftOut
from events.facts import PartitionKeys

STRETCHES_SHOWN_MAX = 3  # of run numbers


def which(keys: PartitionKeys | None) -> str:
    """Partitions as range text, the first few of them."""
    return "no partitions" if keys is None else ranges_text(keys)


def which_uncounted(keys: PartitionKeys | None) -> str:
    """Partitions as range text, where a column of its own counts them."""
    return "" if keys is None else ranges_text(keys).removesuffix(f" ({keys.count:,})")


def numbers_text(numbers: Ranges) -> str:
    """Numbers in a few words.

    >>> numbers_text(Ranges.of([(1, 2), (4, 8)]))
    '1, 4-7'
    """

    def stretches() -> Iterator[str]:
        for start, stop in numbers.intervals[:STRETCHES_SHOWN_MAX]:
            yield f"{start:,}" if stop == start + 1 else f"{start:,}-{stop - 1:,}"
        if len(numbers.intervals) > STRETCHES_SHOWN_MAX:
            yield "…"

    return ", ".join(stretches())


def left_out_text(left: LeftOut) -> str:
    """What is left out of a plan."""
    what = f"Left out: {left.asset}" if left.upstream is None else f"Leads nowhere: {left.upstream}"
    return what if left.partitions is None else f"{what} {ranges_text(left.partitions)}"
