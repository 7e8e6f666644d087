"""One daemon at work per home folder, by a lock that the kernel frees when its process ends."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from daemon.service.errors import AlreadyServedError
from events import private

LOCK_NAME = "daemon.lock"
ID_NAME = "home.id"
NAMED_BYTES_MAX = 256


@contextmanager
def home_lock(home: Path, daemon_id: str, *, instead_of: str | None = None) -> Iterator[None]:
    """Hold the home folder for this process; the file names it and its lead.

    :param instead_of: a lead that is over: if its daemon still holds the folder, because it was stopped or
        hangs, the folder is taken from it.
    :raises AlreadyServedError: another process holds it.
    """
    private.make_home(home)
    descriptor = _locked(home / LOCK_NAME, instead_of)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {daemon_id}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def serving_pid(home: Path) -> int | None:
    """The process that serves the home folder, or None if there is none."""
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid, _ = _named(descriptor)
        return pid
    else:
        return None
    finally:
        os.close(descriptor)


def home_id(home: Path) -> str | None:
    """What the home folder calls itself, whatever path leads to it; None if it was never a home."""
    with suppress(OSError):
        return (home / ID_NAME).read_text().strip() or None
    return None


def named_home(home: Path) -> str:
    """The folder's `home_id`, given to it if it has none yet."""
    private.make_home(home)
    with tempfile.NamedTemporaryFile("w", dir=home, prefix=ID_NAME) as made:
        made.write(f"{uuid4().hex}\n")
        made.flush()
        with suppress(FileExistsError):  # Never half written, and never two.
            os.link(made.name, home / ID_NAME)
    return (home / ID_NAME).read_text().strip()


def _locked(path: Path, instead_of: str | None) -> int:
    """A descriptor that holds the lock file at the path."""
    while True:
        descriptor = private.opened(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, daemon_id = _named(descriptor)
            os.close(descriptor)
            if daemon_id is None or daemon_id != instead_of:
                raise AlreadyServedError(
                    f"another daemon (process {pid or 'unknown'}) serves {path.parent}; stop it first, "
                    f"or give this one another folder with --home"
                ) from None
            path.unlink(missing_ok=True)  # It keeps a file that nobody finds any more.
        else:
            if _is_at(descriptor, path):
                return descriptor
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the path still leads to the open file, and not to one that was put there since."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _named(descriptor: int) -> tuple[int | None, str | None]:
    """The process that the lock file names, and its lead."""
    pid, _, daemon_id = (
        os.pread(descriptor, NAMED_BYTES_MAX, 0).decode("ascii", "replace").strip().partition(" ")
    )
    return (int(pid) if pid.isdigit() else None), daemon_id or None
