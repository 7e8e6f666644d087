"""The manifests over time, and what each changed."""

from contextlib import aclosing
from datetime import datetime
from typing import Final, Literal

import msgspec

from daemon.manifest_changes import NO_MANIFEST, Changes, Manifest, changes_between
from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import page_of
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import DefinitionsFailed, DefinitionsLoaded, DefinitionsWithdrawn, Failure
from events.log import Filter

DEFINITIONS: Final = frozenset(
    fact.__name__ for fact in (DefinitionsLoaded, DefinitionsFailed, DefinitionsWithdrawn)
)


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
    changes: Changes = msgspec.field(default_factory=Changes)  # against the last one of this code location
    failure: Failure | None = None
    runs_held: bool = False  # its runs wait from here on


@operation("GET", "/manifests")
async def manifests(records: Records, asked: ListQuestion) -> Page[HistoryRow]:
    """List what became of the code locations' definitions over time, newest first.

    :raises UsageError: the cursor is none.
    """
    telling = History()
    rows: list[HistoryRow] = []
    async with aclosing(records.log.read(upto=records.upto, matching=Filter(types=DEFINITIONS))) as batches:
        async for batch in batches:
            rows += filter(None, map(telling.row, batch))
    return page_of(rows[::-1], asked, lambda row: str(row.position))


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
