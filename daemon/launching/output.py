"""What user code prints, kept within bounds."""

import os
from pathlib import Path
from typing import Final

STANDARD_OUTPUT_FILE: Final = "stdout.log"
STANDARD_ERROR_FILE: Final = "stderr.log"
OUTPUT_BYTES_MAX: Final = 8 * 1024 * 1024
MARKER_BYTES_MAX: Final = 200


class BoundedOutput:
    """The two output files of one run. `trim` them now and then while it writes, and once it has ended.

    A file that has grown past its bound is cut back to its beginning and a line that says so; the run goes on
    writing behind that line, since it appends. (A limit by the kernel, RLIMIT_FSIZE, would hit the files that
    user code is there to write.)
    """

    def __init__(self, folder: Path, *, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._dropped = dict.fromkeys((folder / STANDARD_OUTPUT_FILE, folder / STANDARD_ERROR_FILE), 0)

    def trim(self) -> None:
        """Cut what is over the bound. Costs two looks at the file system where nothing is."""
        for path, dropped in self._dropped.items():
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            if size > self._bytes_max:
                self._dropped[path] = _cut(path, size=size, bytes_max=self._bytes_max, dropped=dropped)


def _cut(path: Path, *, size: int, bytes_max: int, dropped: int) -> int:
    """How many bytes were dropped in all, after cutting the file so that the marker ends it at the bound."""
    head = bytes_max - MARKER_BYTES_MAX
    dropped += size - head - (MARKER_BYTES_MAX if dropped else 0)
    marker = (
        f"\n[backfilld: output is kept up to {bytes_max:,} bytes; {dropped:,} bytes left out here]\n".encode()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, head)
        os.write(descriptor, marker.rjust(MARKER_BYTES_MAX))
    finally:
        os.close(descriptor)
    return dropped
