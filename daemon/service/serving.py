"""`backfilld up`: everything the daemon consists of, put together under one task group."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import anyio
import msgspec
import structlog

from daemon.clock import SystemClock
from daemon.deciding.room import Limits
from daemon.launching.code_location import CodeLocation
from daemon.launching.local import LocalLauncher
from daemon.service.definitions import DefinitionsLoader
from daemon.service.errors import AlreadyServedError
from daemon.service.home_lock import home_lock
from daemon.service.keeping import keep_projections
from daemon.service.reactor import Reactor
from daemon.service.reactor import Settings as ReactorSettings
from events.errors import LogUnavailableError
from events.facts import LeaderElected
from events.leadership import Leadership
from events.migrating import migrate
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from projections.world import NotLoaded, World

LEAD_WAIT_S = 5.0  # for the database to notice that a killed daemon's connection is gone
LEAD_RETRY_S = 0.1
LEAD_CHECK_S = 5.0
POLL_S = 3.0  # behind NOTIFY, which wakes at once: how late the daemon is where a notification is lost

log = structlog.get_logger(__name__)


class ServeSettings(msgspec.Struct, frozen=True):
    """What `serve` needs to know."""

    home: Path
    database_url: str
    code_locations: tuple[CodeLocation, ...]
    reactor: ReactorSettings
    output_bytes_max: int
    stop_grace_s: float = 10.0  # that runs under way get when the daemon is asked to stop


class Ready(msgspec.Struct, frozen=True):
    """What is said once the daemon serves."""

    position: int
    assets: int
    code_locations: Sequence[str]
    backfills_active: int
    not_loaded: Mapping[str, NotLoaded]  # by code location: these, and what backfills under way wait for


async def serve(settings: ServeSettings, on_ready: Callable[[Ready], None]) -> None:
    """Serve until SIGTERM or SIGINT, then stop gently; SIGHUP loads all code locations again.

    On a stop nothing more is launched and runs under way get their grace time; those that need longer go on
    by themselves, and the next daemon on the same home takes up what they report.

    :raises AlreadyServedError: another daemon has this home folder or this log.
    :raises CodeNotImportedError: a code location fails to import and no backfill under way needs a daemon;
        nothing was launched.
    :raises LogError: the log cannot be reached, or not be read.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(home_lock(settings.home))
        await migrate(settings.database_url)
        leadership = await stack.enter_async_context(Leadership(settings.database_url))
        await _lead(leadership)
        event_log = await stack.enter_async_context(PostgresLog(settings.database_url, poll_s=POLL_S))
        store = await stack.enter_async_context(ProjectionStore(settings.database_url))
        world = await _folded(settings.database_url, store)
        launcher = await stack.enter_async_context(
            LocalLauncher(
                settings.home,
                now=clock.now,
                output_bytes_max=settings.output_bytes_max,
                runs_alive_max=settings.reactor.limits.max_concurrent_runs,
            )
        )
        reactor = Reactor(
            event_log=event_log, launcher=launcher, clock=clock, settings=settings.reactor, world=world
        )
        loader = DefinitionsLoader(launcher, reactor, settings.code_locations)
        await loader.load_first()
        await reactor.lead(_elected(settings.reactor.limits))
        await loader.record_loaded()
        async with anyio.create_task_group() as tasks:
            await tasks.start(reactor.run)
            tasks.start_soon(keep_projections, store, event_log, reactor, clock)
            tasks.start_soon(_keep_leading, leadership)
            tasks.start_soon(loader.follow)
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
                on_ready(
                    Ready(
                        position=world.position,
                        assets=len(world.catalog.assets),
                        code_locations=[location.name for location in settings.code_locations],
                        backfills_active=len(world.known.active),
                        not_loaded=loader.not_loaded(),
                    )
                )
                await _until_stopped(signals, loader)
            await _stop(reactor, settings.stop_grace_s)
            tasks.cancel_scope.cancel()
        await store.save_snapshot(reactor.world, clock.now())
        log.info("daemon.stopped", position=reactor.world.position, runs_left=reactor.world.live_runs())


async def _folded(database_url: str, store: ProjectionStore) -> World:
    """The world at the log's head; the next facts are on their way while some are folded."""
    async with anyio.create_task_group() as reading, PostgresLog(database_url, tasks=reading) as event_log:
        return await store.load_world(event_log)
    raise AssertionError("a task group that is not cancelled from outside lets its block end")


async def _lead(leadership: Leadership) -> None:
    with anyio.move_on_after(LEAD_WAIT_S):
        while not await leadership.try_to_lead():  # noqa: ASYNC110 - another process holds the lock.
            await anyio.sleep(LEAD_RETRY_S)
        return
    raise AlreadyServedError(
        "another daemon serves this log; stop it first, or give this one another database"
    )


async def _keep_leading(leadership: Leadership) -> None:
    """Make sure for ever that this daemon still leads; a lock that went with the database is taken again.

    :raises AlreadyServedError: another daemon has taken over. What this one still decides is turned away by
        the log, whose head has moved; its runs go on, and the other one adopts them.
    """
    while True:
        await anyio.sleep(LEAD_CHECK_S)
        try:
            await _lead(leadership)
        except LogUnavailableError as error:
            log.warning("leadership.unknown", reason=error.reason)


def _elected(limits: Limits) -> LeaderElected:
    return LeaderElected(
        daemon_id=uuid4().hex,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("backfilld-daemon"),
        max_concurrent_runs=limits.max_concurrent_runs,
    )


async def _until_stopped(signals: AsyncIterator[signal.Signals], loader: DefinitionsLoader) -> None:
    """Return at the first SIGTERM or SIGINT; SIGHUP reloads."""
    async for received in signals:
        if received != signal.SIGHUP:
            log.info("daemon.stopping", signal=received.name)
            return
        await loader.reload()


async def _stop(reactor: Reactor, grace_s: float) -> None:
    """Give the runs under way their grace time; a second signal ends it."""
    reactor.drain()
    with anyio.move_on_after(grace_s), anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_after, reactor, tasks.cancel_scope)
            async for received in signals:
                log.info("daemon.stopping_now", signal=received.name)
                tasks.cancel_scope.cancel()


async def _cancel_after(reactor: Reactor, scope: anyio.CancelScope) -> None:
    await reactor.drained.wait()
    scope.cancel()
