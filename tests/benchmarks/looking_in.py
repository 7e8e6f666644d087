"""What a person waits for who looks for some facts among a million."""

import io
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from statistics import median

import psycopg
from sqlalchemy import make_url

from daemon.cli.app import run
from events.postgres import PostgresLog
from events.seeking import fact_at
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.log_reading import append_history

FACTS = 1_000_000
ASKED = 5
MS_PER_S = 1_000
IN_200_MS = Target("measured", "at most", 200)
IN_2_S = Target("measured", "at most", 2_000)
# What autovacuum does within a minute.
TIDIED = ("VACUUM (ANALYZE) log", "SELECT brin_summarize_new_values('log_by_time')")


def looking_in(surroundings: Surroundings) -> Sequence[Row]:
    """Milliseconds from `backfilld log` to its hundred facts; what it needs is imported by then."""
    count = surroundings.count(FACTS)
    with surroundings.database() as url:
        awaited(append_history, url, count)
        tidy(url)
        middle = awaited(time_of, url, count // 2).isoformat()
        filters = {
            "the last ones": (),
            "a backfill's": ("--backfill", "b0000012"),
            "a run's": ("--run", "b0000012-500-1"),
            "an asset's": ("--asset", "raw_weather"),
            "a rare type": ("--type", "BackfillCompleted"),
            "a frequent type": ("--type", "RunSucceeded"),
            "a person's": ("--actor", "ada@host"),
            "since a time": ("--since", middle),
            "since a time, an asset's, a type": (
                *("--since", middle, "--asset", "raw_weather", "--type", "RunStarted"),
            ),
            "a text of a backfill": ("--backfill", "b0000012", "--text", "nowhere"),
        }
        rows = [
            row(f"log, {name}, of {count:,} facts", asked_ms(url, "log", *arguments), "ms", target=IN_200_MS)
            for name, arguments in filters.items()
        ]
        shown_ms = asked_ms(url, "log", "show", str(count // 2))
        rows.append(row(f"log show, of {count:,} facts", shown_ms, "ms", target=IN_200_MS))
        rows.append(row(f"log stats, of {count:,} facts", asked_ms(url, "log", "stats"), "ms", target=IN_2_S))
        rows.append(row(f"log --text, all {count:,} facts", asked_ms(url, "log", "--text", "nowhere"), "ms"))
    return rows


def tidy(url: str) -> None:
    """Leaves the log as it is a minute after it was filled."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in TIDIED:
            connection.execute(statement)


async def time_of(url: str, position: int) -> datetime:
    """When the fact at a position happened."""
    async with PostgresLog(url) as log:
        recorded = await fact_at(log, position)
    assert recorded is not None
    return recorded.at.astimezone(UTC)


def asked_ms(url: str, *command: str) -> float:
    """Milliseconds until a command has answered, the median of some."""
    return median(answered_ms(url, *command) for _ in range(ASKED))


def answered_ms(url: str, *command: str) -> float:
    """Milliseconds until a command has answered."""
    began_at = time.perf_counter()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert run([*command, "--database", url]) == 0
    return MS_PER_S * (time.perf_counter() - began_at)
