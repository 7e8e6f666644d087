"""Where the files of a run are: here, or on the machine that ran it."""

import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import msgspec

from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import LeaderElected, RunLaunched, RunStarted
from events.log import Filter


class Elsewhere(msgspec.Struct, frozen=True):
    """Files that cannot be read here."""

    host: str
    folder: str  # there
    told: str  # where to look, in a sentence


class RunFiles(msgspec.Struct, frozen=True):
    """Where the files of a run are, or would be."""

    folder: Path
    elsewhere: Elsewhere | None = None  # None: if anywhere, they are here


async def files_of(records: Records, run_id: str) -> RunFiles:
    """Where the files of a run are; a standby's may lie in another home than ours, or on another host."""
    from daemon.launching.local import RUNS_FOLDER  # noqa: PLC0415 -- structlog, which --help need not wait for

    leads = await _leads(records)
    homes = dict.fromkeys([records.place.home, *(Path(lead.home) for _, lead in leads if lead.home)])
    folders = [home / RUNS_FOLDER / run_id for home in homes]
    found = await anyio.to_thread.run_sync(_first_there, folders)
    if found is not None:
        return RunFiles(found)
    host, home = await _ran_on(records, run_id, leads)
    here = socket.gethostname()
    if host is None or host == here:
        return RunFiles(folders[0])
    folder = (records.place.home if home is None else Path(home)) / RUNS_FOLDER / run_id
    told = (
        f"It ran on {host}, where its files are in {folder} as long as they are kept; "
        f"{here}, which was asked, does not have them."
    )
    return RunFiles(folder, Elsewhere(host, str(folder), told))


async def _ran_on(
    records: Records, run_id: str, leads: list[tuple[int, LeaderElected]]
) -> tuple[str | None, str | None]:
    """The host that a run was on, and the home it was launched from, as far as the log says so."""
    launched, host = 0, None
    about = Filter(run_id=run_id, types=frozenset({RunLaunched.__name__, RunStarted.__name__}))
    async for recorded in _every(records, about):
        match recorded.fact:
            case RunLaunched():
                launched = recorded.position
            case RunStarted():
                host = recorded.fact.host
            case _:
                pass
    lead = next((lead for position, lead in leads if position < launched), None)
    if lead is None:
        return host, None
    return host or lead.host, lead.home


async def _leads(records: Records) -> list[tuple[int, LeaderElected]]:
    """Who led the log, from which position on; the newest first."""
    elections = Filter(types=frozenset({LeaderElected.__name__}))
    return [
        (recorded.position, recorded.fact)
        async for recorded in _every(records, elections, newest_first=True)
        if isinstance(recorded.fact, LeaderElected)
    ]


async def _every(
    records: Records, matching: Filter, *, newest_first: bool = False
) -> AsyncGenerator[Recorded, None]:
    async with aclosing(records.log.read(matching=matching, newest_first=newest_first)) as batches:
        async for batch in batches:
            for recorded in batch:
                yield recorded


def _first_there(folders: list[Path]) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)
