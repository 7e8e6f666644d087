"""Facts as a file holds them: the row, its hash, and the hash of the row before it.

With that hash beside it each row can be checked alone, wherever the ones around it have gone.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw

from events import rows
from events.codec import canonical
from events.errors import LogError
from events.rows import Row

FORMAT: Final = 1  # of the files; raised when a reader of before would misunderstand one


class FileError(LogError):
    """A file is no export that this version can read, or cannot be used for what was asked."""


class HeaderChangedError(FileError):
    """What a file says of itself is not what was written there."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"the file {file} is not as it was written: {what} was changed.")


class RowUnreadableError(FileError):
    """A row of a file cannot be read, or is not written as an export writes it."""

    def __init__(self, row: int, place: str, reason: str) -> None:
        self.row = row  # counted from 0 in the whole file
        self.place = place  # such as "line 7"
        self.reason = reason
        super().__init__(f"{place} is no fact as an export writes it: {reason}")


class Header(msgspec.Struct, frozen=True):
    """What a file says of itself. Nothing in it is proved by the chain but what `checking` compares."""

    exported_at: datetime
    first: int  # the first row's position, or 1 in a file without facts
    last: int  # the last row's position; 0 in a file without facts
    count: int  # rows
    previous: str  # the hash of the row before the first, in hex
    digest: str  # the last row's hash; of a selection, the SHA-256 over the hashes of all its rows
    backfills: tuple[str, ...] = ()  # those that were selected; none: every row from the first to the last
    format: int = FORMAT

    @property
    def seal(self) -> str:
        """SHA-256 over all it says, in hex: tells that a byte of it was garbled, not who made it."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    @property
    def is_selection(self) -> bool:
        """Whether rows between the first and the last were left out."""
        return bool(self.backfills)

    @property
    def is_whole(self) -> bool:
        """Whether it begins where the log does, and leaves nothing out."""
        return self.first == 1 and not self.is_selection


class Chained(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row with its hash and its predecessor's, both in hex."""

    position: int
    id: str
    at: datetime
    type: str
    schema: int
    actor: str
    backfill_id: str | None
    run_id: str | None
    causation_id: str | None
    correlation_id: str | None
    data: Raw  # as it is in the file, or as jsonb writes it
    hash: str
    previous: str

    def row(self) -> Row:
        """The row with its data as it stands."""
        return Row(
            self.id,
            self.at,
            self.type,
            self.schema,
            self.actor,
            self.backfill_id,
            self.run_id,
            self.causation_id,
            self.correlation_id,
            bytes(self.data),
        )


class NotAsWrittenError(FileError):
    """A row does not have the hash that it should have."""

    def __init__(self, position: int, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(f"the log is not as it was written. Position {position}: {reason}")


def as_written(chained: Chained) -> Chained:
    """The row with canonical data, which has the hash that it says.

    :raises NotAsWrittenError: it has not.
    """
    written = msgspec.structs.replace(chained, data=Raw(canonical(bytes(chained.data))))
    reason = misfit(written)
    if reason is not None:
        raise NotAsWrittenError(chained.position, reason)
    return written


def misfit(chained: Chained) -> str | None:
    """Why the row is not as it was written; None if it is. Its data must be canonical."""
    try:
        previous = bytes.fromhex(chained.previous)
        (found,) = rows.chain(chained.position, previous, (chained.row(),))
    except (ValueError, msgspec.MsgspecError) as error:
        return f"its hash cannot be worked out ({error})"
    if found.hex() != chained.hash:
        return f"it is not as it was written: its hash is {chained.hash} and should be {found.hex()}"
    return None
