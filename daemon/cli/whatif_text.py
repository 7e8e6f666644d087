"""How `whatif` and `plan --estimate` tell what they found."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from daemon.cli.output import Column, status_style, table_of
from daemon.fact_text import counted
from daemon.time_text import duration_text
from daemon.whatif.estimating import Estimate, RunsEstimate
from daemon.whatif.figures import AssetTimes, Figures
from daemon.whatif.replaying import Comparison

ARROW = "\N{RIGHTWARDS ARROW}"


def show(console: Console, found: Comparison) -> None:
    """Prints what was beside what would have been."""
    rows = [
        ("as recorded", found.recorded),
        ("the same, simulated", found.simulated),
        ("what if", found.what_if),
    ]
    pools = sorted({name for _, figures in rows for name in figures.pools})
    console.print(table_of(rows, [*FIGURES_COLUMNS, *map(_pool_column, pools)]))
    console.print()
    pairs = list(zip(found.simulated.assets, found.what_if.assets, strict=True))
    console.print(table_of(pairs, TIMES_COLUMNS))
    console.print()
    console.print(verdict(found), soft_wrap=True)
    for note in found.notes:
        console.print(Text(note, style="yellow"), soft_wrap=True)


def verdict(found: Comparison) -> str:
    """How much sooner or later it would have ended, as far as simulating can tell."""
    was, other = found.simulated.took_s, found.what_if.took_s
    if was is None or other is None:
        return "Of the two simulated ones, not both come to an end."
    if was == other:
        return "It would have taken as long as the same simulated."
    apart = duration_text(abs(was - other))
    return f"It would have ended {apart} {'sooner' if other < was else 'later'} than the same simulated."


def _pool_column(name: str) -> Column:
    def taken(row: tuple[str, Figures]) -> object:
        return row[1].pools.get(name, 0)

    return Column(f"pool {name}", taken, justify="right")


def _changed(read: Callable[[AssetTimes], float | None]) -> Callable[[tuple[AssetTimes, AssetTimes]], str]:
    def cell(pair: tuple[AssetTimes, AssetTimes]) -> str:
        was, other = (_after(read(times)) for times in pair)
        return was if was == other else f"{was} {ARROW} {other}"

    return cell


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else duration_text(seconds)


def _took(seconds: float | None) -> str:
    return "no end yet" if seconds is None else duration_text(seconds)


def _filled(pair: tuple[AssetTimes, AssetTimes]) -> str:
    was, other = pair
    filled = f"{was.filled:,}" if was.filled == other.filled else f"{was.filled:,} {ARROW} {other.filled:,}"
    return f"{filled} of {was.partitions:,}"


FIGURES_COLUMNS = [
    Column("", lambda row: row[0], style="bold"),
    Column("came to", lambda row: row[1].status, style=lambda row: status_style(row[1].status)),
    Column("took", lambda row: _took(row[1].took_s), justify="right"),
    Column("runs", lambda row: f"{row[1].runs:,}", justify="right"),
    Column("retries", lambda row: f"{row[1].retries:,}", justify="right"),
    Column("failed", lambda row: f"{row[1].runs_failed:,}", justify="right"),
    Column("a run waited", lambda row: duration_text(row[1].waiting_median_s), justify="right"),
    Column("in all", lambda row: duration_text(row[1].waiting_total_s), justify="right"),
    Column("at once", lambda row: f"{row[1].at_once_max:,}", justify="right"),
]

TIMES_COLUMNS = [
    Column("asset", lambda pair: pair[0].asset, style="bold"),
    Column("filled", _filled, justify="right"),
    Column("its oldest after", _changed(lambda times: times.oldest_s), justify="right"),
    Column("its newest after", _changed(lambda times: times.newest_s), justify="right"),
    Column("all after", _changed(lambda times: times.complete_s), justify="right"),
]


def show_estimate(console: Console, found: Estimate) -> None:
    """Prints how long a plan will take, and by what."""
    console.print()
    console.print(table_of(found.runs, ESTIMATE_COLUMNS))
    console.print()
    if found.took_median_s is None or found.took_high_s is None:
        console.print(
            Text(f"How long it takes cannot be told: {found.why_not}.", style="yellow"), soft_wrap=True
        )
        return
    at_once = counted(found.runs_max, "run")
    pools = "".join(f", {counted(slots, 'slot')} of pool {name}" for name, slots in found.pools.items())
    often = "once" if found.times_simulated == 1 else f"{found.times_simulated} times"
    console.print(
        f"It will take about {duration_text(found.took_median_s)}, and nine times in ten no longer than "
        f"{duration_text(found.took_high_s)}: with {at_once} at the same time{pools}, alone, and if every "
        f"run succeeds. Simulated {often}.",
        soft_wrap=True,
    )
    unknown = [asset for row in found.runs for asset in row.unknown]
    if unknown:
        told = f"Nothing is known of what {', '.join(unknown)} takes: it is left out."
        console.print(Text(told, style="yellow"), soft_wrap=True)


def _known_by(row: RunsEstimate) -> str:
    if not row.seen:
        return "nothing"
    of = "" if row.seen_of == (row.assets,) else f" of {' and '.join('+'.join(each) for each in row.seen_of)}"
    return f"{counted(row.seen, 'run')}{of}"


def _long(seconds: float | None) -> str:
    return "" if seconds is None else duration_text(seconds)


ESTIMATE_COLUMNS = [
    Column("assets", lambda row: ", ".join(row.assets), style="bold"),
    Column("runs", lambda row: f"{row.runs:,}", justify="right"),
    Column("partitions each", lambda row: f"{row.partitions_per_run:,}", justify="right"),
    Column("a run takes", lambda row: _long(row.median_s), justify="right"),
    Column("nine in ten", lambda row: _long(row.high_s), justify="right"),
    Column("known by", _known_by),
]
