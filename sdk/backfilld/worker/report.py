"""The report of a run: the file its process writes what happened to, one JSON line each.

The file is also the run's claim: its process holds a POSIX lock on it for as long as it lives. Such a lock
is not inherited by forks, is gone with the process however that ends, and names its holder, so whoever asks
learns whether the run is alive without trusting a process id.

Paths are texts here and nothing is made that is not needed: each page of memory that Python's own code makes
a fresh fork touch costs as much as a small system call, and there are hundreds of them in a run.
"""

import errno
import fcntl
import json
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final, Self

from backfilld.errors import InvalidInvocationError
from backfilld.worker.output import write_error

REPORT_FILE: Final = "report.jsonl"
CANCELED_FILE: Final = "canceled"  # its presence says that the run was asked to end
METADATA_FILE: Final = "metadata.jsonl"  # metadata that is too long to be reported, whole
KEPT_BYTES_MAX: Final = 8 * 1024 * 1024  # of such a file
DISK_FULL_WAIT_MAX_S: Final = 60.0
DISK_FULL_WAIT_S: Final = 0.5

_CLAIMED: Final = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
# Linux alone keeps the times of a file out of it.
_sync = getattr(os, "fdatasync", os.fsync)


class Interrupted(SystemExit):
    """The run was asked to end (SIGTERM). Raised in the main thread, so that `finally` blocks are run.

    It is a `SystemExit`, which event loops and frameworks let through.
    """


class Report:
    """An open, claimed report. Appending is safe from every thread of the process."""

    def __init__(self, descriptor: int, *, run_id: str, folder: str, wake_path: str) -> None:
        self._descriptor = descriptor
        self._folder = folder
        self._owner = os.getpid()
        self._announcement = f"{run_id}\n".encode()
        self._wake_path = wake_path
        self._lock = threading.RLock()
        self._lines = 0
        self._size = 0
        self._interrupt_pending = False
        self._main_is_writing = False

    @classmethod
    def claim(cls, folder: str, *, run_id: str, wake_path: str) -> Self | None:
        """The report, or None if the run was claimed before: by a process alive or by one that is gone.

        The folder is made if only it is missing.
        """
        with suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102 - see the module's text
        descriptor = os.open(f"{folder}/{REPORT_FILE}", _CLAIMED, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            return None
        if os.fstat(descriptor).st_size or os.access(f"{folder}/{CANCELED_FILE}", os.F_OK):
            return None
        return cls(descriptor, run_id=run_id, folder=folder, wake_path=wake_path)

    @property
    def is_mine(self) -> bool:
        """Whether this process is the run's own, and not a fork that user code made of it."""
        return os.getpid() == self._owner

    def append(self, *lines: dict[str, Any], durable: bool = True) -> None:
        """Write the lines, numbered and stamped, in one go; once they are durable, tell the daemon.

        Lines that need not be durable are not told of: the daemon finds them with the next ones, or when it
        looks by itself.

        A full disk is waited for up to `DISK_FULL_WAIT_MAX_S`. An interruption that comes meanwhile is
        raised afterwards, so that no line is torn.

        :raises InvalidInvocationError: called in a fork of the run's process, which must not report for it.
        :raises OSError: the report cannot be written, so the run cannot go on.
        """
        if not self.is_mine:
            raise InvalidInvocationError(
                f"expected a report from the run's own process, {self._owner}, found one from process "
                f"{os.getpid()}, a fork of it; report there what the forks have done"
            )
        if not lines:
            return
        is_main = threading.current_thread() is threading.main_thread()
        with self._lock:
            self._main_is_writing = is_main
            try:
                at = datetime.now(UTC).isoformat(timespec="microseconds")
                texts = [
                    _encode({"n": number, "at": at, **line})
                    for number, line in enumerate(lines, self._lines + 1)
                ]
                # Half of a surrogate pair, which no UTF-8 can hold, becomes a question mark.
                self._write("".join(f"{text}\n" for text in texts).encode("utf-8", "replace"))
                self._lines += len(lines)
                if durable:
                    _sync(self._descriptor)
                    self._announce()
            finally:
                self._main_is_writing = False
        if is_main and self._interrupt_pending:
            self._interrupt_pending = False
            raise Interrupted

    def keep(self, name: str, text: str) -> None:
        """Add the text to another file of the run, as far as `KEPT_BYTES_MAX` lets it grow.

        It is no fact: where it cannot be written, ``stderr.log`` says so and the run goes on.
        """
        try:
            with open(f"{self._folder}/{name}", "ab") as file:  # noqa: PTH123 - see the module's text
                file.write(text.encode("utf-8", "replace")[: max(0, KEPT_BYTES_MAX - file.tell())])
        except OSError as error:
            write_error(f"backfilld: {name} could not be written: {error}\n")

    def interrupt(self, signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's form
        """Raise `Interrupted` in the main thread: at once, or when the line being written is whole."""
        if self._main_is_writing:
            self._interrupt_pending = True
        else:
            raise Interrupted(128 + signal_number)

    def interrupt_on(self, signal_number: signal.Signals) -> None:
        """From here on the signal interrupts user code."""
        signal.signal(signal_number, self.interrupt)

    def _write(self, content: bytes) -> None:
        deadline = time.monotonic() + DISK_FULL_WAIT_MAX_S
        while True:
            try:
                written = 0
                while written < len(content):
                    written += os.write(self._descriptor, content[written:])
            except OSError as error:
                # Half a line must not stay: the next one would be glued to it.
                os.ftruncate(self._descriptor, self._size)
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > deadline:
                    raise
                time.sleep(DISK_FULL_WAIT_S)
            else:
                self._size += len(content)
                return

    def _announce(self) -> None:
        """Wake the daemon if it is there. If that fails it finds what was written a little later."""
        with suppress(OSError):
            descriptor = os.open(self._wake_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(descriptor, self._announcement)
            finally:
                os.close(descriptor)
