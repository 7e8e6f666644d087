"""What changed between two moments of the log."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from anyio import to_thread
from msgspec import UNSET, UnsetType

from backfilld.partitions import UNPARTITIONED
from backfilld.range_text import format_ranges
from backfilld.ranges import Ranges
from daemon.manifest_changes import NO_MANIFEST, changes_between
from daemon.operations.asset_names import no_asset_text
from daemon.operations.ended_runs import EndedRuns, ended_runs
from daemon.operations.errors import RefusedError, UnknownError, UsageError
from daemon.operations.fields import Part, WithText, said
from daemon.operations.moment import Moment, moment_of, typed_moment
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from events.facts import LeaderElected
from projections.difference import (
    BackfillChange,
    Between,
    CodeChange,
    KeysChange,
    PartitionsChange,
    PoolChange,
    backfill_changes,
    code_changes,
    fates_within,
    keys_changes,
    new_leader,
    partitions_changes,
    pool_changes,
)
from projections.sets import keys_of

RANGES_SHOWN = 20  # of each change of an asset


class DiffAsked(Question, frozen=True, kw_only=True):
    """Between which moments, and of what; a backfill and an asset exclude each other."""

    from_: Annotated[
        str, said("The earlier moment: a time, a time ago (2h), a position; 0 is before the first fact.")
    ]
    to: Annotated[str, said("The later moment; now, where none is given.")] = "now"
    backfill: Annotated[str | None, said("Only what became of this backfill.")] = None
    asset: Annotated[str | None, said("Only what became of this asset.")] = None
    limit: Annotated[
        Part,
        said(
            "At most so many ranges of each change of an asset, and runs named; 0 for all. Counts are of all."
        ),
    ] = RANGES_SHOWN
    with_text: WithText = False
    with_runs: Annotated[bool, said("Name the first runs that ended; counting alone is quicker.")] = True


class Keys(msgspec.Struct, frozen=True):
    """Partitions: all counted, the first ranges listed."""

    count: int
    ranges: tuple[tuple[str, str], ...] | None  # None: the asset has no partitions
    text: str | UnsetType = UNSET  # those ranges as range text, where it was asked for
    ranges_left: int | UnsetType = UNSET  # that are not listed; likewise


class BackfillDifference(BackfillChange, frozen=True):
    """What became of a backfill, and how its runs ended."""

    ended_runs: dict[str, EndedRuns] = msgspec.field(default_factory=dict)  # by outcome


class PartitionsDifference(msgspec.Struct, frozen=True):
    """What became of the partitions of an asset."""

    asset: str
    became: dict[str, Keys]  # by the status, or in a backfill the fate, that they got
    appeared: Keys  # windows that have ended since, keys that were added
    gone: int  # how many partitions it has no more


class CodeDifference(CodeChange, frozen=True):
    """What became of a code location, and which assets and jobs its new manifest changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    # asset -> what of it, as the manifest names it
    changed: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    jobs: tuple[str, ...] = ()  # added, removed or changed


class Difference(msgspec.Struct, frozen=True):
    """All that changed; of a backfill or an asset, only what became of that."""

    begin: Moment = msgspec.field(name="from")
    end: Moment = msgspec.field(name="to")
    facts: int  # recorded between
    backfills: list[BackfillDifference]
    partitions: list[PartitionsDifference]
    code: list[CodeDifference] = []
    pools: list[PoolChange] = []
    dynamic_sets: list[KeysChange] = []
    leader: LeaderElected | None = None

    @property
    def is_any(self) -> bool:
        """Whether anything changed."""
        changes = (self.backfills, self.partitions, self.code, self.pools, self.dynamic_sets)
        return any(changes) or self.leader is not None


@operation("GET", "/diff")
async def diff(records: Records, asked: DiffAsked) -> Difference:
    """Show what changed between two moments: backfills, partitions, code, pools, dynamic keys, the leader.

    The limit bounds the ranges listed of each change of an asset and the runs named, never the counts.

    :raises UnknownError: there is no such backfill or asset.
    :raises RefusedError: the log has no such moment, or the second is before the first.
    """
    if asked.backfill is not None and asked.asset is not None:
        raise UsageError("--backfill and --asset cannot be combined: give one of them.")
    if asked.backfill is None:
        records.need_all_facts("all that changed, but with --backfill what changed of one")
    start, stop = await moments(records, asked)
    between = Between(
        before=await records.world_at(start.position),
        before_at=start.at,
        after=await records.world_at(stop.position),
        after_at=max(start.at, stop.at),  # A fact that was recorded late is of before.
    )
    if asked.backfill is not None:
        # Its name is checked in the later world, where it is if it ever was by then.
        await records.backfill(between.after, asked.backfill)
    # Both worlds are nobody else's, so the event loop need not wait for what is made of them.
    changes = await to_thread.run_sync(changes_of_backfills, between, asked)
    ended = await ended_runs(
        records,
        changes,
        first=start.position,
        last=stop.position,
        named_max=asked.limit if asked.with_runs else None,
    )
    return await to_thread.run_sync(difference, between, (start, stop), asked, with_ends(changes, ended))


