"""The records of the database or file that a command was given, open for the command."""

import getpass
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio

from daemon.cli.asker import Asker, HereAsker
from daemon.cli.invocation import Invocation
from daemon.cli.paging import whole
from daemon.clock import Clock, ManualClock, SystemClock
from daemon.operations.errors import RefusedError
from daemon.operations.live import LiveWorld
from daemon.operations.moment import Moment, TypedMoment, moment_of, typed_moment
from daemon.operations.operation import Operation, PastQuestion, Question
from daemon.operations.records import Place, Records
from events.log import Log

if TYPE_CHECKING:
    from events.files.log import FileLog

ACTOR_VARIABLE = "BACKFILLD_ACTOR"

Answer = TypeVar("Answer")
Asked = TypeVar("Asked", bound=Question)


def ask(invocation: Invocation, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
    """What the operation answers, with the records of the database or file that the command was given.

    :raises OperationError: there is no answer.
    :raises LogError: the log cannot be reached or read.
    """
    as_of = asked.as_of if isinstance(asked, PastQuestion) else None
    if invocation.url is not None:
        return with_asker(invocation, lambda asker: whole(asker, operation, asked, invocation.output))
    return with_records(invocation, lambda records: operation(records, asked), as_of=as_of)


def with_asker(
    invocation: Invocation, function: Callable[[Asker], Awaitable[Answer]], *, as_of: str | None = None
) -> Answer:
    """What `function` returns, awaited with somebody who answers operations: a daemon elsewhere, or the log.

    Takes and raises what `with_records` does.
    """
    if invocation.url is None:
        return with_records(
            invocation, lambda records: function(HereAsker(records)), as_of=as_of, is_live=True
        )
    from daemon.cli.elsewhere import ElsewhereAsker  # noqa: PLC0415 -- httpx, which --help need not wait for

    url, token, output = invocation.url, invocation.token(), invocation.output

    async def call() -> Answer:
        async with ElsewhereAsker(url, token, output) as asker:
            return await function(asker)

    return anyio.run(call)


def with_records(
    invocation: Invocation,
    function: Callable[[Records], Awaitable[Answer]],
    *,
    as_of: str | None = None,
    is_live: bool = False,
) -> Answer:
    """What `function` returns, awaited with the records in an event loop of its own.

    :param as_of: the moment to look at, as typed; people are told which one that is.
    :param is_live: whether the world is kept and folded on where it is asked for again.
    :raises UsageError: it is no moment.
    :raises RefusedError: the log has no such moment.
    :raises DatabaseError: there is no database.
    :raises LogError: the log cannot be reached or read.
    """
    from events.postgres import PostgresLog  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for
    from projections.tables.store import ProjectionStore  # noqa: PLC0415 -- as above

    invocation.stays_here()
    typed = None if as_of is None else typed_moment(as_of, "--as-of")
    if invocation.file is not None:
        return with_records_in(invocation, invocation.file, function, typed)

    async def call(url: str) -> Answer:
        async with PostgresLog(url) as log, ProjectionStore(url) as store:
            clock = SystemClock()
            moment = None if typed is None else await told_moment(invocation, log, typed, clock)
            live = LiveWorld(log, store) if is_live else None
            records = Records(place_of(invocation, url), log, store, clock, moment=moment, live=live)
            return await function(records)

    with invocation.database(begin=False) as url:
        return anyio.run(call, url)


def with_records_in(
    invocation: Invocation,
    file: Path,
    function: Callable[[Records], Awaitable[Answer]],
    typed: TypedMoment | None,
) -> Answer:
    """What `function` returns, awaited with the records that a file holds, at the time it was exported.

    :raises FileError: it is no export, or was to be changed.
    :raises RefusedError: the file does not begin where the log does, or has no such moment.
    """
    from projections.tables.memory import FoldedStore  # noqa: PLC0415 -- as above

    async def call(log: "FileLog") -> Answer:
        header = log.header
        if header.first > 1 and not header.is_selection:
            raise RefusedError(
                f"{file} begins at position {header.first:,}, and without what was before nothing can be "
                "told: only `log` and `verify` read such a part."
            )
        clock = ManualClock(header.exported_at)
        moment = None if typed is None else await told_moment(invocation, log, typed, clock)
        place, selected = place_of(invocation, None), header.backfills
        return await function(Records(place, log, FoldedStore(), clock, moment=moment, selected=selected))

    with invocation.log_in(file) as log:
        return anyio.run(call, log)


def place_of(invocation: Invocation, database_url: str | None) -> Place:
    """Where the command is called, and by whom."""
    return Place(invocation.settings.home, database_url, actor())


async def told_moment(invocation: Invocation, log: Log, typed: TypedMoment, clock: Clock) -> Moment:
    """The moment that was typed; people are told which one it is.

    :raises RefusedError: the log has no such moment.
    """
    moment = await moment_of(log, typed, clock.now())
    invocation.output.note(f"As of {moment} of {await log.head():,}.", style="dim")
    return moment


def actor() -> str:
    """Who gives the command: ``$BACKFILLD_ACTOR``, or the user and the machine."""
    named = os.environ.get(ACTOR_VARIABLE)
    if named:
        return named
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number that no user has.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
