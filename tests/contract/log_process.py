"""A process of its own that migrates or appends: `python -m tests.contract.log_process WHAT URL NAME`."""

import sys

import anyio

from events.migrating import migrate
from events.postgres import PostgresLog
from tests.contract.told import event, events

APPENDS = 60
BULK_EVERY = 10
BULK = 50  # more than go into one statement


async def append(url: str, name: str) -> None:
    """Appends one by one, and now and then many."""
    async with PostgresLog(url) as log:
        for number in range(APPENDS):
            if number % BULK_EVERY == 0:
                await log.append(events(f"{name}-{number}-", BULK))
            else:
                await log.append([event(f"{name}-{number}")])


async def migrate_when_told(url: str, _name: str) -> None:
    """Makes the tables as soon as there is a line to read."""
    print("ready", flush=True)
    sys.stdin.readline()
    await migrate(url)


if __name__ == "__main__":
    _, what, url, name = sys.argv
    anyio.run({"append": append, "migrate": migrate_when_told}[what], url, name)
