"""What every form of file offers, and the making of one that is there whole or not at all."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, Protocol

from events.files.chained import Chained, FileError, Header

PAGE_ROWS: Final = 5_000  # rows that are in memory at once


class LogFile(Protocol):
    """A file with facts of a log, open for reading. Its rows lie in pages, in the order of positions."""

    @property
    def header(self) -> Header:
        """What it says of itself."""
        ...

    @property
    def pages(self) -> int:
        """How many there are."""
        ...

    @property
    def starts(self) -> Sequence[int]:
        """The position of the first row of each page.

        :raises RowUnreadableError: one cannot be read.
        """
        ...

    def page(self, number: int) -> list[Chained]:
        """The rows of a page.

        :raises RowUnreadableError: there is one that cannot be read.
        """
        ...

    def place(self, page: int, row: int) -> str:
        """Where a row is, such as "line 7"; counted from 0 within its page."""
        ...

    def close(self) -> None:
        """Gives it up."""
        ...


class ByteSink(Protocol):
    """Where bytes go."""

    def write(self, text: bytes, /) -> int:
        """Writes them all."""
        ...

    def flush(self) -> None:
        """Lets them out."""
        ...


class RowWriter(Protocol):
    """Takes rows into a file."""

    def write(self, rows: Sequence[Chained]) -> None:
        """Adds rows, whose data is canonical, behind those before."""
        ...

    def close(self) -> None:
        """Completes the file."""
        ...


@contextmanager
def replaced(path: Path, *, is_forced: bool) -> Iterator[IO[bytes]]:
    """A new file that takes the path's place once the block has ended well, and is gone if it has not.

    :raises FileError: there is a file already and it is not ``is_forced``, or none can be written there.
    """
    refuse_existing(path, is_forced=is_forced)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        refuse_existing(path, is_forced=is_forced)
        unfinished.replace(path)
    except OSError as error:
        raise FileError(f"the file {path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def refuse_existing(path: Path, *, is_forced: bool) -> None:
    """Nothing, if a file may be written there.

    :raises FileError: there is one already.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise FileError(f"the file {path} is no ordinary file, and will not be replaced by one.")
    if path.exists() and not is_forced:
        raise FileError(f"there is a file {path} already; --force writes over it.")


OpenWriter = Callable[[IO[bytes], Header], RowWriter]
