"""Plans in a few words, for people who look before they launch."""

from collections.abc import Sequence

from daemon.fact_text import counted, ranges_text
from daemon.time_text import duration_text
from daemon.whatif.estimating import Estimate
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


def estimate_text(found: Estimate) -> str:
    """How long a plan will take, or why that cannot be told, in a sentence."""
    if found.took_median_s is None or found.took_high_s is None:
        return f"How long it takes cannot be told: {found.why_not}."
    at_once = counted(found.runs_max, "run")
    pools = "".join(f", {counted(slots, 'slot')} of pool {name}" for name, slots in found.pools.items())
    often = "once" if found.times_simulated == 1 else f"{found.times_simulated} times"
    how = f"Simulated {often}." if found.times_simulated else "Reckoned by the average of such runs."
    about, high = duration_text(found.took_median_s), duration_text(found.took_high_s)
    no_longer = "" if high == about else f", and nine times in ten no longer than {high}"
    return (
        f"It will take about {about}{no_longer}: with {at_once} at the same time{pools}, alone, and if every "
        f"run succeeds. {how}"
    )
