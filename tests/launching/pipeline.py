"""A user's code that does all that user code may do. Its runs find a folder to write to in their tags."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from backfilld import AssetExecutionContext, DailyPartitionsDefinition, MaterializeResult, asset

print("importing prints")

days = DailyPartitionsDefinition(start_date="2024-01-01")


def folder_of(context: AssetExecutionContext) -> Path:
    return Path(context.run_tags["folder"])


def note(context: AssetExecutionContext, name: str, text: object = "") -> None:
    """Add a line to a file of the run's folder, for the test to read."""
    with (folder_of(context) / name).open("a") as notes:
        notes.write(f"{text}\n")


def wait_for_release(context: AssetExecutionContext) -> None:
    """Say that the run is under way and wait until the test opens the other end of the pipe."""
    pipe = folder_of(context) / f"release-{context.run_id}"
    os.mkfifo(pipe)
    note(context, "under_way", context.run_id)
    pipe.open("rb").close()


@asset
def fills(context: AssetExecutionContext) -> MaterializeResult:
    note(context, "executed", context.run_id)
    print("it prints")
    context.add_output_metadata({"rows": 3})
    return MaterializeResult(metadata={"mean": float("nan")})


@asset
def fails(context: AssetExecutionContext) -> None:
    note(context, "executed", context.run_id)
    raise ValueError("the source is empty")


@asset
def waits(context: AssetExecutionContext) -> None:
    note(context, "executed", context.run_id)
    wait_for_release(context)


@asset
def dies(context: AssetExecutionContext) -> None:
    note(context, "executed", context.run_id)
    os.kill(os.getpid(), signal.SIGKILL)


@asset
def exits() -> None:
    os._exit(0)


@asset
def leaves(context: AssetExecutionContext) -> None:
    sys.exit(context.run_tags.get("status", 0))


@asset  # type: ignore[arg-type]  # what it is here for
def returns_nonsense() -> int:
    return 42


@asset
async def awaits() -> MaterializeResult:
    return MaterializeResult(metadata={"awaited": True})


@asset
def shouts() -> None:
    raise ValueError("x" * 10_000_000)


@asset
def prints_much() -> None:
    line = "y" * 1023
    for _ in range(50 * 1024):
        print(line)
    print("the end", file=sys.stderr)


@asset
def stubborn(context: AssetExecutionContext) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    note(context, "child", child.pid)
    note(context, "under_way", context.run_id)
    threading.Event().wait()


@asset
def has_a_polite_child(context: AssetExecutionContext) -> None:
    """Takes no notice itself of being asked to end; its child says that it was asked, and ends."""
    script = "trap 'echo > asked; exit' TERM; echo > ready; while :; do sleep 0.01; done"
    child = subprocess.Popen(["sh", "-c", script], cwd=folder_of(context))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(context, "under_way", context.run_id)
    child.wait()
    threading.Event().wait()


@asset
def cleans_up(context: AssetExecutionContext) -> None:
    try:
        wait_for_release(context)
    finally:
        note(context, "cleaned_up", context.run_id)


@asset
def leaves_children(context: AssetExecutionContext) -> None:
    note(context, "child", subprocess.Popen(["sleep", "600"]).pid)


@asset
def returns_twice() -> None:
    os.fork()


@asset
def scribbles(context: AssetExecutionContext) -> None:
    report = Path("/proc/self/fd/1").readlink().with_name("report.jsonl")
    with report.open("a") as lines:
        lines.write('{"n": 2, "type": "nonsense"}\n')
    threading.Event().wait()


@asset(deps=["fails"])
def after_fails(context: AssetExecutionContext) -> None:
    note(context, "executed", context.run_id)


@asset(deps=["after_fails"])
def after_after_fails(context: AssetExecutionContext) -> None:
    note(context, "executed", context.run_id)


@asset(partitions_def=days, code_version="7")
def daily(context: AssetExecutionContext) -> None:
    """Follows what its tags say about each day: ``materialized``, ``failed``, or stop there by ``dies``."""
    for day in context.partition_keys:
        match context.run_tags.get(day):
            case "materialized":
                context.materialized(day, metadata={"day": day})
            case "failed":
                context.failed(day, "no reading")
            case "raises":
                raise LookupError(day)
            case "dies":
                os.kill(os.getpid(), signal.SIGKILL)
