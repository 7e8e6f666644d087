"""`backfilld up`: the daemon, in the foreground."""

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
import typer

from daemon.cli.invocation import Invocation, database_command
from daemon.cli.output import Format
from daemon.cli.settings import FILE_NAME, Settings
from daemon.cli.typed import kept_typed
from daemon.cli.web import ListenOption, PortOption, web_settings
from daemon.deciding.room import Limits
from daemon.fact_text import counted
from daemon.launching.code_location import CodeLocation
from daemon.not_loaded_text import problem_text, remedy_text
from daemon.operations.errors import UsageError
from daemon.operations.reloading import READY_NAME
from daemon.service.home_lock import serving_pid
from daemon.service_log import Level, set_up_log
from events import private
from projections.world import NotLoaded

if TYPE_CHECKING:
    from daemon.service.announcing import Ready, StandingBy
    from daemon.service.settings import ServeSettings

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

CodeArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CODE",
        help=f"Python files or modules that declare assets; without any, what {FILE_NAME} here names.",
        show_default=False,
    ),
]
MaxConcurrentOption = Annotated[
    int | None,
    typer.Option(
        "--max-concurrent",
        min=1,
        metavar="N",
        help="At most N runs at the same time, over all backfills. \\[default: one for each core]",
        show_default=False,
    ),
]
GraceOption = Annotated[
    float | None,
    typer.Option(
        "--grace",
        min=0,
        metavar="SECONDS",
        help="What runs get to end by themselves when they are canceled or the daemon stops. \\[default: 10]",
        show_default=False,
    ),
]
KeepOption = Annotated[
    str | None,
    typer.Option(
        "--keep-run-files",
        metavar="TIME",
        help="How long the files of a run are kept after its end: 30d, 12h or forever. \\[default: 30d]",
        show_default=False,
    ),
]
LevelOption = Annotated[
    Level,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        help="What is logged on standard error: debug, info, warning or error.",
    ),
]
StandbyOption = Annotated[
    bool,
    typer.Option(
        "--standby/--no-standby",
        help="While another daemon leads the log: wait, and take over when it is gone; or exit with 11.",
    ),
]
GiveUpOption = Annotated[
    bool,
    typer.Option(
        "--give-up-unreachable",
        help="Record runs as lost that were under way on a machine or in a home out of reach. Only where "
        "nothing runs there any more: they may be run again.",
    ),
]


PagesOption = Annotated[
    bool | None,
    typer.Option("--web/--no-web", help="Serve pages and API, as by default.", show_default=False),
]


class Announcement(msgspec.Struct, frozen=True):
    """What is said, and written to ``ready.json`` in the home folder, once the daemon serves."""

    ready: bool
    pid: int
    position: int
    assets: int
    code_locations: Sequence[str]
    backfills_active: int
    home: str
    not_loaded: Mapping[str, NotLoaded] = {}  # by code location: these, and what backfills wait for
    url: str | None = None  # of pages and API; None: nowhere, or not yet


class StandbyAnnouncement(msgspec.Struct, frozen=True):
    """What is said when the daemon waits for the lead."""

    ready: bool
    pid: int
    home: str
    leader_pid: int | None  # None: nobody who says so
    leader_host: str | None
    hindrance: str | None  # why this daemon does not lead, though nobody does


