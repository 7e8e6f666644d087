"""How facts get out of PostgreSQL's log: as JSON arrays, a row each, by COPY.

That leaves Python the least to do: the rows arrive as bytes that msgspec decodes at once, where a record of
the driver's would be taken apart value by value. They are decoded few at a time, so that what one step
makes is folded, and gone, before it has left the processor's cache: by the thousand it takes three times
as long.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, asyncpg

from events import codec, rows
from events.envelope import Recorded
from events.files.chained import Chained
from events.log import Filter
from events.matching import PARTITION_TYPES, RUN_NUMBER, RunNumbers, lower
from events.narrowing import Scope
from events.schema import log

DECODED_AT_ONCE: Final = 250  # rows
BRANCHES_MAX: Final = 64  # merged; more of them take longer to plan than to read along the positions
# What log_by_actor leaves out, and log_by_rare_type.
DAEMON: Final = "daemon"
RUN_PREFIX: Final = "run "
FREQUENT_TYPES: Final = frozenset({"PartitionMaterialized", "RunLaunched", "RunStarted", "RunSucceeded"})
# What keeps the planner to the one index that has the rows in order: without statistics, as after a bulk
# append, it would rather sort all that is left of the log for every batch.
SETTINGS: Final = {"enable_sort": "off", "enable_bitmapscan": "off"}

_ENVELOPE: Final = (
    log.c.position, log.c.id, log.c.at, log.c.type, log.c.schema, log.c.actor, log.c.backfill_id,
    log.c.run_id, log.c.causation_id, log.c.correlation_id, log.c.data,
)  # fmt: skip


class Stored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of the log; its fields stand in the order they are asked for."""

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
    data: msgspec.Raw  # as jsonb writes it


class Hashed(Stored, frozen=True, array_like=True, gc=False):
    """A row with its hash."""

    hash: str  # in hex


_decode_chained: Final = msgspec.json.Decoder(list[Chained]).decode
_decode_stored: Final = msgspec.json.Decoder(list[Stored]).decode
_decode_hashed: Final = msgspec.json.Decoder(list[Hashed]).decode


class Which(msgspec.Struct, frozen=True):
    """Which rows are wanted: those with ``after < position <= upto`` that match.

    Where the filter names an asset, only those of ``scopes`` are: the backfills that target it.
    """

    after: int
    upto: int
    matching: Filter | None = None
    newest_first: bool = False
    scopes: tuple[Scope, ...] = ()

    def selecting(self, limit: int) -> Select[Any]:
        """The statement that reads the first ``limit`` of them, as `Stored`.

        What no single index has in order is selected in branches that have one each, and merged.
        """
        matching = self.matching or Filter()
        by_runs = bool(matching.run_ids) and matching.backfill_id is None and matching.run_id is None
        of_each = msgspec.structs.replace(matching, run_ids=frozenset()) if by_runs else matching
        conditions = [log.c.position > self.after, log.c.position <= self.upto, *conditions_of(of_each)]
        if matching.asset is not None:
            conditions.append(about(self.scopes, matching.asset))
        if by_runs:
            return self._of_runs(sorted(matching.run_ids), conditions, limit)
        branches = self._branches(matching)
        if matching.id is not None:
            # Of one row any order is the order: that of its index keeps the planner to it.
            return select(func.json_build_array(*_ENVELOPE)).where(*conditions).order_by(log.c.id).limit(1)
        if len(branches) < 2:
            statement = select(func.json_build_array(*_ENVELOPE)).where(*conditions, *branches)
            return statement.order_by(self._ordered(log.c.position)).limit(limit)
        merged = union_all(*(select(*_ENVELOPE).where(*conditions, branch) for branch in branches)).subquery()
        statement = select(func.json_build_array(*merged.c))
        return statement.order_by(self._ordered(merged.c.position)).limit(limit)

    def _of_runs(
        self, run_ids: Sequence[str], conditions: Sequence[ColumnElement[bool]], limit: int
    ) -> Select[Any]:
        """The same of many runs: each is looked up by its id, however many they are."""
        every = func.unnest(cast(array(run_ids), ARRAY(Text)))
        asked = every.table_valued("run_id", name="asked").render_derived()
        of_one = select(*_ENVELOPE).where(*conditions, log.c.run_id == asked.c.run_id)
        found = of_one.order_by(self._ordered(log.c.position)).limit(limit).lateral("found")
        statement = select(func.json_build_array(*found.c)).select_from(asked).join(found, true())
        return statement.order_by(self._ordered(found.c.position)).limit(limit)

    def _branches(self, matching: Filter) -> list[ColumnElement[bool]]:
        """Conditions of which one must hold, and no two can."""
        if matching.backfill_id is not None or matching.run_id is not None:
            return []
        if are_rare(matching.types):
            return [log.c.type == name for name in sorted(matching.types)]
        if len(self.scopes) > BRANCHES_MAX or by_person(matching.actor):
            return []
        return [log.c.backfill_id == scope.backfill_id for scope in self.scopes]

    def _ordered(self, position: ColumnElement[int]) -> ColumnElement[int]:
        return position.desc() if self.newest_first else position

    def beyond(self, lines: Sequence[bytes]) -> "Which":
        """What is left of them after those in the lines, of which there is at least one."""
        last = int(lines[-1][1 : lines[-1].index(b",")])
        if self.newest_first:
            return msgspec.structs.replace(self, upto=last - 1)
        return msgspec.structs.replace(self, after=last)


