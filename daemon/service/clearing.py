"""Removing the files of runs that ended long ago, a few at a time, beside everything else."""

import os
import shutil
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import structlog

from daemon.clock import Clock
from daemon.launching.local import RUNS_FOLDER
from daemon.launching.report import REPORT_FILE, lock_holder
from events.errors import LogUnavailableError
from projections.tables.store import ProjectionStore

LOOKED_AT_ONCE: Final = 200  # folders
BETWEEN_FOLDERS_S: Final = 0.005  # so that a disk is never kept busy by this alone
LOOK_EVERY_MIN_S: Final = 1.0
LOOK_EVERY_MAX_S: Final = 3600.0

log = structlog.get_logger(__name__)


class Removed(NamedTuple):
    """What was removed of one run."""

    runs: int
    size_bytes: int


async def clear_run_files(home: Path, store: ProjectionStore, clock: Clock, kept_for: timedelta) -> None:
    """Remove the files of runs that have ended longer ago than that, now and then, for ever."""
    look_every_s = min(max(kept_for.total_seconds() / 24, LOOK_EVERY_MIN_S), LOOK_EVERY_MAX_S)
    while True:
        try:
            removed = await clear_once(home, store, clock, kept_for)
        except (LogUnavailableError, OSError) as error:
            log.warning("run_files.late", reason=str(error))
        else:
            if removed.runs:
                log.info("run_files.removed", runs=removed.runs, size_bytes=removed.size_bytes)
        await anyio.sleep(look_every_s)


async def clear_once(home: Path, store: ProjectionStore, clock: Clock, kept_for: timedelta) -> Removed:
    """What was removed. Only folders of runs that the tables know to have ended, and whose process is gone.

    :raises LogUnavailableError: the database is away.
    :raises OSError: the folder of all runs cannot be read.
    """
    runs = size_bytes = 0
    folder = home / RUNS_FOLDER
    names = iter(await anyio.to_thread.run_sync(_folders_in, folder))
    before = clock.now() - kept_for
    while some := list(islice(names, LOOKED_AT_ONCE)):
        for name in sorted(await store.ended_before(before, some)):
            freed = await anyio.to_thread.run_sync(partial(_remove, folder / name))
            runs += freed is not None
            size_bytes += freed or 0
            await anyio.sleep(BETWEEN_FOLDERS_S)
    return Removed(runs, size_bytes)


def _folders_in(folder: Path) -> list[str]:
    """The names of the folders in it; a link to one is none."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _remove(folder: Path) -> int | None:
    """How many bytes the run's files had, now that they are gone; None if they are not."""
    if lock_holder(folder / REPORT_FILE) is not None:
        return None
    size_bytes = 0
    for path, _, names in os.walk(folder):  # It enters no link, as removing does not.
        for name in names:
            with suppress(FileNotFoundError):
                size_bytes += (Path(path) / name).lstat().st_size
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return None  # Somebody else removes them too; what is left is for the next look.
    except OSError as error:
        log.warning("run_files.not_removed", run_id=folder.name, reason=str(error))
        return None
    return size_bytes
