"""Files and folders that other users of the machine cannot look into, whatever the umask is."""

import os
import stat
from pathlib import Path
from typing import Final

FILE: Final = 0o600
FOLDER: Final = 0o700
PASSAGE: Final = 0o711  # a folder that others can pass through and not list, on the way to one of theirs
_LOOKS_IN: Final = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def make_home(home: Path) -> None:
    """Make the home folder where there is none; one that is there keeps its rights.

    Root's lets others pass through: PostgreSQL does not run as root, and its folder is inside.

    :raises OSError: it cannot be made.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=home_mode(), exist_ok=True)


def home_mode() -> int:
    """The rights of a home folder of this user."""
    return PASSAGE if os.geteuid() == 0 else FOLDER


def make_folders(folder: Path, mode: int) -> None:
    """Make the folder, and those above it that are not there, with these rights."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=mode, exist_ok=True)


def opened(path: Path, flags: int) -> int:
    """A descriptor of the file, which is made where it is not there; others are shut out if they were not."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE)
    found = os.fstat(descriptor)
    if stat.S_IMODE(found.st_mode) != FILE and found.st_uid == os.geteuid():
        os.fchmod(descriptor, FILE)
    return descriptor


def write(path: Path, content: bytes) -> None:
    """Have a file with that content, and nothing else, in it."""
    with open(opened(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def is_looked_into(folder: Path) -> bool:
    """Whether others can list what is in the folder, or change that."""
    return bool(folder.stat().st_mode & _LOOKS_IN)
