"""The daemon's end of a code location's zygote process (`backfilld.worker.zygote` has the protocol)."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import anyio
import msgspec
from anyio.abc import Process

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
from daemon.launching.port import RunSpec
from events import private

MANIFEST_BYTES_MAX: Final = 256 * 1024 * 1024
RECEIVE_BYTES: Final = 1 << 16
LOG_TAIL_BYTES: Final = 8_192
LOG_BYTES_MAX: Final = 8 * 1024 * 1024
END_TIMEOUT_S: Final = 2.0
SECRET_VARIABLES: Final = ("BACKFILLD_TOKEN", "BACKFILLD_DATABASE_URL")


class Exited(msgspec.Struct, frozen=True):
    """A child of the zygote has ended, or could not be forked."""

    exited: str  # the run id
    status: int | None  # as the process exited; -n: ended by signal n; None: never began, see `error`
    error: str | None = None


class _ImportError(msgspec.Struct, frozen=True):
    type: str
    message: str
    traceback: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    manifest: dict[str, Any] | None = None
    error: _ImportError | None = None


_EXITED: Final = msgspec.json.Decoder(Exited)
_ANSWER: Final = msgspec.json.Decoder(_Answer)


class Zygote:
    """A running zygote that has imported its code. Whoever started it calls `serve`, and `end` in the end."""

    def __init__(self, location: CodeLocation, loaded: Loaded, process: Process, control: "_Control") -> None:
        self.location = location
        self.loaded = loaded
        self.is_alive = True
        self._process = process
        self._control = control

    @classmethod
    async def start(cls, location: CodeLocation, *, home: Path, timeout_s: float) -> Self | LoadFailure:
        """The zygote once it has imported the code, or why it could not. Nothing is left running then."""
        log = home / "code_locations" / f"{location.name}.log"
        begin_anew_if_long(log)
        log_began_at = _size_of(log)
        ours, theirs = socket.socketpair()
        control = _Control(ours)
        zygote: Self | None = None
        process: Process | None = None
        try:
            with theirs:
                process = await _spawn(location, theirs, home=home, log=log)
            with anyio.fail_after(timeout_s):
                answer = _ANSWER.decode(await control.line())
        except TimeoutError:
            return LoadFailure(
                location.name, "TimedOut", f"importing {location.code} took longer than {timeout_s:g} s"
            )
        except (ConnectionError, msgspec.DecodeError):
            message = f"its process ended before it had imported {location.code}"
            return LoadFailure(location.name, "ProcessEnded", message, _tail(log, log_began_at))
        except OSError as error:
            return LoadFailure(
                location.name, "NotStarted", f"{location.python} could not be started: {error}"
            )
        else:
            if answer.manifest is None:
                return _load_failure(location, answer.error)
            loaded = Loaded(location.name, manifest_digest(answer.manifest), answer.manifest)
            zygote = cls(location, loaded, process, control)
            return zygote
        finally:
            if zygote is None:
                await _end(process, control)

    async def serve(self, on_exited: Callable[[Exited], None]) -> None:
        """Nothing, once the process has ended; meanwhile every notice of an ended child is handed on."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, on_exited)
            await self._process.wait()
            self.is_alive = False
            tasks.cancel_scope.cancel()

    async def launch(self, specs: Sequence[RunSpec]) -> bool:
        """Whether the runs were handed over; if not, the process is gone or going, and counts as dead."""
        content = msgspec.json.encode({"launch": specs}) + b"\n"
        try:
            await self._control.send(content)
        except (ConnectionError, anyio.ClosedResourceError):
            self.is_alive = False
            return False
        return True

    async def end(self) -> None:
        """Nothing, once the process is gone. Its runs live on."""
        self.is_alive = False
        await _end(self._process, self._control)

    async def _listen(self, on_exited: Callable[[Exited], None]) -> None:
        with suppress(ConnectionError, anyio.ClosedResourceError):
            while True:
                for line in await self._control.lines():
                    try:
                        on_exited(_EXITED.decode(line))
                    except msgspec.DecodeError:
                        # User code wrote into our socket: nothing that comes from there can be believed.
                        self._process.send_signal(signal.SIGKILL)
                        return


class _Control:
    """The control socket, by whole lines. Raises `ConnectionError` once either end is closed."""

    def __init__(self, ours: socket.socket) -> None:
        ours.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._socket = ours
        self._sending = anyio.Lock()
        self._whole: list[bytes] = []
        self._rest = bytearray()

    async def line(self) -> bytes:
        """The next line alone."""
        lines = await self.lines()
        self._whole = lines[1:]
        return lines[0]

    async def lines(self) -> list[bytes]:
        """All lines that have come, at least one."""
        while not self._whole:
            received = await self._receive()
            self._rest += received
            if not received or len(self._rest) > MANIFEST_BYTES_MAX:
                raise ConnectionResetError
            if b"\n" in received:
                *self._whole, rest = bytes(self._rest).split(b"\n")
                self._rest = bytearray(rest)
        lines, self._whole = self._whole, []
        return lines

    async def send(self, content: bytes) -> None:
        """Nothing, once all is in the socket's buffer."""
        async with self._sending:
            rest = memoryview(content)
            while rest:
                try:
                    rest = rest[self._open().send(rest) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._socket)

    def close(self) -> None:
        """The zygote is to end. Whoever waits here gets `anyio.ClosedResourceError`."""
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()

    async def _receive(self) -> bytes:
        while True:
            try:
                return self._open().recv(RECEIVE_BYTES)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)

    def _open(self) -> socket.socket:
        if self._socket.fileno() < 0:
            raise anyio.ClosedResourceError
        return self._socket


def begin_anew_if_long(log: Path) -> None:
    """Put a log that is over its bound aside, in the place of the one that was put aside before.

    A process that still writes to it goes on doing so there.
    """
    if _size_of(log) > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".old.log"))


def environment_of_code(ours: Mapping[str, str]) -> dict[str, str]:
    """What the code gets of this process's environment: all but what opens the log, or the daemon."""
    return {name: value for name, value in ours.items() if name not in SECRET_VARIABLES}


async def _spawn(location: CodeLocation, control: socket.socket, *, home: Path, log: Path) -> Process:
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(private.opened(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
        return await anyio.open_process(
            [
                location.python,
                "-P",  # No file of the working directory is met before our modules and Python's.
                *("-m", "backfilld.worker"),
                *("--code", location.code),
                *("--name", location.name),
                *("--home", str(home)),
                *("--control-fd", str(control.fileno())),
            ],
            cwd=location.working_directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment_of_code(os.environ),
            start_new_session=True,
            pass_fds=(control.fileno(),),
        )


async def _end(process: Process | None, control: _Control) -> None:
    """Close the socket, upon which the process ends by itself; kill it where it does not."""
    with anyio.CancelScope(shield=True):
        control.close()
        if process is None:
            return
        with anyio.move_on_after(END_TIMEOUT_S):
            await process.wait()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


def _load_failure(location: CodeLocation, told: _ImportError | None) -> LoadFailure:
    if told is None:
        return LoadFailure(location.name, "ProcessEnded", "its process told neither a manifest nor an error")
    return LoadFailure(location.name, told.type, told.message, told.traceback)


def _size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _tail(log: Path, began_at: int) -> str | None:
    """The end of what the process wrote since the log had ``began_at`` bytes."""
    if not log.exists():
        return None
    with log.open("rb") as output:
        output.seek(max(began_at, _size_of(log) - LOG_TAIL_BYTES))
        return output.read(LOG_TAIL_BYTES).decode("utf-8", "replace") or None
