"""`backfilld demo`: the main job on real data, end to end, in a folder of its own."""

import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.assets import ASSET_COLUMNS
from daemon.cli.errors import ExitCode
from daemon.cli.following import display_on, end_text, follow
from daemon.cli.invocation import CommonOptions, Invocation, database_command
from daemon.cli.opening import with_records
from daemon.cli.output import Output, table_of
from daemon.cli.place import URL_VARIABLE
from daemon.cli.seen import seen
from daemon.cli.settings import DATABASE_VARIABLE, FILE_NAME, HOME_DEFAULT, HOME_VARIABLE
from daemon.demo import expected
from daemon.operations.assets import AssetRow, rows_of
from daemon.operations.errors import OperationError, UsageError
from daemon.operations.launching import new_backfill_id, request
from daemon.operations.records import Records
from daemon.planning.planned import Ask
from daemon.time_text import duration_text
from projections.backfill.state import Backfill
from projections.progress import elapsed_s, progress_of

SELECTION = "*wettest_days"  # and everything upstream of it
RESULTS = "weather"  # the folder the pipeline writes to; see daemon/demo/pipeline.py
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep the folder with the results and the log, to look around in.")
]


@database_command
def demo(invocation: Invocation, *, keep: KeepOption = False) -> None:
    """Fill four years of weather of two cities, check every figure, and show how to look further.

    A daemon is started in a temporary folder, with a database of its own; 1,461 daily files, a table filled
    in one run, monthly figures and a ranking are made of NOAA's archive. It exits with 1 if anything differs
    from what the archive says.
    """
    began_at = time.perf_counter()
    if invocation.names_its_place:
        raise UsageError(
            "the demo makes a home and a database of its own; leave --home, --database and --url away."
        )
    for variable in (HOME_VARIABLE, DATABASE_VARIABLE, URL_VARIABLE, "WEATHER_FOLDER"):
        os.environ.pop(variable, None)
    with ExitStack() as undone:
        folder = make_folder()
        if not keep:
            undone.callback(remove, folder)
        with daemon_in(folder):
            output = invocation.output
            output.note(f"A daemon runs in {folder}; {SELECTION} is launched with --all.")
            filled = with_records(inside(folder), Filling(output).run)
        differences = expected.differences(folder / RESULTS)
        value = filled.value(differences, folder if keep else None, time.perf_counter() - began_at)
        output.value(value, lambda console: show(console, filled, differences, value))
    raise typer.Exit(ExitCode.UNSUCCESSFUL if differences or value["status"] != "succeeded" else ExitCode.OK)


class Filled:
    """What the demo's backfill came to."""

    def __init__(self, backfill: Backfill, assets: list[AssetRow]) -> None:
        self.backfill = backfill
        self.assets = assets

    def value(self, differences: list[str], folder: Path | None, total_s: float) -> dict[str, Any]:
        """As JSON; ``folder`` is None where it is removed."""
        progress = progress_of(self.backfill)
        spent_s = elapsed_s(self.backfill, self.backfill.requested_at)
        return {
            "backfill_id": self.backfill.id,
            "status": self.backfill.status,
            "runs_total": progress.runs_total,
            "progress": progress.assets,
            "elapsed_s": round(spent_s, 3),
            "runs_per_s": round(progress.runs_total / spent_s, 1) if spent_s else None,
            "total_s": round(total_s, 3),
            "differences": differences,
            "folder": None if folder is None else str(folder),
        }


class Filling:
    """The demo's launch, followed to its end."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def run(self, records: Records) -> Filled:
        """The backfill once it has ended, and the assets as they stand then."""
        world = await records.world()
        backfill_id = new_backfill_id()
        ask = Ask(selection=(SELECTION,), choice="all", reason="backfilld demo")
        await request(records, world, lambda *_: ask, backfill_id)
        with display_on(self._output) as display:
            backfill = await follow(records, world, backfill_id, display)
        return Filled(backfill, rows_of(world, records.now()))


def make_folder() -> Path:
    """A temporary folder with a `backfilld.toml` that names the demo's pipeline."""
    folder = Path(tempfile.mkdtemp(prefix="backfilld-demo-"))
    # There is nothing secret in it, and PostgreSQL, run for root by another user, must reach what is inside.
    folder.chmod(0o755)
    pipeline = Path(expected.__file__).with_name("pipeline.py")
    code_location = f'[[code_location]]\nname = "weather"\nfile = {json.dumps(str(pipeline))}\n'
    (folder / FILE_NAME).write_text(code_location)
    return folder