@database_command
def up(
    invocation: Invocation,
    code: CodeArgument = None,
    *,
    max_concurrent: MaxConcurrentOption = None,
    grace: GraceOption = None,
    keep_run_files: KeepOption = None,
    standby: StandbyOption = True,
    give_up_unreachable: GiveUpOption = False,
    port: PortOption = None,
    listen: ListenOption = None,
    web: PagesOption = None,
    log_level: LevelOption = Level.INFO,
) -> None:
    """Run the daemon: load the code, launch what is asked for, and record what comes of it.

    It stays in the foreground. Ctrl-C or SIGTERM stops it gently, SIGHUP (or `backfilld reload`) loads the
    code anew. With -o json it prints one line of JSON once it is ready.

    Where another daemon leads the log it stands by: it says so, waits, and takes over within seconds of the
    other's end.

    backfilld up pipeline.py

    backfilld up warehouse.assets marketing.assets --max-concurrent 16

    Pages and an API are served beside it, on this machine alone: --port and --listen say where, and with
    --no-web there are none. A port that was asked for and is taken is an error.

    Exits with 10 if the log cannot be read, 11 if another daemon has this home (or log, with --no-standby),
    12 if code fails to import.
    """
    invocation.stays_here()
    settings = invocation.settings
    locations = code_locations_of(code or (), settings)
    kept_for = kept_typed(keep_run_files or settings.daemon.keep_run_files)
    set_up_log(log_level, as_json=invocation.output.form is not Format.TEXT)
    serves_web = settings.web.serve if web is None else web
    make_home(settings.home)
    tell_open_home(invocation)
    with stopping_gently(), invocation.database(begin=True) as url, undisturbed():
        from daemon.service.reactor import Settings as ReactorSettings  # noqa: PLC0415 -- half a second
        from daemon.service.settings import ServeSettings  # noqa: PLC0415 -- as above

        grace_s = settings.daemon.grace_s if grace is None else grace
        limits = Limits(max_concurrent or settings.daemon.max_concurrent_runs)
        serve_settings = ServeSettings(
            home=settings.home,
            database_url=url,
            code_locations=locations,
            reactor=ReactorSettings(limits=limits, cancel_grace_s=grace_s),
            output_bytes_max=settings.daemon.output_bytes_max,
            stop_grace_s=grace_s,
            stands_by=standby,
            keep_run_files=kept_for,
            gives_up_unreachable=give_up_unreachable,
            web=web_settings(invocation, url, port, listen, log_level) if serves_web else None,
            is_embedded=settings.database_url is None,
        )
        serve(invocation, serve_settings)


def serve(invocation: Invocation, settings: "ServeSettings") -> None:
    """Serve until a signal says to stop."""
    from daemon.service import serving  # noqa: PLC0415 -- half a second that --help need not wait for
    from daemon.service.announcing import Announcer  # noqa: PLC0415 -- as above

    announcements: list[tuple[Path, Announcement]] = []  # the newest last

    @contextmanager
    def ready(told: "Ready") -> Iterator[None]:
        announcement = Announcement(
            ready=True,
            pid=os.getpid(),
            position=told.position,
            assets=told.assets,
            code_locations=told.code_locations,
            backfills_active=told.backfills_active,
            home=str(told.home),
            not_loaded=told.not_loaded,
            url=told.url,
        )
        announced = told.home / READY_NAME
        private.write(announced, msgspec.json.encode(announcement))
        announcements.append((announced, announcement))
        tell(invocation, announcement)
        try:
            yield
        finally:
            if serving_pid(told.home) in {None, os.getpid()}:  # Another daemon has written its own by now.
                announced.unlink(missing_ok=True)

    def standing_by(told: "StandingBy") -> None:
        tell_standby(
            invocation,
            StandbyAnnouncement(
                ready=False,
                pid=os.getpid(),
                home=str(settings.home),
                leader_pid=told.leader.pid if told.leader else None,
                leader_host=told.leader.host if told.leader else None,
                hindrance=told.hindrance,
            ),
        )

    def serving_at(url: str) -> None:
        announced, announcement = announcements[-1]
        private.write(announced, msgspec.json.encode(msgspec.structs.replace(announcement, url=url)))
        tell_url(invocation, url)

    anyio.run(serving.serve, settings, Announcer(ready, standing_by, serving_at))


def tell(invocation: Invocation, announcement: Announcement) -> None:
    """Says that the daemon is ready: for programs on standard output, for people beside the log."""
    from importlib.metadata import version  # noqa: PLC0415 -- 30 ms that --help need not wait for

    output, settings = invocation.output, invocation.settings
    if output.form is not Format.TEXT:
        write_line(announcement)
        return
    database = "the embedded database" if settings.database_url is None else "the database named by its URL"
    output.note(
        f"backfilld {version('backfilld-daemon')} serves {counted(announcement.assets, 'asset')} of "
        f"{', '.join(announcement.code_locations)}, at position {announcement.position:,} of the log.\n"
        f"Home {announcement.home}, with {database}.",
        style="green",
    )
    if announcement.url is not None:
        tell_url(invocation, announcement.url)
    for name, state in announcement.not_loaded.items():
        output.note(f"{problem_text(name, state)} {remedy_text(state, is_served=True)}", style="red")
    if announcement.backfills_active:
        output.note(f"It goes on with {counted(announcement.backfills_active, 'backfill')} under way.")
    output.note(
        "From another terminal, `backfilld launch SELECTION --all` fills partitions. Ctrl-C stops the daemon "
        "once the runs under way have ended; a second one does not wait for them."
    )


