"""The zygote: a single-threaded process that has imported the user's code and forks a child per run.

It speaks JSON lines over the control socket. To the daemon, first either ``{"manifest": {...}}`` or
``{"error": {"type", "message", "traceback"}}``; then ``{"exited": run id, "status": n}`` for each child that
has ended (n < 0: by signal -n; null: it could not be forked, with an ``"error"`` that says why). From the
daemon ``{"launch": [run spec, ...]}``. When the socket closes, the daemon is gone: the zygote ends, and its
children go on.
"""

import faulthandler
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Never

from backfilld.definitions import Definitions
from backfilld.errors import BackfilldError
from backfilld.manifest import manifest_of
from backfilld.partitions.time_window import TimeWindowPartitionsDefinition
from backfilld.worker.code import import_code
from backfilld.worker.output import flush_output, standard_streams
from backfilld.worker.plain import failure_of
from backfilld.worker.run import Run
from backfilld.worker.target import Target

_RECEIVE_BYTES: Final = 1 << 16
_CHILD_BROKEN: Final = 70  # the exit status of a child that could not even report; EX_SOFTWARE of sysexits.h


class Zygote:
    """One code location's zygote."""

    def __init__(self, control: socket.socket, *, code: str, name: str, home: str) -> None:
        self._control = control
        self._code = code
        self._name = name
        self._home = home
        self._received = b""
        self._children: dict[int, str] = {}  # process id -> run id
        self._definitions: Definitions
        self._child_ended, self._wake = os.pipe()
        os.set_blocking(self._child_ended, False)
        os.set_blocking(self._wake, False)

    def serve(self) -> Never:
        """Import, tell the manifest, and fork runs until the daemon goes away. Ends the process."""
        for stream in standard_streams():
            stream.reconfigure(line_buffering=True)  # type: ignore[attr-defined]  # a TextIOWrapper, as started
        faulthandler.enable(file=2)
        with suppress(BrokenPipeError, ConnectionResetError):
            if self._load():
                self._prepare_to_fork()
                self._loop()
        flush_output()
        # No clean-up of what importing made: children that live on may need it, and a thread might never end.
        os._exit(0)

    def _load(self) -> bool:
        """Whether the code could be imported; the daemon is told either way."""
        # Bytecode is cached by size and second: code changed twice in one would be loaded as it was.
        writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            self._definitions = Definitions.of_module(import_code(self._code))
            manifest = manifest_of(self._definitions, code_location=self._name)
        except BaseException as error:  # noqa: BLE001 - importing is user code: whatever it raised is told.
            self._send({"error": failure_of(error)})
            return False
        finally:
            sys.dont_write_bytecode = writes_none
        self._send({"manifest": manifest})
        return True

    def _prepare_to_fork(self) -> None:
        definitions = (each.partitions_def for each in self._definitions.assets.values())
        if any(isinstance(each, TimeWindowPartitionsDefinition) for each in definitions):
            importlib.import_module("pendulum")  # Once, for the times that contexts give.
        threads = threading.active_count()
        if threads > 1:
            sys.stderr.write(
                f"backfilld: importing {self._code} started {threads - 1} thread(s); runs are forked from "
                f"this process and do not have them. Start threads inside assets instead.\n"
            )
        # Said above, once, and not before each fork.
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        # A handler must be there for the wake-up to be written.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        # What importing left behind is never collected: children share its pages while nobody writes there.
        gc.collect()
        gc.freeze()

    def _loop(self) -> None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._child_ended, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._child_ended in ready:
                self._reap()
            if self._control.fileno() in ready:
                received = self._control.recv(_RECEIVE_BYTES)
                if not received:
                    return
                for message in self._messages(received):
                    for spec in message["launch"]:
                        self._launch(spec)

    def _messages(self, received: bytes) -> Iterator[dict[str, Any]]:
        *lines, self._received = (self._received + received).split(b"\n")
        return map(json.loads, lines)

    def _launch(self, spec: dict[str, Any]) -> None:
        run_id = spec["run_id"]
        # Partitions worked out here are there for all later runs; what is wrong is the child's to tell.
        with suppress(BackfilldError):
            for key in spec["assets"]:
                Target.of(self._definitions, key, spec)
        flush_output()
        try:
            process_id = os.fork()
        except OSError as error:
            self._send({"exited": run_id, "status": None, "error": f"no process could be forked: {error}"})
            return
        if process_id == 0:
            self._become(spec)
        self._children[process_id] = run_id

    def _become(self, spec: dict[str, Any]) -> None:
        """Be the run, in the child. Does not return."""
        status = _CHILD_BROKEN
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self._child_ended, self._wake):
                os.close(descriptor)
            self._control.close()
            Run(spec, self._definitions, home=self._home).execute()
            status = 0
        except BaseException:  # noqa: BLE001 - the child must never come back into the zygote's loop.
            traceback.print_exc()
        finally:
            flush_output()
            os._exit(status)

    def _reap(self) -> None:
        """Tell of each child that has ended, after ending whatever it started and left in its group."""
        with suppress(BlockingIOError):
            while os.read(self._child_ended, _RECEIVE_BYTES):
                pass
        for process_id in tuple(self._children):
            # Looked at without reaping: before that, its process id and its group's cannot mean others.
            if os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process_id, signal.SIGKILL)
            _, status = os.waitpid(process_id, 0)
            run_id = self._children.pop(process_id)
            self._send({"exited": run_id, "status": os.waitstatus_to_exitcode(status)})

    def _send(self, message: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")