async def moments(records: Records, asked: DiffAsked) -> tuple[Moment, Moment]:
    """Both moments of the log; the earlier one may be before its beginning.

    :raises RefusedError: the log has no such moment, or the second is before the first.
    """
    first, second = typed_moment(asked.from_, "--from"), typed_moment(asked.to, "--to")
    now = records.clock.now()
    start = await moment_of(records.log, first, now, or_beginning=True)
    stop = await moment_of(records.log, second, now)
    # Of one position and two times, windows may have ended between.
    if (start.position, start.at) > (stop.position, stop.at):
        raise RefusedError(f"--from is later than --to: {start} comes after {stop}.")
    return start, stop


def changes_of_backfills(between: Between, asked: DiffAsked) -> list[BackfillChange]:
    """What became of the backfills that are asked for; of an asset, what became of it in them.

    :raises UnknownError: there is no such asset.
    """
    changes, asset = backfill_changes(between), asked.asset
    if asset is None:
        return [change for change in changes if asked.backfill in {None, change.id}]
    if not any(asset in world.catalog.assets for world in (between.before, between.after)):
        raise UnknownError(no_asset_text(between.after, asset))
    return [
        msgspec.structs.replace(change, partitions={asset: change.partitions[asset]})
        for change in changes
        if asset in change.partitions
    ]


def with_ends(
    changes: list[BackfillChange], ended: Mapping[str, dict[str, EndedRuns]]
) -> list[BackfillDifference]:
    """What became of backfills, with how their runs ended."""
    return [
        BackfillDifference(**msgspec.structs.asdict(each), ended_runs=ended.get(each.id, {}))
        for each in changes
    ]


def difference(
    between: Between, ends: tuple[Moment, Moment], asked: DiffAsked, backfills: list[BackfillDifference]
) -> Difference:
    """All that is asked for, with what became of backfills, which is known already."""
    start, stop = ends
    facts = stop.position - start.position
    if asked.backfill is not None or asked.asset is not None:
        fates = (
            partitions_changes(between, asked.asset)
            if asked.backfill is None
            else fates_within(between, asked.backfill)
        )
        return Difference(start, stop, facts, backfills, [shown(each, asked) for each in fates])
    return Difference(
        begin=start,
        end=stop,
        facts=facts,
        backfills=backfills,
        partitions=[shown(each, asked) for each in partitions_changes(between)],
        code=[with_assets(between, change) for change in code_changes(between)],
        pools=pool_changes(between),
        dynamic_sets=keys_changes(between),
        leader=new_leader(between),
    )


def with_assets(between: Between, change: CodeChange) -> CodeDifference:
    """A change of code with the assets that it added, removed and changed."""
    manifest_of = between.after.known.manifest_of
    before = manifest_of.get(change.digest_before or "", NO_MANIFEST)
    changes = changes_between(before, manifest_of.get(change.digest or "", NO_MANIFEST))
    return CodeDifference(**msgspec.structs.asdict(change), **msgspec.structs.asdict(changes))


def shown(change: PartitionsChange, asked: DiffAsked) -> PartitionsDifference:
    """What became of the partitions of an asset, as it is told."""
    return PartitionsDifference(
        asset=change.asset,
        became={status: keys_shown(change, each, asked) for status, each in change.became.items()},
        appeared=keys_shown(change, change.appeared, asked),
        gone=change.gone,
    )


def keys_shown(change: PartitionsChange, ordinals: Ranges, asked: DiffAsked) -> Keys:
    """Partitions as they are told: all counted, the first ranges listed; an unpartitioned one has none."""
    first = Ranges(ordinals.intervals[: asked.limit]) if asked.limit else ordinals
    keys = keys_of(first, change.partitions)
    found = Keys(len(ordinals), None if keys is None else keys.ranges)
    if not asked.with_text:
        return found
    is_whole = change.partitions is UNPARTITIONED
    text = "" if is_whole else format_ranges(first, change.partitions)
    left = 0 if is_whole else len(ordinals.intervals) - len(first.intervals)
    return msgspec.structs.replace(found, text=text, ranges_left=left)
