"""What the demo must have made, worked out from the archive without the pipeline, a database or floats.

Precipitation is summed as decimals and months are told apart by the first seven letters of a date, so that a
mistake in the pipeline's SQL, time windows or rounding does not stand on both sides of the comparison.
"""

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeAlias, TypeVar

Key = TypeVar("Key")
Row: TypeAlias = tuple[object, ...]

DIFFERENCES_SHOWN_MAX = 5  # of each kind; the rest is counted
TENTH = Decimal("0.1")


@cache
def archive_lines() -> tuple[str, ...]:
    """The archive's lines, the header first."""
    return tuple(resources.files("daemon.demo").joinpath("weather.csv").read_text("utf-8").splitlines())


def observations() -> list[dict[str, str]]:
    """One observation a city and day, as text."""
    return list(csv.DictReader(archive_lines()))


def raw_files() -> dict[str, str]:
    """File name -> text of every raw file: the archive's own lines of that day below its header."""
    header, *lines = archive_lines()
    of_day: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        of_day[line.split(",")[1]].append(line)
    return {f"{day}.csv": "\n".join([header, *own]) + "\n" for day, own in of_day.items()}


def clean_rows() -> dict[Row, Row]:
    """(date, location) -> the row of `clean_weather`."""
    return {
        (seen["date"], seen["location"]): (
            seen["location"],
            seen["date"],
            *(float(seen[column]) for column in ("precipitation", "temp_max", "temp_min", "wind")),
            seen["weather"],
        )
        for seen in observations()
    }


def monthly_rows() -> dict[Row, Row]:
    """(month, location) -> the row of `monthly_weather`."""
    months: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for seen in observations():
        months[f"{seen['date'][:7]}-01", seen["location"]].append(seen)
    return {
        (month, location): (
            location,
            month,
            len(days),
            sum(Decimal(day["precipitation"]) >= 1 for day in days),
            float(sum(Decimal(day["precipitation"]) for day in days)),
            float(max(Decimal(day["temp_max"]) for day in days)),
            float(min(Decimal(day["temp_min"]) for day in days)),
        )
        for (month, location), days in months.items()
    }


def wettest_days() -> list[Row]:
    """The rows of ``wettest_days.csv`` below its header, as text."""
    of_month: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for seen in observations():
        of_month[seen["date"][:7], seen["location"]] += Decimal(seen["precipitation"])
    ranked = sorted(
        observations(), key=lambda seen: (-Decimal(seen["precipitation"]), seen["date"], seen["location"])
    )
    return [
        (
            seen["date"],
            seen["location"],
            seen["precipitation"],
            str(percent(Decimal(seen["precipitation"]), of_month[seen["date"][:7], seen["location"]])),
        )
        for seen in ranked[:10]
    ]


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """``part`` of ``whole`` in per cent, to a tenth."""
    return (100 * part / whole).quantize(TENTH, ROUND_HALF_UP)


def differences(folder: Path) -> list[str]:
    """One sentence for each thing in `folder` that is not what the archive says; empty if all is right.

    Every raw file, every row of both tables and every line of the ranking is compared, and what should not be
    there is found too. At most five differences of a kind are told one by one.
    """
    return [
        *compared("raw file", raw_files(), files_in(folder / "raw")),
        *compared(
            "row of clean_weather", clean_rows(), rows_of(folder / "weather.db", "clean_weather", "date")
        ),
        *compared(
            "row of monthly_weather",
            monthly_rows(),
            rows_of(folder / "weather.db", "monthly_weather", "month"),
        ),
        *compared("wettest day", dict(enumerate(wettest_days(), 1)), lines_of(folder / "wettest_days.csv")),
    ]


def compared(kind: str, expected: Mapping[Key, object], found: Mapping[Key, object]) -> list[str]:
    """What is missing from `found`, differs in it, or has no business there."""
    told = [
        *(f"{kind} {named(key)} is missing" for key in expected if key not in found),
        *(f"{kind} {named(key)} is not expected" for key in found if key not in expected),
        *(
            f"{kind} {named(key)} is {found[key]!r}, expected {value!r}"
            for key, value in expected.items()
            if key in found and found[key] != value
        ),
    ]
    more = len(told) - DIFFERENCES_SHOWN_MAX
    return told if more <= 0 else [*told[:DIFFERENCES_SHOWN_MAX], f"{kind}: {more} more differences"]


def named(key: object) -> str:
    """A key as a sentence shows it."""
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def files_in(folder: Path) -> dict[str, str]:
    """File name -> text; empty if there is no such folder."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*"))}


def rows_of(database: Path, table: str, time_column: str) -> dict[Row, Row]:
    """(time, location) -> row; empty if there is no such table."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            return {}
        rows: Iterable[Row] = connection.execute(f"SELECT * FROM {table} ORDER BY {time_column}, location")  # noqa: S608 -- both names are written in this module
        return {(row[1], row[0]): row for row in rows}


def lines_of(path: Path) -> dict[int, Row]:
    """Line number below the header, from 1 -> its fields; empty if there is no such file."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return dict(enumerate(map(tuple, list(csv.reader(file))[1:]), 1))
