"""Four years of daily weather in Seattle and New York, from an archive to the days one would remember.

    raw_weather -> clean_weather -> monthly_weather -> wettest_days
     (a file a day)  (a table)        (a table)          (a file)

The archive beside this file is NOAA's, in the public domain: 2,922 observations, one a city and day. Results
go to the folder that ``WEATHER_FOLDER`` names (``weather`` here, if it is not set): ``raw/<day>.csv``, the
tables ``clean_weather`` and ``monthly_weather`` of ``weather.db``, and ``wettest_days.csv``.

Each asset replaces exactly the time it was asked to fill, in one step, so any of them may run again.
"""

import csv
import io
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from backfilld import (
    AssetExecutionContext,
    BackfillPolicy,
    DailyPartitionsDefinition,
    MaterializeResult,
    MonthlyPartitionsDefinition,
    asset,
)

ARCHIVE = Path(__file__).with_name("weather.csv")
COLUMNS = ("location", "date", "precipitation", "temp_max", "temp_min", "wind", "weather")
WET_DAY_MM = 1.0  # The World Meteorological Organization counts a day as wet from 1 mm on.
WETTEST_DAYS = 10

DAYS = DailyPartitionsDefinition(start_date="2012-01-01", end_date="2016-01-01")
MONTHS = MonthlyPartitionsDefinition(start_date="2012-01-01", end_date="2016-01-01")


@asset(
    partitions_def=DAYS,
    group_name="weather",
    description="The observations of one day as the archive has them, both cities in one CSV file.",
)
def raw_weather(context: AssetExecutionContext) -> MaterializeResult:
    """Copy one day out of the archive. Without a policy, every day is a run of its own."""
    day = context.partition_key
    with ARCHIVE.open(newline="", encoding="utf-8") as archive:
        rows = [row for row in csv.reader(archive) if row[1] == day]
    write_csv(output_folder() / "raw" / f"{day}.csv", COLUMNS, rows)
    return MaterializeResult(metadata={"rows": len(rows), "precipitation_mm": sum_mm(row[2] for row in rows)})


@asset(
    partitions_def=DAYS,
    deps=[raw_weather],
    backfill_policy=BackfillPolicy.single_run(),
    group_name="weather",
    description="The observations with proper types and units, in the table clean_weather.",
)
def clean_weather(context: AssetExecutionContext) -> MaterializeResult:
    """Load a whole range of days at once: its window is emptied and filled again in one transaction."""
    start, end = context.partition_time_window
    rows = [row for day in context.partition_keys for row in read_csv(output_folder() / "raw" / f"{day}.csv")]
    with writing() as database:
        database.execute(
            """
            CREATE TABLE IF NOT EXISTS clean_weather (
                location TEXT NOT NULL,
                date TEXT NOT NULL,
                precipitation_mm REAL NOT NULL,
                temp_max_c REAL NOT NULL,
                temp_min_c REAL NOT NULL,
                wind_m_s REAL NOT NULL,
                weather TEXT NOT NULL,
                PRIMARY KEY (date, location)
            ) WITHOUT ROWID
            """
        )
        database.execute(
            "DELETE FROM clean_weather WHERE date >= ? AND date < ?",
            (start.date().isoformat(), end.date().isoformat()),
        )
        database.executemany("INSERT INTO clean_weather VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return MaterializeResult(metadata={"rows": len(rows), "precipitation_mm": sum_mm(row[2] for row in rows)})


@asset(
    partitions_def=MONTHS,
    deps=[clean_weather],
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=12),
    group_name="weather",
    description="Rain, wet days and extremes of each month and city, in the table monthly_weather.",
)
def monthly_weather(context: AssetExecutionContext) -> MaterializeResult:
    """Sum up as many as twelve months a run, inside the database."""
    start, end = (bound.date().isoformat() for bound in context.partition_time_window)
    with writing() as database:
        database.execute(
            """
            CREATE TABLE IF NOT EXISTS monthly_weather (
                location TEXT NOT NULL,
                month TEXT NOT NULL,
                days INTEGER NOT NULL,
                wet_days INTEGER NOT NULL,
                precipitation_mm REAL NOT NULL,
                temp_max_c REAL NOT NULL,
                temp_min_c REAL NOT NULL,
                PRIMARY KEY (month, location)
            ) WITHOUT ROWID
            """
        )
        database.execute("DELETE FROM monthly_weather WHERE month >= ? AND month < ?", (start, end))
        database.execute(
            """
            INSERT INTO monthly_weather
            SELECT location, strftime('%Y-%m-01', date), count(*), sum(precipitation_mm >= ?),
                   round(sum(precipitation_mm), 1), max(temp_max_c), min(temp_min_c)
            FROM clean_weather
            WHERE date >= ? AND date < ?
            GROUP BY 1, 2
            """,
            (WET_DAY_MM, start, end),
        )
        rows, precipitation_mm = database.execute(
            """
            SELECT count(*), round(total(precipitation_mm), 1)
            FROM monthly_weather
            WHERE month >= ? AND month < ?
            """,
            (start, end),
        ).fetchone()
    return MaterializeResult(metadata={"rows": rows, "precipitation_mm": precipitation_mm})


@asset(
    deps=[clean_weather, monthly_weather],
    group_name="weather",
    description="The ten wettest days of all, with the share each had in the rain of its month.",
)
def wettest_days() -> MaterializeResult:
    """Rank the days once every month is there. Without partitions: one run, after all the others."""
    with writing() as database:
        rows = database.execute(
            """
            SELECT day.date, day.location, day.precipitation_mm,
                   round(100.0 * day.precipitation_mm / month.precipitation_mm, 1)
            FROM clean_weather AS day
            JOIN monthly_weather AS month
                ON month.location = day.location AND month.month = strftime('%Y-%m-01', day.date)
            ORDER BY day.precipitation_mm DESC, day.date, day.location
            LIMIT ?
            """,
            (WETTEST_DAYS,),
        ).fetchall()
    header = ("date", "location", "precipitation_mm", "percent_of_month")
    write_csv(output_folder() / "wettest_days.csv", header, rows)
    return MaterializeResult(metadata={"rows": len(rows), "precipitation_mm": sum_mm(row[2] for row in rows)})


def output_folder() -> Path:
    """Where the results go."""
    return Path(os.environ.get("WEATHER_FOLDER", "weather"))


def sum_mm(amounts: Iterable[str | float]) -> float:
    """Millimetres of rain, to the tenth that was measured."""
    return round(sum(map(float, amounts)), 1)


def read_csv(path: Path) -> list[list[str]]:
    """The rows of a CSV file below its header."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV file that is there whole or not at all, even after a power cut."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        file.write(text.getvalue())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextmanager
def writing() -> Iterator[sqlite3.Connection]:
    """The database inside one transaction, kept if the block ends well and undone if it does not.

    The lock for writing is taken at once, so runs that write at the same time wait for each other.
    """
    folder = output_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "weather.db", timeout=60, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        with database:
            yield database
