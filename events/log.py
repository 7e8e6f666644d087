"""The port of the log: what every log (PostgreSQL's, the one in memory) promises."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from events.envelope import Event, Recorded

READ_BATCH_MAX = 5_000  # facts


class Appended(msgspec.Struct, frozen=True):
    """The events are durable; ``positions`` stand in the order of the events given.

    An event whose id was in the log already has the position it got then, and was not written again.
    """

    positions: tuple[int, ...]
    head: int


class HeadMoved(msgspec.Struct, frozen=True):
    """Nothing was written: the log has grown past the head the decision was made at."""

    head: int


class Filter(msgspec.Struct, frozen=True):
    """Which facts to read; every condition given must hold. `events.matching` says it of a single fact."""

    backfill_id: str | None = None
    run_id: str | None = None
    types: frozenset[str] = frozenset()  # empty: all
    asset: str | None = None  # facts about it, as `events.matching` defines them
    actor: str | None = None
    since: datetime | None = None  # at or after this time
    until: datetime | None = None  # before this time
    text: str | None = None  # somewhere in the data's JSON, A to Z in either case; no index helps
    causation_id: str | None = None  # no index helps: name the backfill too
    id: str | None = None  # the one fact with it
    run_ids: frozenset[str] = frozenset()  # of these runs; empty: whatever `run_id` says
    positions: frozenset[int] = frozenset()  # at these; empty: anywhere


@runtime_checkable
class Sealed(Protocol):
    """A log that keeps the chain of hashes, and has each of its links at hand."""

    async def digest_at(self, position: int) -> str | None:
        """The hash of the row at a position, in hex: kept elsewhere, it proves what came before.

        None where there is no such row.
        """
        ...


class Log(Protocol):
    """An append-only sequence of facts with the promises of docs/log.md."""

    async def append(
        self, events: Sequence[Event], *, expected_head: int | None = None
    ) -> Appended | HeadMoved:
        """The events' positions once durable, all or nothing.

        With ``expected_head``, `HeadMoved` and nothing written if the log's head is another position (unless
        all ids are in the log already: then the first append's answer is given again). A cancelled call may
        or may not have written; calling again with the same ids settles it.

        :raises LogUnavailableError: the store cannot be reached; whether it was written is unknown.
        """
        ...

    async def head(self) -> int:
        """The last position; 0 for an empty log."""
        ...

    def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """Batches of the facts with ``after < position <= upto`` (None: the head when the call is made)."""
        ...

    async def wait_past(self, position: int) -> int:
        """The head, as soon as it is past ``position``. Reads no facts; woken and polling like `follow`."""
        ...

    def follow(self, *, after: int) -> AsyncGenerator[Sequence[Recorded], None]:
        """Batches of all facts past ``after`` for ever, none twice, none left out, as they are recorded.

        Woken by the store, and right without being woken: it polls behind that. Survives a restart of the
        store, waiting until it is back.
        """
        ...
