"""Reading and folding the log from its beginning, beside `eventsourcing` reading its own events."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from statistics import median
from uuid import uuid4

import anyio
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from sqlalchemy import make_url

from events.codec import encode
from events.migrating import migrate
from events.postgres import PostgresLog
from events.verifying import Verified
from projections.world import World, evolve
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row
from tests.benchmarks.history import FACTS_PER_BACKFILL, History

OUR_FACTS = 240_000
THEIR_EVENTS = 100_000
ROUNDS = 3
APPEND_BATCH = 20_000
NOTIFICATIONS_BATCH = 5_000
THEIR_INSERT_BATCH = 1_000  # much larger ones fill psycopg's pipeline, and both ends wait for each other


def reading(surroundings: Surroundings) -> Sequence[Row]:
    """Facts a second that are read and decoded, folded as well, and verified; medians of rounds.

    What is compared with selects its own events in turns with ours, and decodes none of them.
    """
    ours, theirs = surroundings.count(OUR_FACTS), surroundings.count(THEIR_EVENTS)
    their_s, read_s, fold_s = [], [], []
    with (
        surroundings.database() as url,
        surroundings.database() as their_url,
        recorder_of(their_url) as recorder,
    ):
        for batch in stored_events(theirs):
            recorder.insert_events(batch)
        awaited(append_history, url, ours)
        for _ in range(ROUNDS):
            their_s.append(select_all_s(recorder, theirs))
            read_s.append(awaited(read_s_of, url, ours))
            fold_s.append(awaited(fold_s_of, url, ours))
        verify_s = awaited(verify_s_of, url)
    baseline = theirs / median(their_s)
    replayed = ours / median(fold_s)
    return [
        row("eventsourcing reading alone", baseline, "events/s"),
        row("read and decode", ours / median(read_s), "facts/s", baseline=baseline),
        row(
            "replay: read, decode, fold",
            replayed,
            "facts/s",
            target=Target("measured", "at least", 250_000),
        ),
        row(
            "replay, beside eventsourcing reading alone",
            replayed,
            "facts/s",
            baseline=baseline,
            target=Target("ratio", "at least", 4),
        ),
        row("verify", ours / verify_s, "facts/s", target=Target("measured", "at least", 100_000)),
    ]


async def append_history(url: str, count: int) -> None:
    """Gives a fresh database a log of so many facts."""
    await migrate(url)
    events = islice(History().events(), count)
    async with PostgresLog(url) as log:
        while batch := list(islice(events, APPEND_BATCH)):
            await log.append(batch)


async def read_s_of(url: str, count: int) -> float:
    """Seconds in which every fact is read and decoded."""
    async with anyio.create_task_group() as tasks, PostgresLog(url, tasks=tasks) as log:
        began_at = time.perf_counter()
        seen = 0
        async for batch in log.read():
            seen += len(batch)
        took_s = time.perf_counter() - began_at
    assert seen == count
    return took_s


async def fold_s_of(url: str, count: int) -> float:
    """Seconds in which every fact is read, decoded and folded."""
    async with anyio.create_task_group() as tasks, PostgresLog(url, tasks=tasks) as log:
        began_at = time.perf_counter()
        world = World()
        async for batch in log.read():
            for recorded in batch:
                evolve(world, recorded)
        took_s = time.perf_counter() - began_at
    assert world.position == count
    assert len(world.known.ended) == count // FACTS_PER_BACKFILL, "the history folds"
    return took_s


async def verify_s_of(url: str) -> float:
    """Seconds in which the chain through every fact is verified."""
    async with PostgresLog(url) as log:
        began_at = time.perf_counter()
        assert isinstance(await log.verify(), Verified)
        return time.perf_counter() - began_at


@contextmanager
def recorder_of(url: str) -> Iterator[PostgresApplicationRecorder]:
    """The PostgreSQL recorder of `eventsourcing`, on an empty database."""
    parsed = make_url(url)
    datastore = PostgresDatastore(
        dbname=parsed.database or "",
        host=str(parsed.query["host"]),
        port=str(parsed.query["port"]),
        user=parsed.username or "",
        password="",
    )
    try:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        yield recorder
    finally:
        datastore.close()


def select_all_s(recorder: PostgresApplicationRecorder, count: int) -> float:
    """Seconds in which it selects every notification, in batches as large as ours."""
    seen = start = 0
    began_at = time.perf_counter()
    while notifications := recorder.select_notifications(
        start, NOTIFICATIONS_BATCH, inclusive_of_start=False
    ):
        seen += len(notifications)
        start = int(notifications[-1].id)
    took_s = time.perf_counter() - began_at
    assert seen == count
    return took_s


def stored_events(count: int) -> Iterator[list[StoredEvent]]:
    """The same facts as `eventsourcing` keeps them: the state as bytes, four events an aggregate."""
    events = islice(History().events(), count)
    while batch := list(islice(events, THEIR_INSERT_BATCH)):
        stored = []
        for offset, event in enumerate(batch):
            if offset % 4 == 0:
                originator_id = uuid4()
            kind, _, text = encode(event.fact)
            stored.append(StoredEvent(originator_id, offset % 4 + 1, kind, text))
        yield stored
