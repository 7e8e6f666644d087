"""Whether the chain of hashes through the log is whole."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from events import rows
from events.anchor import Anchor
from events.codec import canonical
from events.files.chained import Chained
from events.reading import Hashed

VERIFIED_AT_ONCE: Final = 5_000  # rows


class Verified(msgspec.Struct, frozen=True):
    """Every row fits its predecessor, from the first to the head."""

    head: int
    digest: str  # the last row's hash, in hex; kept elsewhere, it proves later that nothing was cut off


class Broken(msgspec.Struct, frozen=True):
    """The first row that does not fit, or, where rows are missing, the first that should be there."""

    position: int
    reason: str


class Chain:
    """Walks along the log, row by row: from its beginning, or from behind a row with a known hash."""

    def __init__(self, position: int = 0, digest: bytes = rows.NO_HASH) -> None:
        self.position = position
        self.hash = digest

    def end(self, head: int, digest: bytes) -> Verified | Broken:
        """The verdict when no row is left and the log is said to end at ``head`` with the hash ``digest``."""
        if self.position < head:
            return Broken(self.position + 1, f"there is no row, and the log's head is at {head}")
        if self.position > head:
            return Broken(head + 1, f"it was not appended: the log's head is at {head}")
        if self.hash != digest:
            return Broken(head, f"the log's head has another hash, {digest.hex()}")
        return Verified(head, digest.hex())

    def follow(self, stored: Iterable[Hashed]) -> Broken | None:
        """What is wrong with the first row that does not continue what was followed so far."""
        for row in stored:
            expected = self.position + 1
            if row.position != expected:
                return Broken(expected, f"there is no row; the next is at {row.position}")
            (found,) = rows.chain(expected, self.hash, (_as_written(row),))
            if found.hex() != row.hash:
                return Broken(
                    expected,
                    f"it is not as it was written: its hash is {row.hash} and should be {found.hex()}",
                )
            self.position, self.hash = expected, found
        return None


def resume(anchor: Anchor, found: Sequence[Chained]) -> Chain | Broken:
    """The chain to be followed from the anchor's row on, which is what was found at its position."""
    if not found:
        return Broken(
            anchor.position,
            "there is no row, and there was one when the anchor was saved: the end was cut off, or the "
            "anchor is another log's",
        )
    (row,) = found
    if row.hash != anchor.digest:
        return Broken(
            anchor.position,
            f"its hash is {row.hash} and was {anchor.digest} when the anchor was saved: it or one "
            "before it was changed since then, or the anchor is another log's",
        )
    return Chain(anchor.position - 1, bytes.fromhex(row.previous))


def _as_written(row: Hashed) -> rows.Row:
    return rows.Row(
        row.id,
        row.at,
        row.type,
        row.schema,
        row.actor,
        row.backfill_id,
        row.run_id,
        row.causation_id,
        row.correlation_id,
        canonical(row.data),
    )
