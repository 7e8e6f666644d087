"""One embedded PostgreSQL server: its files, its start and its stop; and locks between processes."""

import fcntl
import hashlib
import os
import pwd
import re
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL

from events import pgprograms, private
from events.errors import EmbeddedDatabaseError

_SERVER_USER: Final = "pgserver"
_SUPERUSER: Final = "postgres"
_PORT: Final = 5432  # A part of the socket's name only: no address is listened on.
_SOCKET_PATH_BYTES_MAX: Final = 103  # macOS; Linux takes 107
_PLAIN_PATH: Final = re.compile(r"[\w./-]+")  # Settings and URLs give commas and quotes a meaning.
_COMMAND_TIMEOUT_S: Final = 150
_REMAINS_TIMEOUT_S: Final = 15.0
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "jit": "off",  # Our statements are short, and compiling them takes longer than running them.
    "cluster_name": "backfilld",
    "log_checkpoints": "off",  # An idle server writes nothing into its own log.
}


class Server:
    """The server whose files are in ``data``. Its methods are called under a lock of the caller's."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def url(self) -> str | None:
        """The running server's URL, or None."""
        socket_folder = self._running()
        return None if socket_folder is None else _url(socket_folder)

    def start(self) -> str:
        """The URL of the server, which is made and started if need be.

        :raises EmbeddedDatabaseError: it does not start.
        """
        running = self.url()
        if running is not None:
            return running
        if not (self.data / "PG_VERSION").exists():
            self._make()
        socket_folder = self._socket_folder()
        settings = _SETTINGS | {"unix_socket_directories": str(socket_folder)}
        options = shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        # What a killed server leaves behind (its entry among the processes, shared memory that its children
        # still hold) is gone in a moment.
        killed = (self.data / "postmaster.pid").exists()
        deadline = time.monotonic() + (_REMAINS_TIMEOUT_S if killed else 0.0)
        while True:
            try:
                self._pg_ctl("-t", "120", "-l", "server.log", "-o", options, "start")
            except EmbeddedDatabaseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return _url(socket_folder)

    def stop(self) -> None:
        """Stops the server if it runs, ending its connections.

        :raises EmbeddedDatabaseError: it does not stop.
        """
        if self._running() is None:
            return
        try:
            self._pg_ctl("-t", "60", "-m", "fast", "stop")
        except EmbeddedDatabaseError:
            if (
                self._running() is not None
            ):  # Otherwise it was killed meanwhile, which is not what pg_ctl expects.
                raise

    def _running(self) -> Path | None:
        """The folder of the running server's socket."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        # Pid, data folder, start time, port, socket folder, host, shared memory, status.
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        # A file left by a crash names a pid that may be another program's by now: only the socket tells.
        return Path(lines[4]) if _answers(Path(lines[4])) else None

    def _make(self) -> None:
        making = self.data.with_name("postgres.new")
        if making.exists():  # A process was killed while it made one.
            shutil.rmtree(making)
        making.mkdir(mode=0o700)
        if os.geteuid() == 0:
            _ensure_server_user()
            shutil.chown(making, _SERVER_USER, _SERVER_USER)
        self._run(
            max(pgprograms.installed()),
            making,
            "initdb", "--auth=trust", "--encoding=UTF8", "--no-locale", "-U", _SUPERUSER, "-D", ".",
        )  # fmt: skip
        making.rename(self.data)

    def _pg_ctl(self, *arguments: str) -> None:
        version = int((self.data / "PG_VERSION").read_text())
        self._run(version, self.data, "pg_ctl", "-w", "-D", ".", *arguments)

    def _run(self, version: int, folder: Path, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs in ``folder`` and as its owner.

        Paths are given relative to it: pg_ctl hands them to a shell between double quotes, as they are.
        """
        command = [str(pgprograms.folder(version) / program), *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # Files, not pipes: the server inherits them and would keep a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            try:
                subprocess.run(  # noqa: S603 - our own program and arguments
                    command,
                    check=True,
                    cwd=folder,
                    env=environment | {"LC_ALL": "C"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=_COMMAND_TIMEOUT_S,
                    **_as_owner(folder),
                )
            except (subprocess.SubprocessError, OSError) as error:
                output.seek(0)
                said = output.read().decode(errors="replace")
                log = self.data / "server.log"
                logged = log.read_text(errors="replace") if log.exists() else ""
                raise EmbeddedDatabaseError(
                    f"{program} failed on {folder}: {error}\n{_tail(said)}\n{_tail(logged)}".rstrip()
                ) from error

    def _socket_folder(self) -> Path:
        """The data's own folder, or, where a socket cannot have a path so long or odd, a temporary one."""
        fits = len(os.fsencode(self.data / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_BYTES_MAX
        if fits and _PLAIN_PATH.fullmatch(str(self.data)):
            return self.data
        owner = self.data.stat()
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"backfilld-{owner.st_uid}-{digest}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            os.chown(folder, owner.st_uid, owner.st_gid)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.st_uid or found.st_mode & 0o077:
            raise EmbeddedDatabaseError(
                f"expected {folder} to be a folder that only user {owner.st_uid} can enter; remove it, or "
                "use a home with a shorter path, whose socket fits inside"
            )
        return folder


@contextmanager
def lock(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Holds the lock ``path`` alone, against other processes and other threads.

    :raises EmbeddedDatabaseError: somebody else held it for ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while (held := try_lock(path, shared=False)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(
                f"another process has held {path} for {timeout_s:.0f} s; what is it doing?"
            )
        time.sleep(0.02)
    try:
        yield
    finally:
        unlock(held)


def try_lock(path: Path, *, shared: bool) -> int | None:
    """A held lock, to be given to `unlock`, or None if somebody else's is in the way."""
    descriptor = private.opened(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def unlock(held: int) -> None:
    """Gives a lock back."""
    fcntl.flock(held, fcntl.LOCK_UN)
    os.close(held)


def _url(socket_folder: Path) -> str:
    url = URL.create(
        "postgresql+asyncpg", username=_SUPERUSER, database=_SUPERUSER,
        query={"host": str(socket_folder), "port": str(_PORT)},
    )  # fmt: skip
    return url.render_as_string(hide_password=False)


def _answers(socket_folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_folder / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
    return True


def _as_owner(folder: Path) -> dict[str, Any]:
    """What makes a child of root run as the owner of ``folder``."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwuid(folder.stat().st_uid)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}


def _ensure_server_user() -> None:
    try:
        pwd.getpwnam(_SERVER_USER)
    except KeyError:
        command = [
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell",
            "/bin/sh",
            _SERVER_USER,
        ]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed arguments
        except (subprocess.SubprocessError, OSError) as error:
            raise EmbeddedDatabaseError(
                f"PostgreSQL does not run as root, and its user {_SERVER_USER} cannot be made ({error}): "
                "make that user, or name a database by its URL"
            ) from error


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])