def conditions_of(matching: Filter) -> Iterator[ColumnElement[bool]]:
    """What must hold of a row, but for what the filter says of an asset."""
    if matching.backfill_id is not None:
        yield log.c.backfill_id == matching.backfill_id
    if matching.run_id is not None:
        yield log.c.run_id == matching.run_id
    if matching.run_ids:
        yield log.c.run_id.in_(sorted(matching.run_ids))
    if matching.positions:
        yield log.c.position.in_(sorted(matching.positions))
    if matching.types:
        types = sorted(matching.types)
        yield log.c.type == types[0] if len(types) == 1 else log.c.type.in_(types)
    if matching.actor is not None:
        yield log.c.actor == matching.actor
        if by_person(matching.actor):
            # What the index leaves out; the planner does not find out for itself.
            yield log.c.actor != DAEMON
            yield log.c.actor.not_like(f"{RUN_PREFIX}%")
    if matching.since is not None:
        yield log.c.at >= matching.since
    if matching.until is not None:
        yield log.c.at < matching.until
    if matching.id is not None:
        yield log.c.id == matching.id
    if matching.causation_id is not None:
        yield log.c.causation_id == matching.causation_id
    if matching.text is not None:
        data = func.lower(cast(log.c.data, Text).collate("C"))
        yield func.strpos(data, lower(matching.text)) > 0


def are_rare(types: frozenset[str]) -> bool:
    """Whether types are named, and an index has all facts of them."""
    return bool(types) and FREQUENT_TYPES.isdisjoint(types)


def by_person(actor: str | None) -> bool:
    """Whether an actor is named, and an index has all facts of theirs."""
    return actor is not None and actor != DAEMON and not actor.startswith(RUN_PREFIX)


def is_scattered(matching: Filter) -> bool:
    """Whether what is wanted is few facts in all of the log, found without looking where they stand."""
    return matching.backfill_id is None and (are_rare(matching.types) or by_person(matching.actor))


