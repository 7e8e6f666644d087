"""`backfilld up`: the daemon leads the log, or stands by until it can, until it is asked to stop."""

import os
import signal
import socket
from functools import partial
from typing import TypeVar

import anyio
import structlog
from anyio.abc import TaskStatus

from daemon.service.announcing import Announcer, StandingBy
from daemon.service.errors import AlreadyServedError, RunsElsewhereError, SupersededError
from daemon.service.leading import POLL_S, Lead
from daemon.service.lease import Lease
from daemon.service.settings import ServeSettings
from events.attendance import Attendant
from events.embedded import keep_running
from events.postgres import PostgresLog

# For the database to notice that a leader is gone, before anything is said about it: by its closed session,
# and, where the daemon does not stand by, by its lease too.
QUIETLY_S = 0.5
LEAD_WAIT_S = 5.0

Failure = TypeVar("Failure", bound=BaseException)

log = structlog.get_logger(__name__)


async def serve(settings: ServeSettings, announcer: Announcer) -> None:
    """Serve until SIGTERM or SIGINT, then stop gently; SIGHUP loads all code locations again.

    While another daemon leads the log this one stands by, and it does so again where another takes the lead
    from it. On a stop nothing more is launched and runs under way get their grace time; those that need
    longer go on by themselves, and the next leader takes up what they report.

    :raises AlreadyServedError: another daemon has the home; or the log, and this one is not to stand by.
    :raises RunsElsewhereError: runs are under way out of reach, and it is not to stand by.
    :raises WebRefusedError: pages cannot be served as was asked for.
    :raises CodeNotImportedError: a code location fails to import and no backfill under way needs a daemon;
        nothing was launched.
    :raises LogError: the log cannot be reached, or not be read.
    """
    revive = partial(keep_running, settings.home) if settings.is_embedded else None
    attendant = Attendant(os.getpid(), socket.gethostname())
    async with Lease(settings.database_url, attendant, revive=revive) as lease:
        await _Daemon(settings, attendant, lease, announcer).run()


class _Daemon:
    """A daemon that leads, stands by, leads again."""

    def __init__(
        self, settings: ServeSettings, attendant: Attendant, lease: Lease, announcer: Announcer
    ) -> None:
        self._settings = settings
        self._attendant = attendant
        self._lease = lease
        self._announcer = announcer
        self._lead: Lead | None = None
        self._has_stood_by = False

    async def run(self) -> None:
        """See `serve`."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._attend_to_signals, tasks.cancel_scope)
            is_stopping = False
            while not is_stopping:
                await self._wait_to_lead()
                lead = self._lead = Lead(
                    self._settings,
                    self._attendant,
                    self._lease,
                    self._announcer,
                    has_stood_by=self._has_stood_by,
                )
                hindrance = await self._outcome(lead)
                self._lead = None
                is_stopping = lead.is_stopping
                if hindrance is not None and not is_stopping:
                    await self._wait_for_news(hindrance)
            tasks.cancel_scope.cancel()

    async def _attend_to_signals(
        self, scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for received in signals:
                if self._lead is None or not self._lead.is_serving:
                    if received != signal.SIGHUP:
                        scope.cancel()  # Nothing is under way that would have to be ended gently.
                elif received == signal.SIGHUP:
                    self._lead.reload()
                else:
                    self._lead.stop(received)

    async def _wait_to_lead(self) -> None:
        """Nothing, once this daemon has the lock."""
        stands_by = self._settings.stands_by
        with anyio.move_on_after(QUIETLY_S if stands_by else LEAD_WAIT_S):
            await self._lease.wait()
            return
        leader = (await self._lease.attendance()).leader
        if not stands_by:
            raise AlreadyServedError(
                f"another daemon ({leader or 'unknown'}) serves this log; stop it first, or give this one "
                f"another database"
            )
        self._has_stood_by = True
        self._announcer.standing_by(StandingBy(leader))
        log.info("daemon.standing_by", leader=str(leader or "unknown"))
        await self._lease.wait()
        log.info("daemon.taking_over", leader=str(leader or "unknown"))

    async def _outcome(self, lead: Lead) -> RunsElsewhereError | None:
        """Nothing, once the lead is over; why it could not be begun, where that is so."""
        hindrances: list[RunsElsewhereError] = []
        try:
            await lead.run()
        except* SupersededError as errors:
            if not self._settings.stands_by:
                raise AlreadyServedError(str(_first_of(errors))) from None
            log.warning("daemon.superseded", reason=str(_first_of(errors)))
        except* RunsElsewhereError as errors:
            if not self._settings.stands_by:
                raise
            hindrances.append(_first_of(errors))
        return hindrances[0] if hindrances else None

    async def _wait_for_news(self, hindrance: RunsElsewhereError) -> None:
        """Leave the lead to whoever can look after the runs under way; nothing, once the log has grown."""
        self._announcer.standing_by(StandingBy(None, hindrance=str(hindrance)))
        log.warning("daemon.runs_out_of_reach", host=hindrance.leader.host, home=hindrance.leader.home)
        async with (
            anyio.create_task_group() as tasks,
            PostgresLog(self._settings.database_url, poll_s=POLL_S) as event_log,
        ):
            tasks.start_soon(self._lease.attend)
            await event_log.wait_past(hindrance.position)
            tasks.cancel_scope.cancel()


def _first_of(errors: BaseExceptionGroup[Failure]) -> Failure:
    """One of the errors in a group, however deep it lies."""
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