def tell_url(invocation: Invocation, url: str) -> None:
    """Says where people find the pages."""
    if invocation.output.form is Format.TEXT:
        invocation.output.note(f"Pages and API at {url}", style="green")


def tell_standby(invocation: Invocation, announcement: StandbyAnnouncement) -> None:
    """Says that the daemon waits, and for whom."""
    output = invocation.output
    if output.form is not Format.TEXT:
        write_line(announcement)
    elif announcement.hindrance is not None:
        output.note(f"Nobody leads the log, and this daemon waits: {announcement.hindrance}.", style="red")
    else:
        leader = f"process {announcement.leader_pid} on {announcement.leader_host}"
        output.note(
            f"This daemon (process {announcement.pid}) stands by for the one that leads the log ({leader}), "
            f"and takes over within seconds of its end. Ctrl-C ends the waiting.",
            style="yellow",
        )


def write_line(announcement: Announcement | StandbyAnnouncement) -> None:
    """Answers a program that reads along."""
    sys.stdout.write(f"{msgspec.json.encode(announcement).decode()}\n")
    sys.stdout.flush()


@contextmanager
def stopping_gently() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block as they end the daemon that serves: in order, and with exit code 0.

    While the daemon serves it takes the signals itself; this is for the time before that and after.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with suppress(KeyboardInterrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """What follows the block is not interrupted any more, nor are the processes that are started for it."""
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def code_locations_of(code: Sequence[str], settings: Settings) -> tuple[CodeLocation, ...]:
    """The code that was named, or else what `backfilld.toml` names.

    A file is named by its stem, a module by the last part of its name.

    :raises UsageError: there is none, no such file, or two of the same name.
    """
    if not code:
        if not settings.code_locations:
            raise UsageError(
                f"no code to run: name files or modules (backfilld up pipeline.py), or put [[code_location]] "
                f"into {FILE_NAME} here."
            )
        return settings.code_locations
    named: dict[str, str] = {}
    for each in code:
        name = name_of(each)
        if name in named:
            raise UsageError(
                f"{named[name]} and {each} would both be called {name!r}; put them into {FILE_NAME}, each "
                f"with a name of its own."
            )
        named[name] = each
    return tuple(
        CodeLocation(name=name, code=each, working_directory=Path.cwd()) for name, each in named.items()
    )


def name_of(code: str) -> str:
    """What a file or module is called as a code location.

    :raises UsageError: there is no such file, or its name will not do.
    """
    is_file = code.endswith(".py") or "/" in code
    if is_file and not Path(code).is_file():
        raise UsageError(f"there is no file {code}.")
    name = Path(code).stem if is_file else code.rpartition(".")[2]
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"{code} cannot be a code location's name: letters, digits, '_', '-' and '.' can. Put it into "
            f"{FILE_NAME} with a name of its own."
        )
    return name


def tell_open_home(invocation: Invocation) -> None:
    """Says so where others can look into the home, whose rights are nobody's to change but the user's."""
    home = invocation.settings.home
    if invocation.output.form is Format.TEXT and private.is_looked_into(home):
        mend = f"`chmod {private.home_mode():o} {home}` keeps them out"
        invocation.output.note(f"Others on this machine can look into {home}: {mend}.", style="yellow")


def make_home(home: Path) -> None:
    """Makes the home folder where there is none.

    :raises UsageError: it cannot be made.
    """
    try:
        private.make_home(home)
    except OSError as error:
        raise UsageError(
            f"the home folder {home} cannot be made ({error.strerror}); name another with --home."
        ) from error