def about(scopes: Sequence[Scope], asset: str) -> ColumnElement[bool]:
    """Whether a row is of one of the backfills and about the asset, as `events.matching` says it."""
    alike: dict[tuple[RunNumbers, bool], list[str]] = {}
    for scope in scopes:
        alike.setdefault((scope.numbers, scope.is_whole), []).append(scope.backfill_id)
    of_partitions = log.c.type.in_(PARTITION_TYPES)
    of_asset = log.c.data["asset"].astext == asset
    number = cast(func.substring(log.c.run_id, RUN_NUMBER), BigInteger)
    found: list[ColumnElement[bool]] = []
    for (numbers, is_whole), backfill_ids in alike.items():
        of_run = or_(*(number.between(first, last) for first, last in numbers))
        is_about = (
            or_(not_(of_partitions), of_asset)
            if is_whole
            else case((of_partitions, of_asset), (log.c.run_id.is_(None), true()), else_=of_run)
        )
        found.append(and_(log.c.backfill_id.in_(backfill_ids), is_about))
    return or_(false(), *found)


def selecting_hashes(*, after: int, limit: int) -> Select[Any]:
    """The statement that reads up to ``limit`` rows past ``after``, as `Hashed`."""
    statement = select(func.json_build_array(*_ENVELOPE, func.encode(log.c.hash, "hex")))
    return statement.where(log.c.position > after).order_by(log.c.position).limit(limit)


def selecting_digest(position: int) -> Select[Any]:
    """The statement that reads the hash of one row."""
    return select(log.c.hash).where(log.c.position == position).order_by(log.c.position).limit(1)


def among(backfills: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row is about one of the backfills or about none at all; every row where none is named."""
    if not backfills:
        return true()
    return or_(log.c.backfill_id.in_(sorted(backfills)), log.c.backfill_id.is_(None))


def selecting_chained(*, after: int, upto: int, limit: int, backfills: Sequence[str] = ()) -> Select[Any]:
    """The statement that reads up to ``limit`` rows past ``after``, as `Chained`."""
    before = log.alias("before")
    previous = select(func.encode(before.c.hash, "hex")).where(before.c.position == log.c.position - 1)
    statement = select(
        func.json_build_array(
            *_ENVELOPE,
            func.encode(log.c.hash, "hex"),
            func.coalesce(previous.scalar_subquery(), rows.NO_HASH.hex()),
        )
    )
    statement = statement.where(log.c.position > after, log.c.position <= upto, among(backfills))
    return statement.order_by(log.c.position).limit(limit)


async def copied(driver: Any, statement: Select[Any]) -> list[bytes]:  # noqa: ANN401 - asyncpg has no types
    """The JSON of each row that the statement selects, over asyncpg's connection."""
    chunks: list[bytes] = []

    async def gather(chunk: bytes) -> None:
        chunks.append(chunk)

    await driver.copy_from_query(as_text(statement), output=gather)
    # COPY doubles backslashes; JSON has none of the other characters that it would mark with one.
    return b"".join(chunks).replace(b"\\\\", b"\\").split(b"\n")[:-1]


def as_text(statement: Select[Any]) -> str:
    """The statement with its values in the text, quoted by SQLAlchemy: COPY takes no parameters."""
    dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def recorded(lines: Sequence[bytes]) -> Iterator[list[Recorded]]:
    """The facts in the rows' JSON, in order, some at a time.

    :raises LogUnreadableError: this version does not know one of them.
    """
    decode = codec.decode
    for first in range(0, len(lines), DECODED_AT_ONCE):
        yield [
            Recorded(
                row.position,
                row.id,
                row.at,
                row.actor,
                decode(row.position, row.type, row.schema, row.data),
                row.backfill_id,
                row.run_id,
                row.causation_id,
                row.correlation_id,
            )
            for row in _decode_stored(_array(lines[first : first + DECODED_AT_ONCE]))
        ]


def hashed(lines: Sequence[bytes]) -> Iterator[Hashed]:
    """The rows with their hashes, in order."""
    for first in range(0, len(lines), DECODED_AT_ONCE):
        yield from _decode_hashed(_array(lines[first : first + DECODED_AT_ONCE]))


def chained(lines: Sequence[bytes]) -> list[Chained]:
    """The rows with their hashes and their predecessors', in order."""
    return _decode_chained(_array(lines))


def _array(lines: Sequence[bytes]) -> bytes:
    return b"[%b]" % b",".join(lines)
