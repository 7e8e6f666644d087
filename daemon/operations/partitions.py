"""How the partitions of an asset stand: how many and which, and all of them a page at a time."""

import heapq
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated

import msgspec
from anyio import to_thread
from msgspec import UNSET, UnsetType
from pyroaring import BitMap

from backfilld.partitions import Partitions
from backfilld.range_text import format_ranges
from backfilld.ranges import Ranges
from daemon.operations.asset_names import no_asset_text
from daemon.operations.dynamic_sets import no_keys_text
from daemon.operations.errors import UnknownError, UsageError, did_you_mean
from daemon.operations.fields import AssetKey, Part, WithText, said
from daemon.operations.moment import Moment
from daemon.operations.operation import ListQuestion, Page, PastQuestion, operation
from daemon.operations.paging import no_cursor
from daemon.operations.records import Records
from projections.asset_status import PARTITION_STATUSES, AssetStatus, PartitionStatus
from projections.catalog import AssetNode, partitions_at
from projections.sets import keys_of, stretches, stretches_total
from projections.world import World

RANGES_SHOWN = 20  # of each status

Bits = Mapping[PartitionStatus, BitMap]


class PartitionsAsked(PastQuestion, frozen=True, kw_only=True):
    """Of which asset, and how many ranges of each status."""

    asset: AssetKey
    status: Annotated[str | None, said(f"Only those that are {', '.join(PARTITION_STATUSES)}.")] = None
    limit: Annotated[
        Part, said("At most so many ranges of each status; 0 for all. Counts are of all of them.")
    ] = RANGES_SHOWN
    with_text: WithText = False


class StatusText(msgspec.Struct, frozen=True):
    """The partitions of a status for people."""

    text: str  # the listed ranges as range text
    ranges_left: int  # that are not listed


class StatusRanges(msgspec.Struct, frozen=True):
    """The partitions of a status."""

    count: int
    ranges: tuple[tuple[str, str], ...] | None  # the first of them; None: the asset has no partitions


class PartitionsText(msgspec.Struct, frozen=True):
    """How an asset's partitions stand, for people."""

    partitions: str | None  # a few words for them; None: it has none
    only: PartitionStatus | None  # the status of an asset that has none
    statuses: dict[PartitionStatus, StatusText]
    notes: tuple[str, ...] = ()


class PartitionsShown(msgspec.Struct, frozen=True):
    """How an asset's partitions stand, as JSON shows it."""

    asset: str
    as_of: Moment | None  # None: now
    count: int
    statuses: dict[PartitionStatus, StatusRanges]
    text: PartitionsText | UnsetType = UNSET  # where it was asked for


class RangesAsked(ListQuestion, frozen=True, kw_only=True):
    """Of which asset, and which of its partitions; a cursor is the last key that was told."""

    asset: AssetKey
    status: Annotated[str | None, said(f"Only those that are {', '.join(PARTITION_STATUSES)}.")] = None


class StatusRange(msgspec.Struct, frozen=True):
    """Neighbouring partitions that stand alike."""

    status: PartitionStatus
    first: str
    last: str
    count: int


@operation("GET", "/partitions/{asset:path}")
async def partitions(records: Records, asked: PartitionsAsked) -> PartitionsShown:
    """Show which partitions of an asset are materialized, in progress, failed, skipped or missing.

    The limit bounds the ranges listed of each status, never the counts; `/partition-ranges` lists all.

    :raises UnknownError: there is no such asset.
    :raises UsageError: there is no such status.
    """
    chosen = known_status(asked.status)
    records.need_all_facts("how partitions stand")
    world = await records.world()
    node, existing, bits = bits_of(world, asked.asset, records)
    by_status = {each: bits[each] for each in PARTITION_STATUSES if chosen in {None, each}}
    is_partitioned = node.definition is not None
    words = PartitionsText(
        partitions=existing.described().removeprefix("the ") if is_partitioned else None,
        only=None if is_partitioned else next(each for each in PARTITION_STATUSES if bits[each]),
        statuses={},
        notes=tuple(_empty_sets(world, node)),
    )
    frame = PartitionsShown(
        asked.asset, records.moment, len(existing), {}, words if asked.with_text else UNSET
    )
    # The keys of many ranges are not the event loop's; the bits are nobody else's.
    return await to_thread.run_sync(_with_ranges, frame, existing, by_status, asked.limit)


