"""Whether a file's facts are as they were written, without a database."""

import hashlib
from collections.abc import Callable

import msgspec

from events.files.chained import Chained, RowUnreadableError, misfit
from events.files.port import LogFile


class Flaw(msgspec.Struct, frozen=True):
    """The first thing in a file that is not as it was written."""

    reason: str
    place: str | None = None  # "line 7"; None: the file as a whole
    position: int | None = None


class Checker:
    """Walks along a file's rows."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._header = file.header
        self._last: Chained | None = None
        self._count = 0
        self._hashes = hashlib.sha256()

    def check(self, tell: Callable[[Chained], None] = lambda _: None) -> Flaw | None:
        """The first flaw; None for a file in which all is as it was written. Each good row is told."""
        try:
            for number in range(self._file.pages):
                for at, row in enumerate(self._file.page(number)):
                    reason = self._wrong_with(row)
                    if reason is not None:
                        return Flaw(reason, self._file.place(number, at), row.position)
                    self._last = row
                    self._count += 1
                    self._hashes.update(bytes.fromhex(row.hash))
                    tell(row)
        except RowUnreadableError as error:
            position = None if self._header.is_selection else self._header.first + error.row
            return Flaw(f"it cannot be read as a fact: {error.reason}", error.place, position)
        return self._wrong_at_the_end()

    def _wrong_with(self, row: Chained) -> str | None:
        last, header = self._last, self._header
        if last is None:
            if row.position != header.first:
                return f"the first fact should be at position {header.first}, and is at {row.position}"
            if row.previous != header.previous:
                return (
                    f"it follows the hash {row.previous}, and the file should begin after {header.previous}"
                )
        elif row.position <= last.position:
            return f"position {row.position} does not come after {last.position}"
        elif not header.is_selection and row.position != last.position + 1:
            return f"position {last.position + 1} is missing; the next is {row.position}"
        elif row.position == last.position + 1 and row.previous != last.hash:
            return f"it follows the hash {row.previous}, and the row before it has {last.hash}"
        return misfit(row)

    def _wrong_at_the_end(self) -> Flaw | None:
        header, last = self._header, self._last
        found = self._hashes.hexdigest() if header.is_selection else (last.hash if last else header.previous)
        end = last.position if last else 0
        if (self._count, end) != (header.count, header.last):
            return Flaw(
                f"it should hold {header.count:,} facts up to position {header.last:,}, and holds "
                f"{self._count:,} up to {end:,}"
            )
        if found != header.digest:
            return Flaw(f"its digest should be {header.digest}, and is {found}")
        return None
