"""How `whatif` and `plan --estimate` tell what they found."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from daemon.cli.output import Column, status_style, table_of
from daemon.fact_text import counted
from daemon.operations.whatif import Compared
from daemon.plan_text import estimate_text
from daemon.time_text import duration_text
from daemon.whatif.estimating import Estimate, RunsEstimate
from daemon.whatif.figures import AssetTimes, Figures

ARROW = "\N{RIGHTWARDS ARROW}"


def show(console: Console, found: Compared) -> None:
    """Prints what was beside what would have been."""
    columns = (found.recorded, found.simulated, found.what_if)
    pools = sorted({name for figures in columns for name in figures.pools})
    rows = [
        (name, [read(figures) for figures in columns]) for name, read in (*FIGURES, *map(_of_pool, pools))
    ]
    console.print(table_of(rows, FIGURES_COLUMNS))
    console.print()
    pairs = list(zip(found.simulated.assets, found.what_if.assets, strict=True))
    console.print(table_of(pairs, TIMES_COLUMNS))
    console.print()
    console.print(verdict(found), soft_wrap=True)
    for note in found.notes:
        console.print(Text(note, style="yellow"), soft_wrap=True)


def verdict(found: Compared) -> str:
    """How much sooner or later it would have ended, as far as simulating can tell."""
    was, other = found.simulated.took_s, found.what_if.took_s
    if was is None or other is None:
        return "Of the two simulated ones, not both come to an end."
    if was == other:
        return "It would have taken as long as in the simulation of what was."
    apart = f"{duration_text(abs(was - other))} {'sooner' if other < was else 'later'}"
    return f"It would have ended {apart} than in the simulation of what was."


def _of_pool(name: str) -> tuple[str, Callable[[Figures], str]]:
    return f"of pool {name} at once", lambda figures: f"{figures.pools.get(name, 0):,}"


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


FIGURES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("came to", lambda figures: figures.status),
    ("took", lambda figures: _took(figures.took_s)),
    ("runs launched", lambda figures: f"{figures.runs:,}"),
    ("of them retries", lambda figures: f"{figures.retries:,}"),
    ("of them failed", lambda figures: f"{figures.runs_failed:,}"),
    ("a run waited, median", lambda figures: duration_text(figures.waiting_median_s)),
    ("all runs waited", lambda figures: duration_text(figures.waiting_total_s)),
    ("runs at once, at most", lambda figures: f"{figures.at_once_max:,}"),
)


def _figure_column(at: int, header: str) -> Column:
    return Column(header, lambda row: row[1][at], style=lambda row: status_style(row[1][at]), justify="right")


# One figure below the other, so that they fit a narrow terminal.
FIGURES_COLUMNS = [
    Column("", lambda row: row[0], style="bold"),
    _figure_column(0, "as recorded"),
    _figure_column(1, "simulated"),
    _figure_column(2, "what if"),
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
        console.print(Text(estimate_text(found), style="yellow"), soft_wrap=True)
        return
    console.print(estimate_text(found), soft_wrap=True)
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
