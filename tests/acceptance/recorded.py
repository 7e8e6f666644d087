"""A house whose log holds what simulations did, and files of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio

from events.embedded import embedded_database
from events.envelope import Event
from events.migrating import migrate
from events.postgres import PostgresLog
from tests.acceptance.house import House, new_house

APPEND_BATCH = 5_000


@contextmanager
def house_with(events: Sequence[Event]) -> Iterator[House]:
    """A house with these facts in its log; its database runs all the while."""
    with new_house() as house:
        with embedded_database(house.home) as url:
            anyio.run(_append, url, events)
        yield house


async def _append(url: str, events: Sequence[Event]) -> None:
    await migrate(url)
    async with PostgresLog(url) as log:
        for first in range(0, len(events), APPEND_BATCH):
            await log.append(events[first : first + APPEND_BATCH])
