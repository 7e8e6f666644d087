"""Reading the log from its beginning, beside the package `eventsourcing` reading its own events."""

import time
from collections.abc import Iterator, Sequence
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from sqlalchemy import make_url

from events.codec import encode
from events.postgres import PostgresLog, migrate
from events.verifying import Verified
from tests.benchmarks.frame import Row, Surroundings, Target, row, run
from tests.benchmarks.history import history

OUR_FACTS = 200_000
THEIR_EVENTS = 100_000
APPEND_BATCH = 20_000
NOTIFICATIONS_BATCH = 5_000
THEIR_INSERT_BATCH = 1_000  # much larger ones fill psycopg's pipeline, and both ends wait for each other


def reading(surroundings: Surroundings) -> Sequence[Row]:
    """Facts read and decoded, and verified, a second; what is compared with decodes nothing."""
    theirs = eventsourcing_reads(surroundings)
    read_s = verified_s = 0.0

    async def append_and_read() -> None:
        nonlocal read_s, verified_s
        await migrate(url)
        events = history(OUR_FACTS)
        async with PostgresLog(url) as log:
            for first in range(0, OUR_FACTS, APPEND_BATCH):
                await log.append(events[first : first + APPEND_BATCH])
            count = 0
            began_at = time.perf_counter()
            async for batch in log.read():
                count += len(batch)
            read_s = time.perf_counter() - began_at
            assert count == OUR_FACTS
            began_at = time.perf_counter()
            assert isinstance(await log.verify(), Verified)
            verified_s = time.perf_counter() - began_at

    with surroundings.database() as url:
        run(append_and_read)
    return [
        row("eventsourcing reading alone", theirs, "events/s"),
        row(
            "read and decode, beside eventsourcing reading alone",
            OUR_FACTS / read_s,
            "facts/s",
            baseline=theirs,
            target=Target("ratio", "at least", 4),
        ),
        row("verify", OUR_FACTS / verified_s, "facts/s"),
    ]


def eventsourcing_reads(surroundings: Surroundings) -> float:
    """Notifications a second that its PostgreSQL recorder selects, in batches as large as ours."""
    with surroundings.database() as url:
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
            for batch in stored_events():
                recorder.insert_events(batch)
            count = start = 0
            began_at = time.perf_counter()
            while notifications := recorder.select_notifications(
                start, NOTIFICATIONS_BATCH, inclusive_of_start=False
            ):
                count += len(notifications)
                start = int(notifications[-1].id)
            took_s = time.perf_counter() - began_at
        finally:
            datastore.close()
        assert count == THEIR_EVENTS
    return THEIR_EVENTS / took_s


def stored_events() -> Iterator[list[StoredEvent]]:
    """The same facts as `eventsourcing` keeps them: an aggregate a run."""
    events = history(THEIR_EVENTS)
    for first in range(0, THEIR_EVENTS, THEIR_INSERT_BATCH):
        batch = []
        for offset, event in enumerate(events[first : first + THEIR_INSERT_BATCH]):
            if offset % 4 == 0:
                originator_id = uuid4()
            kind, _, text = encode(event.fact)
            batch.append(StoredEvent(originator_id, offset % 4 + 1, kind, text))
        yield batch
