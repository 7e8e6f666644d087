"""`backfilld up`: the daemon, in the foreground."""

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
import typer

from daemon.cli.errors import UsageError
from daemon.cli.fact_text import counted
from daemon.cli.invocation import Invocation, command
from daemon.cli.not_loaded import problem_text, remedy_text
from daemon.cli.output import Format
from daemon.cli.service_log import Level, set_up_log
from daemon.cli.settings import FILE_NAME, Settings
from daemon.deciding.room import Limits
from daemon.launching.code_location import CodeLocation
from projections.world import NotLoaded

if TYPE_CHECKING:
    from daemon.service.serving import Ready

READY_NAME = "ready.json"  # in the home folder while a daemon serves it
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
LevelOption = Annotated[
    Level,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        help="What is logged on standard error: debug, info, warning or error.",
    ),
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


@command
def up(
    invocation: Invocation,
    code: CodeArgument = None,
    *,
    max_concurrent: MaxConcurrentOption = None,
    grace: GraceOption = None,
    log_level: LevelOption = Level.INFO,
) -> None:
    """Run the daemon: load the code, launch what is asked for, and record what comes of it.

    It stays in the foreground. Ctrl-C or SIGTERM stops it gently, SIGHUP (or `backfilld reload`) loads the
    code anew. With -o json it prints one line of JSON once it is ready.

    backfilld up pipeline.py

    backfilld up warehouse.assets marketing.assets --max-concurrent 16

    Exits with 10 if the log cannot be read, 11 if another daemon has this home or log, 12 if code fails to
    import.
    """
    settings = invocation.settings
    locations = code_locations_of(code or (), settings)
    set_up_log(log_level, invocation.output.form)
    make_home(settings.home)
    with stopping_gently(), invocation.database(begin=True) as url, undisturbed():
        serve(invocation, locations, url, max_concurrent=max_concurrent, grace_s=grace)


def serve(
    invocation: Invocation,
    locations: tuple[CodeLocation, ...],
    url: str,
    *,
    max_concurrent: int | None,
    grace_s: float | None,
) -> None:
    """Serve until a signal says to stop."""
    from daemon.service import serving  # noqa: PLC0415 -- half a second that --help need not wait for
    from daemon.service.reactor import Settings as ReactorSettings  # noqa: PLC0415 -- as above

    settings = invocation.settings
    grace_s = settings.daemon.grace_s if grace_s is None else grace_s
    serve_settings = serving.ServeSettings(
        home=settings.home,
        database_url=url,
        code_locations=locations,
        reactor=ReactorSettings(
            limits=Limits(max_concurrent or settings.daemon.max_concurrent_runs), cancel_grace_s=grace_s
        ),
        output_bytes_max=settings.daemon.output_bytes_max,
        stop_grace_s=grace_s,
    )

    announced = settings.home / READY_NAME

    def announce(ready: "Ready") -> None:
        announcement = Announcement(
            ready=True,
            pid=os.getpid(),
            position=ready.position,
            assets=ready.assets,
            code_locations=ready.code_locations,
            backfills_active=ready.backfills_active,
            home=str(settings.home),
            not_loaded=ready.not_loaded,
        )
        undone.callback(announced.unlink, missing_ok=True)
        announced.write_bytes(msgspec.json.encode(announcement))
        tell(invocation, announcement)

    with ExitStack() as undone:
        anyio.run(serving.serve, serve_settings, announce)


def tell(invocation: Invocation, announcement: Announcement) -> None:
    """Says that the daemon is ready: for programs on standard output, for people beside the log."""
    from importlib.metadata import version  # noqa: PLC0415 -- 30 ms that --help need not wait for

    output, settings = invocation.output, invocation.settings
    if output.form is not Format.TEXT:
        sys.stdout.write(f"{msgspec.json.encode(announcement).decode()}\n")
        sys.stdout.flush()
        return
    database = "the embedded database" if settings.database_url is None else "the database named by its URL"
    output.note(
        f"backfilld {version('backfilld-daemon')} serves {counted(announcement.assets, 'asset')} of "
        f"{', '.join(announcement.code_locations)}, at position {announcement.position:,} of the log.\n"
        f"Home {settings.home}, with {database}.",
        style="green",
    )
    for name, state in announcement.not_loaded.items():
        output.note(f"{problem_text(name, state)} {remedy_text(state, is_served=True)}", style="red")
    if announcement.backfills_active:
        output.note(f"It goes on with {counted(announcement.backfills_active, 'backfill')} under way.")
    output.note(
        "From another terminal, `backfilld launch SELECTION --all` fills partitions. Ctrl-C stops the daemon "
        "once the runs under way have ended; a second one does not wait for them."
    )


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


def make_home(home: Path) -> None:
    """Makes the home folder where there is none.

    :raises UsageError: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the home folder {home} cannot be made ({error.strerror}); name another with --home."
        ) from error