def _with_ranges(frame: PartitionsShown, existing: Partitions, bits: Bits, limit: int) -> PartitionsShown:
    """The answer with the first ranges of each status, and their text where there are words around it."""
    first = {each: _first_of(found, limit) for each, found in bits.items()}
    keys = {each: keys_of(ranges, existing) for each, ranges in first.items()}
    statuses = {
        each: StatusRanges(len(found), None if (listed := keys[each]) is None else listed.ranges)
        for each, found in bits.items()
    }
    words = frame.text
    if words is not UNSET and words.partitions is not None:
        texts = {
            each: StatusText(
                format_ranges(ranges, existing), stretches_total(bits[each]) - len(ranges.intervals)
            )
            for each, ranges in first.items()
        }
        words = msgspec.structs.replace(words, statuses=texts)
    return msgspec.structs.replace(frame, statuses=statuses, text=words)


@operation("GET", "/partition-ranges/{asset:path}")
async def partition_ranges(records: Records, asked: RangesAsked) -> Page[StatusRange]:
    """List the partitions of an asset in their order, as ranges that stand alike; of any number, a page each.

    :raises UnknownError: there is no such asset.
    :raises UsageError: there is no such status, or the cursor is no key of it, or not any more.
    """
    chosen = known_status(asked.status)
    records.need_all_facts("how partitions stand")
    node, existing, bits = bits_of(await records.world(), asked.asset, records)
    if node.definition is None:
        raise UsageError(f"{asked.asset} has no partitions, so there are no ranges of them.")
    begin = 0
    if asked.cursor is not None:
        last = existing.find(asked.cursor)
        if last is None:
            raise no_cursor(asked.cursor)
        begin = last + 1
    found = _in_order({each: bits[each] for each in bits if chosen in {None, each}}, begin)
    limit = asked.limit
    rows = list(islice(found, limit + 1 if limit else None))
    shown = rows[: limit or None]
    items = [
        StatusRange(status, existing.key(start), existing.key(stop - 1), stop - start)
        for start, stop, status in shown
    ]
    return Page(items, items[-1].last if len(rows) > len(items) else None)


def bits_of(world: World, asset: str, records: Records) -> tuple[AssetNode, Partitions, Bits]:
    """An asset, the partitions that it has, and how they stand.

    :raises UnknownError: there is no such asset.
    """
    node, now = world.catalog.assets.get(asset), records.now()
    if node is None:
        raise UnknownError(no_asset_text(world, asset))
    existing = partitions_at(node.definition, now)
    return node, existing, world.statuses(now).get(asset, AssetStatus()).bits_by_status(existing.all())


def known_status(typed: str | None) -> PartitionStatus | None:
    """The status that was typed, however its words are joined.

    :raises UsageError: there is no such status.
    """
    if typed is None:
        return None
    for status in PARTITION_STATUSES:
        if typed.lower().replace(" ", "_").replace("-", "_") == status:
            return status
    known = ", ".join(PARTITION_STATUSES)
    raise UsageError(f"no partition is {typed!r}, but {known}.{did_you_mean(typed, PARTITION_STATUSES)}")


def _first_of(bits: BitMap, limit: int) -> Ranges:
    """The first stretches; 0 for all."""
    return Ranges(islice(stretches(bits), limit or None))


def _in_order(bits: Bits, begin: int) -> Iterator[tuple[int, int, PartitionStatus]]:
    """The stretches of all statuses, the first of them first."""

    def of(status: PartitionStatus) -> Iterator[tuple[int, int, PartitionStatus]]:
        return ((start, stop, status) for start, stop in stretches(bits[status], begin))

    return heapq.merge(*map(of, bits))


def _empty_sets(world: World, node: AssetNode) -> Iterator[str]:
    """What to do about dynamic sets without keys."""
    for name in sorted(node.definition.dynamic_names) if node.definition is not None else ():
        if not world.known.dynamic.get(name):
            yield no_keys_text(name)
