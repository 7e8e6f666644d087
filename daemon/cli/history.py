"""`backfilld assets --history`: the manifests over time, and what each changed."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Literal

import msgspec

from daemon.cli.output import Column
from daemon.manifest_changes import NO_MANIFEST, Changes, Manifest, changes_between, words
from daemon.not_loaded_text import failure_text
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import DefinitionsFailed, DefinitionsLoaded, DefinitionsWithdrawn, Failure
from events.log import Filter

DEFINITIONS = frozenset(
    fact.__name__ for fact in (DefinitionsLoaded, DefinitionsFailed, DefinitionsWithdrawn)
)
DIGEST_SHOWN = 12  # characters, as everywhere
NAMES_SHOWN_MAX = 5  # of each kind of change


class HistoryRow(msgspec.Struct, frozen=True):
    """One load of a code location, or that it was given up, as JSON shows it."""

    position: int
    at: datetime
    code_location: str
    status: Literal["loaded", "failed", "withdrawn"]
    digest: str | None = None
    sdk_version: str | None = None
    python_version: str | None = None
    assets: int | None = None
    is_first: bool = False  # of this code location
    is_as_before: bool = False  # the same manifest
    changes: Changes = Changes()  # against the last one of this code location
    failure: Failure | None = None
    runs_held: bool = False  # its runs wait from here on


async def manifest_history(records: Records) -> list[HistoryRow]:
    """What became of the code locations' definitions over time, newest first."""
    telling = History()
    rows: list[HistoryRow] = []
    async with aclosing(records.log.read(upto=records.upto, matching=Filter(types=DEFINITIONS))) as batches:
        async for batch in batches:
            rows += filter(None, map(telling.row, batch))
    return rows[::-1]


class History:
    """Tells what each fact changed; they are told in the log's order."""

    def __init__(self) -> None:
        self._manifest_of: dict[str, Manifest] = {}  # by digest
        self._last: dict[str, str] = {}  # code location -> digest

    def row(self, recorded: Recorded) -> HistoryRow | None:
        """The row of a fact; None for one about something else."""
        fact = recorded.fact
        match fact:
            case DefinitionsLoaded():
                return self._loaded(recorded, fact)
            case DefinitionsFailed():
                return HistoryRow(
                    position=recorded.position,
                    at=recorded.at,
                    code_location=fact.code_location,
                    status="failed",
                    failure=fact.failure,
                    runs_held=fact.runs_held,
                )
            case DefinitionsWithdrawn():
                return HistoryRow(
                    position=recorded.position,
                    at=recorded.at,
                    code_location=fact.code_location,
                    status="withdrawn",
                    runs_held=True,
                )
            case _:
                return None

    def _loaded(self, recorded: Recorded, fact: DefinitionsLoaded) -> HistoryRow:
        if fact.manifest is not None:
            self._manifest_of[fact.digest] = fact.manifest
        manifest = self._manifest_of.get(fact.digest, NO_MANIFEST)
        last = self._last.get(fact.code_location)
        self._last[fact.code_location] = fact.digest
        return HistoryRow(
            position=recorded.position,
            at=recorded.at,
            code_location=fact.code_location,
            status="loaded",
            digest=fact.digest,
            sdk_version=manifest.get("sdk_version"),
            python_version=manifest.get("python_version"),
            assets=len(manifest["assets"]),
            is_first=last is None,
            is_as_before=last == fact.digest,
            changes=changes_between(self._manifest_of.get(last or "", NO_MANIFEST), manifest),
        )


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
