"""One lead of the log: everything a leading daemon consists of, put together under one task group."""

import signal
import socket
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import anyio
import structlog
from anyio.abc import TaskGroup

from daemon.clock import SystemClock
from daemon.launching.local import LocalLauncher
from daemon.service.announcing import Announcer, Ready
from daemon.service.clearing import clear_run_files
from daemon.service.definitions import DefinitionsLoader
from daemon.service.errors import AlreadyServedError, SupersededError, WebRefusedError
from daemon.service.home_lock import home_lock, named_home
from daemon.service.keeping import keep_projections
from daemon.service.lease import Lease
from daemon.service.reactor import Reactor
from daemon.service.settings import ServeSettings
from daemon.service.taking_over import home_to_serve
from daemon.service.web import keep_web, web_listener
from daemon.web.listening import url_of
from daemon.web.settings import WebSettings
from events.attendance import Attendant
from events.facts import LeaderElected
from events.migrating import migrate
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from projections.world import World

HOME_WAIT_S = 1.0  # for a daemon that has lost the lead to leave its home
HOME_RETRY_S = 0.05
POLL_S = 3.0  # behind NOTIFY, which wakes at once: how late the daemon is where a notification is lost

log = structlog.get_logger(__name__)


class Lead:
    """One lead, from having the lock until the daemon is asked to stop or another has taken over."""

    def __init__(
        self,
        settings: ServeSettings,
        attendant: Attendant,
        lease: Lease,
        announcer: Announcer,
        *,
        has_stood_by: bool = False,
    ) -> None:
        """Nothing is done yet. A daemon that has stood by leads without pages rather than not at all."""
        self.is_serving = False  # it is ready; a signal to stop is `stop`
        self.is_stopping = False
        self._settings = settings
        self._attendant = attendant
        self._lease = lease
        self._announcer = announcer
        self._has_stood_by = has_stood_by
        self._clock = SystemClock()
        self._daemon_id = uuid4().hex
        self._asked_to_stop = anyio.Event()
        self._asked_again = anyio.Event()
        self._loader: DefinitionsLoader
        self._tasks: TaskGroup

    async def run(self) -> None:
        """Serve until `stop`. Everything it began is ended by then, but for runs under way.

        :raises SupersededError: another daemon has taken the lead. This and the next come in a group.
        :raises RunsElsewhereError: runs are under way out of reach, and nothing was done.
        :raises WebRefusedError: pages cannot be served as was asked for, and nothing was done.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_superseded)
            async with AsyncExitStack() as stack:
                await self._serve(stack)
            tasks.cancel_scope.cancel()

    def stop(self, asked_by: signal.Signals) -> None:
        """Launch nothing more, and end after the grace time of the runs under way; at once if asked again."""
        log.info("daemon.stopping_now" if self.is_stopping else "daemon.stopping", signal=asked_by.name)
        (self._asked_again if self.is_stopping else self._asked_to_stop).set()
        self.is_stopping = True

    def reload(self) -> None:
        """Load all code locations again."""
        self._tasks.start_soon(self._loader.reload)

    async def _until_superseded(self) -> None:
        await self._lease.keep()
        raise SupersededError("another daemon has taken the lead of this log")

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings, url = self._settings, self._settings.database_url
        await migrate(url)
        event_log = await stack.enter_async_context(PostgresLog(url, poll_s=POLL_S))
        store = await stack.enter_async_context(ProjectionStore(url))
        world = await _folded(url, store)
        elected = await self._moved_in(stack, world)
        listener = self._listening(stack, world)
        launcher = await stack.enter_async_context(
            LocalLauncher(
                Path(elected.home or settings.home),
                now=self._clock.now,
                output_bytes_max=settings.output_bytes_max,
                runs_alive_max=settings.reactor.limits.max_concurrent_runs,
            )
        )
        reactor = Reactor(
            event_log=event_log, launcher=launcher, clock=self._clock, settings=settings.reactor, world=world
        )
        await self._take_over(reactor, elected)
        self._loader = DefinitionsLoader(launcher, reactor, settings.code_locations)
        await self._loader.load_first()
        self._loader.record_loaded()
        async with anyio.create_task_group() as self._tasks:
            await self._tasks.start(reactor.run)
            self._tasks.start_soon(keep_projections, store, event_log, reactor, self._clock)
            self._tasks.start_soon(self._loader.follow)
            if settings.keep_run_files is not None:
                home = Path(elected.home or settings.home)
                self._tasks.start_soon(clear_run_files, home, store, self._clock, settings.keep_run_files)
            if settings.web is not None:  # It begins once the daemon is ready.
                listen = partial(self._listen, settings.web, world)
                serving_at = self._announcer.serving_at
                kept = partial(keep_web, settings.web, listener, listen=listen, on_listening=serving_at)
                self._tasks.start_soon(kept)
            await self._until_stopped(reactor, Path(elected.home or settings.home), listener)
            self._tasks.cancel_scope.cancel()
        await store.save_snapshot(world, self._clock.now())
        log.info("daemon.stopped", position=world.position, runs_left=world.live_runs())

    async def _moved_in(self, stack: AsyncExitStack, world: World) -> LeaderElected:
        """What is to be recorded of this lead, once the home that it is to work in is held."""
        settings = self._settings
        named_home(settings.home)
        home = home_to_serve(world, settings.home, gives_up=settings.gives_up_unreachable)
        elected = LeaderElected(
            daemon_id=self._daemon_id,
            host=self._attendant.host,
            pid=self._attendant.pid,
            version=version("backfilld-daemon"),
            max_concurrent_runs=settings.reactor.limits.max_concurrent_runs,
            home=str(home),
            home_id=named_home(home),
        )
        with anyio.move_on_after(HOME_WAIT_S):
            while True:
                try:
                    stack.enter_context(home_lock(home, self._daemon_id))
                except AlreadyServedError:
                    await anyio.sleep(HOME_RETRY_S)
                else:
                    return elected
        # Whoever led before and has not left by now was stopped, or hangs.
        last = world.known.leader
        stack.enter_context(home_lock(home, self._daemon_id, instead_of=last.daemon_id if last else None))
        return elected

    async def _take_over(self, reactor: Reactor, elected: LeaderElected) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._lease.free_the_head)
            await reactor.lead(elected, gives_up=self._settings.gives_up_unreachable)
            tasks.cancel_scope.cancel()

    def _listen(self, web: WebSettings, world: World) -> socket.socket:
        return web_listener(web, world.known.tokens.values(), self._clock.now())

    def _listening(self, stack: AsyncExitStack, world: World) -> socket.socket | None:
        """Where pages and API are to be served; None for nowhere, or while it cannot be.

        :raises WebRefusedError: it cannot be, somebody asked for it, and the daemon has not stood by.
        """
        web = self._settings.web
        if web is None:
            return None
        try:
            listener = self._listen(web, world)
        except WebRefusedError as error:
            if web.insists and not self._has_stood_by:
                raise
            log.warning("web.not_listening", reason=str(error))
            return None
        return stack.enter_context(listener)

    async def _until_stopped(self, reactor: Reactor, home: Path, listener: socket.socket | None) -> None:
        """Serve until asked to stop, and for the grace time of the runs under way."""
        world = reactor.world
        ready = Ready(
            home=home,
            position=world.position,
            assets=len(world.catalog.assets),
            code_locations=[location.name for location in self._settings.code_locations],
            backfills_active=len(world.known.active),
            not_loaded=self._loader.not_loaded(),
            url=None if listener is None else url_of(listener),
        )
        with self._announcer.ready(ready):
            self.is_serving = True
            await self._asked_to_stop.wait()
            reactor.drain()
            with anyio.move_on_after(self._settings.stop_grace_s):
                async with anyio.create_task_group() as tasks:
                    for event in (reactor.drained, self._asked_again):
                        tasks.start_soon(_cancel_after, event, tasks.cancel_scope)


async def _folded(database_url: str, store: ProjectionStore) -> World:
    """The world at the log's head; the next facts are on their way while some are folded."""
    async with anyio.create_task_group() as reading, PostgresLog(database_url, tasks=reading) as event_log:
        return await store.load_world(event_log)
    raise AssertionError("a task group that is not cancelled from outside lets its block end")


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
