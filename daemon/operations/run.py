"""One run: what it was to fill, what came of it, and the end of what it printed."""

from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import anyio
import msgspec

from daemon.operations.errors import UnknownError
from daemon.operations.fields import RunId, said
from daemon.operations.log.shown import Shown, shown
from daemon.operations.moment import Moment
from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records
from daemon.operations.run_files import Elsewhere, files_of
from daemon.operations.run_names import unknown_run
from daemon.operations.run_output import PRINTED, tail
from daemon.operations.runs import RunRow
from events.log import Filter

LINES_SHOWN = 20


class RunAsked(PastQuestion, frozen=True, kw_only=True):
    """Which run, and how much of what it printed."""

    run_id: RunId
    lines: Annotated[
        int,
        msgspec.Meta(ge=0),
        said("How many of its last lines of output; 0 for all, up to a mebibyte."),
    ] = LINES_SHOWN


class RunShown(RunRow, frozen=True):
    """A run as JSON shows it by itself."""

    folder: str  # of its files
    files_removed: bool  # some time after its end
    facts: tuple[Shown, ...]
    stdout: str | None  # the last lines; None: there is no such file, or what it held then is not known
    stderr: str | None
    as_of: Moment | None  # None: now
    elsewhere: Elsewhere | None = None  # where its files are, if they cannot be read here

    @property
    def output_is_known(self) -> bool:
        """Whether what it had printed can be told: that of a run that was under way in the past is not."""
        return self.as_of is None or self.ended_at is not None


@operation("GET", "/runs/{run_id}")
async def run(records: Records, asked: RunAsked) -> RunShown:
    """Show one run: what it was to fill, what came of it, and the end of what it printed.

    :raises UnknownError: there is no such run.
    """
    rows = await records.rows("runs", limit=1, id=asked.run_id)
    if not rows:
        raise UnknownError(await unknown_run(records, asked.run_id))
    row = msgspec.convert(rows[0], RunRow)
    facts: list[Shown] = []
    matching = Filter(run_id=asked.run_id)
    async with aclosing(records.log.read(upto=records.upto, matching=matching)) as batches:
        async for batch in batches:
            facts.extend(shown(recorded) for recorded in batch)
    files = await files_of(records, asked.run_id)
    folder, elsewhere = files.folder, files.elsewhere
    found = RunShown(
        **msgspec.structs.asdict(row),
        folder=str(folder),
        files_removed=row.ended_at is not None and elsewhere is None and not folder.is_dir(),
        facts=tuple(facts),
        stdout=None,
        stderr=None,
        as_of=records.moment,
        elsewhere=elsewhere,
    )
    if elsewhere is not None or not found.output_is_known:
        return found
    printed = await anyio.to_thread.run_sync(_printed, folder, asked.lines)
    return msgspec.structs.replace(found, **printed)


def _printed(folder: Path, lines: int) -> dict[str, str | None]:
    return {stream: tail(folder / file, lines) for stream, file in PRINTED.items()}
