"""A run: the zygote's child that claims a report, calls the assets' functions and tells what came of it."""

import atexit
import os
import signal
import socket
import sys
import threading
import time
from typing import Any, Final

from backfilld.asset_key import AssetKey
from backfilld.definitions import Definitions
from backfilld.worker.asset_run import AssetRun
from backfilld.worker.output import flush_output, redirect_output
from backfilld.worker.report import Interrupted, Report
from backfilld.worker.target import Pair

RUNS_FOLDER: Final = "runs"
WAKE_FILE: Final = "wake"


class Run:
    """One run, as the daemon's `RunSpec` describes it, in a process of its own."""

    def __init__(self, spec: dict[str, Any], definitions: Definitions, *, home: str) -> None:
        self._spec = spec
        self._definitions = definitions
        self._home = home

    def execute(self) -> None:
        """Run the assets if nobody has before; everything there is to say is in the report.

        A run that is interrupted ends its process by SIGTERM without telling an outcome.
        """
        run_id: str = self._spec["run_id"]
        folder = f"{self._home}/{RUNS_FOLDER}/{run_id}"
        report = Report.claim(folder, run_id=run_id, wake_path=f"{self._home}/{WAKE_FILE}")
        if report is None:
            return
        redirect_output(folder)
        _begin_afresh()
        report.interrupt_on(signal.SIGTERM)
        try:
            self._execute(report)
        except Interrupted:
            flush_output()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def _execute(self, report: Report) -> None:
        began = time.monotonic()
        # Not waited for until durable: a run that a power cut undoes has done nothing yet.
        report.append({"type": "started", "pid": os.getpid(), "host": socket.gethostname()}, durable=False)
        assets: list[str] = self._spec["assets"]
        not_done: set[str] = set()
        gone: dict[str, frozenset[Pair]] = {}  # by asset: partitions that it, or what it needs, has no more
        failures: list[dict[str, Any]] = []
        last_lines: list[dict[str, Any]] = []
        for key in assets:
            report.append(*last_lines)
            last_lines = []
            if self._upstream(key) & not_done:
                not_done.add(key)
                continue
            without = frozenset().union(*(gone.get(each, frozenset()) for each in self._upstream(key)))
            asset_run = AssetRun(self._definitions, key, self._spec, report, without=without)
            last_lines = asset_run.execute()
            if not report.is_mine:
                # A fork made by the asset's function has returned from it as well: it is none of the run.
                os._exit(0)
            gone[key] = without.union(asset_run.vanished)
            if asset_run.is_undone:
                not_done.add(key)
            if asset_run.failure is not None:
                failures.append(asset_run.failure)
        _end_as_programs_do()
        outcome = {
            "type": "finished",
            "outcome": "failed" if failures else "succeeded",
            "duration_s": round(time.monotonic() - began, 6),
            "failure": _summary(failures),
        }
        # Together with what the last asset reported: one write, one sync, one wake-up.
        report.append(*last_lines, outcome)

    def _upstream(self, key: str) -> set[str]:
        asset = self._definitions.assets.get(AssetKey(key))
        return {str(dep.asset_key) for dep in asset.deps} if asset is not None else set()


def _summary(failures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first failure, without the traceback that stands in the partitions' own fact."""
    if not failures:
        return None
    return {**failures[0], "traceback": None}


def _begin_afresh() -> None:
    """Drop what the zygote's imports left for one process and is now in many."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What importing registered is the zygote's to clean up: a temporary folder that later runs need, say.
    atexit._clear()  # noqa: SLF001 - the one way to do it
    # The standard library's generator does this by itself at a fork; NumPy's would give all runs the same.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _end_as_programs_do() -> None:
    """Wait for threads and call exit handlers: only then is what the assets do done."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as `multiprocessing` ends its processes
    atexit._run_exitfuncs()  # noqa: SLF001 - the one way to do it
