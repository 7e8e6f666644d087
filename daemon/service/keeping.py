"""Keeping snapshots and tables near the log's head while the daemon serves."""

import anyio
import structlog

from daemon.clock import Clock
from daemon.service.reactor import Reactor
from events.errors import LogUnavailableError
from events.log import Log
from projections.tables.store import ProjectionStore

KEEP_EVERY_S = 2.0  # at the most; nothing is done while nothing is recorded
SNAPSHOT_EVERY_FACTS = 20_000

log = structlog.get_logger(__name__)


async def keep_projections(store: ProjectionStore, event_log: Log, reactor: Reactor, clock: Clock) -> None:
    """Bring the tables up to date while facts come, and take a snapshot now and then, for ever.

    Whoever reads the tables brings them up to date first, so being late here costs them a moment and nothing
    else; a database that is away is waited for.
    """
    tables_at = snapshot_at = 0
    while True:
        await anyio.sleep(KEEP_EVERY_S)
        position = reactor.world.position
        try:
            if position > tables_at:
                tables_at = await store.bring_up_to_date(event_log)
            if position >= snapshot_at + SNAPSHOT_EVERY_FACTS:
                await store.save_snapshot(reactor.world, clock.now())
                snapshot_at = position
        except LogUnavailableError as error:
            log.warning("projections.late", reason=error.reason)
