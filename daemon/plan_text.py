"""Plans in a few words, for people who look before they launch."""

from collections.abc import Sequence

from daemon.fact_text import ranges_text
from events.facts import PartitionKeys

STRETCHES_SHOWN_MAX = 3  # of run numbers


def which(keys: PartitionKeys | None) -> str:
    """Partitions as range text, the first few of them."""
    return "no partitions" if keys is None else ranges_text(keys)


def which_uncounted(keys: PartitionKeys | None) -> str:
    """Partitions as range text, where a column of its own counts them."""
    return "" if keys is None else ranges_text(keys).removesuffix(f" ({keys.count:,})")


def numbers_text(stretches: Sequence[tuple[int, int]]) -> str:
    """Numbers in a few words, from their inclusive ranges.

    >>> numbers_text([(1, 1), (4, 8)])
    '1, 4-8'
    """
    shown = [
        f"{first:,}" if first == last else f"{first:,}-{last:,}"
        for first, last in stretches[:STRETCHES_SHOWN_MAX]
    ]
    return ", ".join([*shown, *(["…"] if len(stretches) > STRETCHES_SHOWN_MAX else [])])


def left_out_text(asset: str, upstream: str | None, keys: PartitionKeys | None) -> str:
    """What is left out of a plan; with an asset upstream, what of that leads nowhere."""
    what = f"Left out: {asset}" if upstream is None else f"Leads nowhere: {upstream}"
    return what if keys is None else f"{what} {ranges_text(keys)}"