def remove(folder: Path) -> None:
    """Removes the folder, and what the embedded database may have put elsewhere."""
    from events.embedded import data_folder  # noqa: PLC0415 -- SQLAlchemy, which --help need not wait for

    database = data_folder(folder / HOME_DEFAULT).parent
    shutil.rmtree(folder)
    if database != folder / HOME_DEFAULT:
        shutil.rmtree(database, ignore_errors=True)


def inside(folder: Path) -> Invocation:
    """An invocation as if it were called in the folder."""
    return Invocation(CommonOptions(home=folder / HOME_DEFAULT))


@contextmanager
def daemon_in(folder: Path) -> Iterator[None]:
    """A daemon that serves the folder, ready; it is stopped gently in the end.

    :raises OperationError: it does not get ready; what it said is shown.
    """
    log = folder / "daemon.log"
    with log.open("wb") as stderr:
        # A session of its own: Ctrl-C is for us, and the daemon is stopped when we are done with it.
        daemon = subprocess.Popen(
            [sys.executable, "-m", "daemon.cli", "up", "-o", "json", "--no-web"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        assert daemon.stdout is not None
        readable, _, _ = select.select([daemon.stdout], [], [], READY_TIMEOUT_S)
        if not (readable and daemon.stdout.readline()):
            raise OperationError("the demo's daemon did not get ready.", details=log.read_text("utf-8"))
        yield
    finally:
        stop(daemon)


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """Ends the daemon, gently if it lets us."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    if daemon.stdout is not None:
        daemon.stdout.close()


def show(console: Console, filled: Filled, differences: list[str], value: dict[str, Any]) -> None:
    """Prints what was filled, whether it is right, and how to look further."""
    console.print(table_of(filled.assets, ASSET_COLUMNS))
    console.print()
    console.print(end_text(seen(filled.backfill, filled.backfill.requested_at)), soft_wrap=True)
    total = duration_text(value["total_s"])
    console.print(f"With the database made and the daemon started it took {total}.")
    if differences:
        console.print(Text("Not all of it is what the archive says:", style="red"))
        for difference in differences:
            console.print(Text(f"  {difference}", style="red"), soft_wrap=True)
    else:
        raw, clean = len(expected.raw_files()), len(expected.clean_rows())
        monthly, wettest = len(expected.monthly_rows()), len(expected.wettest_days())
        console.print(
            Text(
                f"Checked against the archive itself: {raw:,} files, {clean:,} rows, {monthly} monthly "
                f"figures and the {wettest} wettest days are right.",
                style="green",
            ),
            soft_wrap=True,
        )
    console.print()
    if value["folder"] is None:
        console.print("`backfilld demo --keep` keeps it all to look around in.")
        return
    program, own = program_name(), filled.backfill.id
    console.print(f"Kept in {value['folder']}. To look further:", soft_wrap=True)
    console.print()
    for line in (
        f"cd {shlex.quote(value['folder'])}",
        f"cat {RESULTS}/wettest_days.csv",
        f"{program} status {own}",
        f"{program} runs --limit 5",
        f"{program} run {own}-1-1",
        f"{program} partitions raw_weather",
        f"{program} log --limit 10",
        f"{program} log verify",
        f"{program} up  # and, in another terminal:",
        f"{program} launch 'raw_weather*' --partitions '2015-12-*' --wait",
    ):
        console.print(f"  {line}", soft_wrap=True)


def program_name() -> str:
    """How this program is called from any folder."""
    called = shutil.which(sys.argv[0]) if sys.argv[0] else None
    if called is None:
        return "backfilld"
    return "backfilld" if shutil.which("backfilld") == called else shlex.quote(str(Path(called).absolute()))
