"""A folder with a user's pipeline, a home, and the command line called in it, with a daemon or without."""

import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from daemon.cli.app import run
from events.embedded import embedded_database

READY_TIMEOUT_S = 60.0
CALL_TIMEOUT_S = 90.0

PIPELINE = '''
import sys
import time
from pathlib import Path

from backfilld import (
    BackfillPolicy,
    DailyPartitionsDefinition,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
)

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")


@asset(partitions_def=DAYS, deps=["source"], description="What was ordered on a day.")
def orders(context):
    print("orders of", context.partition_key)
    print("reading slowly", file=sys.stderr)
    if context.partition_key == "2024-01-03" and Path("broken").exists():
        raise ValueError("no file for that day")


@asset(partitions_def=DAYS, deps=[orders], backfill_policy=BackfillPolicy.multi_run(4))
def totals(context):
    pass


@asset(deps=[totals])
def report():
    print("all in")


@asset(partitions_def=StaticPartitionsDefinition(["north", "south"]))
def region(context):
    """Takes until there is a file called `go`."""
    print(context.partition_key, "waits", flush=True)
    for _ in range(6000):
        if Path("go").exists():
            print(context.partition_key, "goes on")
            return
        time.sleep(0.01)


books = define_asset_job("books", "orders, totals", tags={"team": "sales"})
'''


class Answer(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:  # noqa: ANN401 -- whatever JSON holds
        """Its JSON."""
        assert self.status in {0, 1}, self
        return json.loads(self.out)


class House:
    """A user's folder."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self._database_url = database_url
        self.home = folder / "home"
        (folder / "shop.py").write_text(PIPELINE)

    def call(self, *arguments: str) -> Answer:
        """A command, run as the script `backfilld` runs it, but in this process: that saves its imports."""
        out, err = io.StringIO(), io.StringIO()
        with (
            chdir(self.folder),
            patch.dict(os.environ, self.environment(), clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            status = run(list(arguments))
        return Answer(status, out.getvalue(), err.getvalue())

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on, in a session of its own."""
        return subprocess.Popen(
            command(arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def daemon(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A daemon that is ready; it is stopped in the end if it still runs."""
        with self.begin("up", "-o", "json", *(arguments or ("shop.py",))) as up:
            try:
                assert json.loads(line_of(up))["ready"] is True
                yield up
            finally:
                up.send_signal(signal.SIGTERM)
                up.communicate(timeout=CALL_TIMEOUT_S)

    def environment(self) -> dict[str, str]:
        """Ours, with the home named in it, and who gives the commands."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("BACKFILLD_")}
        if self._database_url is not None:
            own["BACKFILLD_DATABASE_URL"] = self._database_url
        return own | {"BACKFILLD_HOME": str(self.home), "BACKFILLD_ACTOR": "ada@office", "COLUMNS": "100"}


def command(arguments: Sequence[str]) -> list[str]:
    """The command line as an argument list. A daemon serves pages only where its arguments say so."""
    says_so = any(argument in {"--port", "--web", "--no-web"} for argument in arguments)
    no_pages = () if says_so or arguments[:1] != ("up",) else ("--no-web",)
    return [sys.executable, "-m", "daemon.cli", *arguments, *no_pages]


def line_of(begun: subprocess.Popen[str]) -> str:
    """The next line it answers."""
    assert begun.stdout is not None
    readable, _, _ = select.select([begun.stdout], [], [], READY_TIMEOUT_S)
    line = begun.stdout.readline() if readable else ""
    assert line, begun.communicate(timeout=CALL_TIMEOUT_S)[1] if begun.poll() is not None else "not ready"
    return line


@contextmanager
def new_house() -> Iterator[House]:
    """A house in a temporary folder, removed with all that is in it; its database runs all the while."""
    folder = Path(tempfile.mkdtemp(prefix="backfilld-house-"))
    folder.chmod(0o755)  # So that the database stays inside even when the tests are run by root.
    house = House(folder)
    try:
        with embedded_database(house.home):
            yield house
    finally:
        shutil.rmtree(folder)
