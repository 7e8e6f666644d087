"""One daemon per home folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.service.errors import AlreadyServedError

LOCK_NAME = "daemon.lock"


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home folder for this process; the file names it. The kernel frees it if the process dies.

    :raises AlreadyServedError: another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServedError(
                f"another daemon (process {_named(descriptor) or 'unknown'}) serves {home}; stop it first, "
                f"or give this one another folder with --home"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
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
        return _named(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _named(descriptor: int) -> int | None:
    named = os.pread(descriptor, 32, 0).strip()
    return int(named) if named.isdigit() else None
