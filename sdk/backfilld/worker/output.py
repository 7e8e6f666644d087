"""The standard streams of the worker's processes, which user code may have replaced by anything."""

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

OUTPUT_FILES: Final = {1: "stdout.log", 2: "stderr.log"}  # by file descriptor


def standard_streams() -> tuple[TextIO, ...]:
    """What `print` and tracebacks are written to."""
    return tuple(stream for stream in (sys.stdout, sys.stderr) if stream is not None)


def flush_output() -> None:
    """Empty the buffers of the standard streams: a fork would copy what they hold, and a kill lose it."""
    for stream in standard_streams():
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def write_error(text: str) -> None:
    """Tell the reader of ``stderr.log``, if anybody can be told."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)


def redirect_output(folder: str) -> None:
    """From here on this process and all it starts write into the run's folder, at the end of the file."""
    for descriptor, name in OUTPUT_FILES.items():
        log = os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.dup2(log, descriptor)
        os.close(log)
