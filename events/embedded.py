"""The embedded database: a real PostgreSQL from a wheel, on a unix socket of its own, with no set-up.

One server per home folder, shared by every process that uses the home and stopped by the last to leave. Who
uses it is known by locks that the kernel drops with the process, so that a killed process never counts.

PostgreSQL refuses to run as root. Started by root it runs as the user ``pgserver``, who must be able to
reach the data and the binaries. No folder's rights are widened for that: where the home is closed to others,
the data lives in ``/var/lib/backfilld/<digest of the home>/postgres`` and ``<home>/postgres.path`` names it.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from events import private
from events.errors import EmbeddedDatabaseError
from events.pgserver import Server, lock, try_lock, unlock

_SYSTEM_FOLDER: Final = Path("/var/lib/backfilld")
_START_TIMEOUT_S: Final = 180.0  # A server that recovers from a crash may take its time.


class Location(msgspec.Struct, frozen=True):
    """Where a home's embedded database is, and whether it runs."""

    data_folder: Path
    url: str | None  # None: no server runs there


def data_folder(home: Path) -> Path:
    """The folder with PostgreSQL's files for ``home``, whether it is there yet or not."""
    named = _path_file(home)
    if named.exists():
        return Path(named.read_text().strip())
    inside = home.resolve() / "postgres"
    if os.geteuid() != 0 or inside.exists() or _open_to_others(home.resolve()):
        return inside
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return _SYSTEM_FOLDER / digest / "postgres"


def locate(home: Path) -> Location:
    """Where the embedded database of ``home`` is. Starts and makes nothing.

    :raises EmbeddedDatabaseError: the home is closed to this user.
    """
    try:
        server = Server(data_folder(home))
        return Location(server.data, server.url())
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"the home {home} cannot be read ({error}): is it somebody else's?"
        ) from error


def is_embedded(home: Path, url: str) -> bool:
    """Whether the URL is that of ``home``'s own database, which runs."""
    return Server(data_folder(home)).url() == url


@contextmanager
def embedded_database(home: Path) -> Iterator[str]:
    """The URL of ``home``'s own database, which runs until the last process that uses it leaves this context.

    Blocks while the server starts (about a second the first time) and stops: from async code, enter it in a
    thread. The folder is made where it is missing.

    :raises EmbeddedDatabaseError: PostgreSQL does not start; the message carries its last words.
    """
    try:
        private.make_home(home)
        server = Server(data_folder(home))
        door, users = _door(server), server.data.with_name("postgres.users")
        if server.data.parent != home.resolve():
            private.make_folders(server.data.parent, private.PASSAGE)
            private.write(_path_file(home), f"{server.data}\n".encode())
        with lock(door, timeout_s=_START_TIMEOUT_S):
            url = server.start()
            used = try_lock(users, shared=True)
            assert used is not None, "nobody holds the users' lock for themselves without the door's"
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"the home {home} cannot be used ({error}): is it somebody else's?"
        ) from error
    try:
        yield url
    finally:
        with lock(door, timeout_s=_START_TIMEOUT_S):
            unlock(used)
            alone = try_lock(users, shared=False)
            if alone is not None:
                try:
                    server.stop()
                finally:
                    unlock(alone)


def keep_running(home: Path) -> None:
    """Starts the database of ``home`` again where it was killed, for a process that is using it.

    Blocks while it starts, or while another process does that.

    :raises EmbeddedDatabaseError: PostgreSQL does not start; the message carries its last words.
    """
    try:
        server = Server(data_folder(home))
        with lock(_door(server), timeout_s=_START_TIMEOUT_S):
            server.start()
    except OSError as error:
        raise EmbeddedDatabaseError(f"the home {home} cannot be used ({error})") from error


def _door(server: Server) -> Path:
    """The lock of whoever starts or stops the server."""
    return server.data.with_name("postgres.lock")


def _path_file(home: Path) -> Path:
    return home / "postgres.path"


def _open_to_others(folder: Path) -> bool:
    """Whether every user can already pass through ``folder``; what is not there yet will let them."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents) if each.exists())
