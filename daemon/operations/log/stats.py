"""How many facts there are of what, and what uses the space."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from anyio import to_thread

from daemon.operations.log.kept import kept_log
from daemon.operations.operation import Question, operation
from daemon.operations.records import Place, Records
from events.amounts import Measured


class Files(msgspec.Struct, frozen=True):
    """Files below a folder."""

    folder: str
    folders: int  # directly in it: of runs, one a run
    files: int
    file_bytes: int


class Stats(msgspec.Struct, frozen=True):
    """The answer as JSON shows it."""

    log: Measured
    run_files: Files | None  # None: of a file, or where there are none
    embedded_database: Files | None  # None: it is a database of another server, or a file
    file_bytes: int | None = None  # of a file: its size


@operation("GET", "/log/stats")
async def log_stats(records: Records, asked: Question) -> Stats:  # noqa: ARG001 -- every operation's
    """Tell how many facts there are by type and by day, and what uses the space.

    Every fact and every file of a run is looked at: about a second for a million facts, and as much for
    100,000 runs whose files are kept.
    """
    measured = await kept_log(records).measure()
    return Stats(measured, *await to_thread.run_sync(files_of, records.place))


def files_of(place: Place) -> tuple[Files | None, Files | None]:
    """The files of runs in the home, and those of the database where it is the home's own."""
    from daemon.launching.local import RUNS_FOLDER  # noqa: PLC0415 -- structlog, which --help need not wait for
    from events.embedded import data_folder, is_embedded  # noqa: PLC0415 -- half a second likewise

    is_own = place.database_url is not None and is_embedded(place.home, place.database_url)
    own = files_below(data_folder(place.home)) if is_own else None
    return files_below(place.home / RUNS_FOLDER), own


def files_below(folder: Path) -> Files | None:
    """How many files there are and how large they are; what goes away meanwhile counts nothing."""
    if not folder.is_dir():
        return None
    folders = sum(entry.is_dir(follow_symlinks=False) for entry in entries_of(folder))
    files = file_bytes = 0
    for entry in files_in(folder):
        with suppress(FileNotFoundError):
            file_bytes += entry.stat(follow_symlinks=False).st_size
            files += 1
    return Files(str(folder), folders, files, file_bytes)


def files_in(folder: Path | str) -> Iterator["os.DirEntry[str]"]:
    """Every file below a folder; links are entered by nobody."""
    for entry in entries_of(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from files_in(entry.path)
        else:
            yield entry


def entries_of(folder: Path | str) -> list["os.DirEntry[str]"]:
    """What is in a folder; nothing where it is gone or closed to us."""
    with suppress(FileNotFoundError, PermissionError), os.scandir(folder) as entries:
        return list(entries)
    return []
