"""`backfilld assets --history`: the manifests over time, and what each changed."""

from collections.abc import Iterator, Sequence

from daemon.cli.output import Column
from daemon.manifest_changes import Changes, words
from daemon.not_loaded_text import failure_text
from daemon.operations.manifests import HistoryRow
from events.facts import Failure

DIGEST_SHOWN = 12  # characters, as everywhere
NAMES_SHOWN_MAX = 5  # of each kind of change


def change_text(row: HistoryRow) -> str:
    """What is different, a line for each kind."""
    match row:
        case HistoryRow(status="withdrawn"):
            return "not given to the daemon any more; its runs wait"
        case HistoryRow(failure=Failure() as failure):
            held = "its runs wait" if row.runs_held else "the code loaded before goes on"
            return f"failed to load: {failure_text(failure)}\n{held}"
        case HistoryRow(is_first=True):
            return "the first one"
        case HistoryRow(is_as_before=True):
            return "as before"
    return "\n".join(changed_lines(row.changes)) or "no asset; another SDK or Python"


def changed_lines(changes: Changes) -> Iterator[str]:
    """A line for each kind of change, with the first few names."""
    if changes.added:
        yield f"added {first_of(changes.added)}"
    if changes.removed:
        yield f"removed {first_of(changes.removed)}"
    if changes.changed:
        yield f"changed {first_of([f'{key} ({words(fields)})' for key, fields in changes.changed.items()])}"
    if changes.jobs:
        yield f"jobs: {first_of(changes.jobs)}"


def first_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMES_SHOWN_MAX
    return ", ".join(names[:NAMES_SHOWN_MAX]) + (f" and {more:,} more" if more > 0 else "")


HISTORY_COLUMNS = [
    Column("when (UTC)", lambda row: f"{row.at:%Y-%m-%d %H:%M:%S}", style="dim"),
    Column("position", lambda row: f"{row.position:,}", justify="right", style="dim"),
    Column("code location", lambda row: row.code_location, style="bold"),
    Column("manifest", lambda row: (row.digest or "")[:DIGEST_SHOWN]),
    Column("SDK", lambda row: row.sdk_version),
    Column("Python", lambda row: row.python_version),
    Column("assets", lambda row: row.assets, justify="right"),
    Column("what changed", change_text, style=lambda row: "" if row.status == "loaded" else "red"),
]
