"""`backfilld log stats`: how many facts there are of what, and what uses the space."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, command
from daemon.cli.opening import ask
from daemon.cli.output import Column, table_of
from daemon.fact_text import counted
from daemon.operations.log.stats import Stats, log_stats
from daemon.operations.operation import Question
from events.amounts import Amount, measured_rows

DAYS_SHOWN = 14
KB = 1000
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@command
def stats(invocation: Invocation) -> None:
    """Tell how many facts there are by type and by day, and what uses the space.

    Every fact and every file of a run is looked at: about a second for a million facts, and as much for
    100,000 runs whose files are kept.

    backfilld log stats -o json
    """
    if invocation.file is not None:
        found = of_file(invocation.file)
    else:
        found = ask(invocation, log_stats, Question())
    invocation.output.value(found, lambda console: tell(console, found))


def of_file(path: Path) -> Stats:
    """What can be said of an exported file.

    :raises FileError: it is no export.
    """
    from events.files.opening import opened  # noqa: PLC0415 -- its imports, which --help need not wait for

    with closing(opened(path)) as file:
        measured = measured_rows(map(file.page, range(len(file.starts))))
    return Stats(measured, None, None, path.stat().st_size)


def tell(console: Console, found: Stats) -> None:
    """Show it to people."""
    measured = found.log
    if not measured.facts:
        console.print(Text("The log is empty."))
    else:
        days = list(measured.by_day)
        when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
        text = f"{counted(measured.facts, 'fact')} {when} (UTC)."
        console.print(Text(text), soft_wrap=True)
        console.print()
        console.print(table_of(measured.by_type.items(), amount_columns("type")))
        console.print()
        console.print(table_of(list(measured.by_day.items())[-DAYS_SHOWN:], amount_columns("day")))
        if len(days) > DAYS_SHOWN:
            console.print(Text(f"The last {DAYS_SHOWN} of {len(days):,} days; -o json has all.", style="dim"))
    console.print()
    console.print(table_of(list(uses_of(found)), USES_COLUMNS))


def uses_of(found: Stats) -> Iterator[tuple[str, int, str]]:
    """What uses the space, how many bytes, and what it is made of; the largest first."""
    uses: list[tuple[str, int, str]] = []
    for name, relation in (found.log.tables or {}).items():
        size = relation.table_bytes + relation.index_bytes
        made_of = f"{size_text(relation.table_bytes)}, indexes {size_text(relation.index_bytes)}"
        uses.append((f"table {name}", size, made_of))
    if found.run_files is not None:
        runs = f"of {counted(found.run_files.folders, 'run')}, in {found.run_files.folder}"
        uses.append(("run files", found.run_files.file_bytes, runs))
    if found.embedded_database is not None:
        rest = found.embedded_database.file_bytes - sum(size for name, size, _ in uses if name != "run files")
        where = f"its own journal and catalogs, in {found.embedded_database.folder}"
        uses.append(("rest of PostgreSQL", max(rest, 0), where))
    if found.file_bytes is not None:
        as_json = f"{size_text(found.log.data_bytes)} of data as JSON"
        uses.append(("the file", found.file_bytes, as_json))
    yield from sorted(uses, key=lambda use: -use[1])


def amount_columns(name: str) -> list[Column]:
    """The columns of amounts by something."""

    def amount(row: tuple[Any, Amount]) -> Amount:
        return row[1]

    return [
        Column(name, lambda row: row[0], style="bold"),
        Column("facts", lambda row: f"{amount(row).facts:,}", justify="right"),
        Column("data", lambda row: size_text(amount(row).data_bytes), justify="right"),
        Column("a fact", lambda row: size_text(amount(row).data_bytes // amount(row).facts), justify="right"),
    ]


USES_COLUMNS = [
    Column("what uses the space", lambda row: row[0], style="bold"),
    Column("size", lambda row: size_text(row[1]), justify="right"),
    Column("", lambda row: row[2]),
]


def size_text(size_bytes: int) -> str:
    """A size in the unit that fits.

    >>> [size_text(size) for size in (0, 999, 1_000, 12_345, 123_456_789)]
    ['0 B', '999 B', '1.0 kB', '12 kB', '123 MB']
    """
    size, unit = float(size_bytes), 0
    while size >= KB and unit < len(UNITS) - 1:
        size, unit = size / KB, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit and size < 10 else f"{size:.0f} {UNITS[unit]}"
