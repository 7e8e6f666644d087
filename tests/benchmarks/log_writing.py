"""Appending: in bulk, and one fact at a time beside what asyncpg alone commits."""

import time
from collections.abc import Sequence
from itertools import islice
from statistics import median
from uuid import UUID

import asyncpg
from sqlalchemy import make_url

from events.codec import encode
from events.envelope import Event
from events.migrating import migrate
from events.postgres import PostgresLog
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.history import History

BULK_FACTS = 200_000
BULK_BATCH = 10_000
SINGLE_ROUNDS = 30
SINGLES_PER_ROUND = 50

PLAIN_TABLE = """
CREATE TABLE plain (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL, at timestamptz NOT NULL,
    type text NOT NULL, schema int NOT NULL, actor text NOT NULL, backfill_id text, run_id text,
    data jsonb NOT NULL
)
"""
PLAIN_INSERT = """
INSERT INTO plain (id, at, type, schema, actor, backfill_id, run_id, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


def bulk_append(surroundings: Surroundings) -> Sequence[Row]:
    """Facts appended a second, ten thousand at a time, each time durably."""
    count = surroundings.count(BULK_FACTS)
    events = list(islice(History().events(), count))
    took_s = 0.0

    async def append_all() -> None:
        nonlocal took_s
        await migrate(url)
        async with PostgresLog(url) as log:
            await log.append(events[:1])
            began_at = time.perf_counter()
            for first in range(1, count, BULK_BATCH):
                await log.append(events[first : first + BULK_BATCH])
            took_s = time.perf_counter() - began_at
            assert await log.head() == count

    with surroundings.database() as url:
        awaited(append_all)
    return [
        row(
            "append in bulk",
            (count - 1) / took_s,
            "facts/s",
            target=Target("measured", "at least", 100_000),
        )
    ]


def single_append(surroundings: Surroundings) -> Sequence[Row]:
    """Single durable appends a second, in turns with asyncpg's own INSERTs into a table without promises."""
    events = list(islice(History().events(), surroundings.count(SINGLE_ROUNDS) * SINGLES_PER_ROUND))
    ours: list[float] = []
    bare: list[float] = []

    async def take_turns() -> None:
        await migrate(url)
        connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
        await connection.execute(PLAIN_TABLE)
        async with PostgresLog(url) as log:
            await log.append(events[:1])
            for first in range(0, len(events), SINGLES_PER_ROUND):
                turn = events[first : first + SINGLES_PER_ROUND]
                began_at = time.perf_counter()
                for event in turn:
                    await log.append([event])
                ours.append(time.perf_counter() - began_at)
                began_at = time.perf_counter()
                for event in turn:
                    await connection.execute(PLAIN_INSERT, *plain(event))
                bare.append(time.perf_counter() - began_at)
        await connection.close()

    with surroundings.database() as url:
        awaited(take_turns)
    return [
        row(
            "single durable appends, beside asyncpg alone",
            SINGLES_PER_ROUND / median(ours),
            "facts/s",
            baseline=SINGLES_PER_ROUND / median(bare),
            target=Target("ratio", "at least", 0.7),
        )
    ]


def plain(event: Event) -> tuple[object, ...]:
    """The same row as the log stores, but for what its promises need."""
    kind, schema, text = encode(event.fact)
    return (
        UUID(event.id),
        event.at,
        kind,
        schema,
        event.actor,
        event.backfill_id,
        event.run_id,
        text.decode(),
    )
