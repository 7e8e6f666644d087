"""`backfilld diff`: what changed between two moments."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from backfilld.partitions import UNPARTITIONED
from backfilld.range_text import format_ranges
from backfilld.ranges import Ranges
from daemon.cli.ended_runs import EndedRuns, ended_runs, ended_text
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import with_records
from daemon.cli.output import Format, status_style
from daemon.fact_text import counted, keys_text
from daemon.manifest_changes import NO_MANIFEST, Changes, changes_between, words
from daemon.not_loaded_text import failure_text
from daemon.operations.asset_names import no_asset_text
from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.moment import Moment, TypedMoment, moment_of, typed_moment
from daemon.operations.records import Records
from events.facts import LeaderElected
from projections.difference import (
    BackfillChange,
    Between,
    CodeChange,
    KeysChange,
    Limits,
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
DIGEST_SHOWN = 12  # characters, as everywhere

FromOption = Annotated[
    str, typer.Option("--from", metavar="TIME|POSITION", help="The earlier moment.", show_default=False)
]
ToOption = Annotated[
    str, typer.Option("--to", metavar="TIME|POSITION", help="The later moment; now, where none is given.")
]
BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help="Only what became of this backfill.", show_default=False),
]
AssetOption = Annotated[
    str | None,
    typer.Option("--asset", metavar="ASSET", help="Only what became of this asset.", show_default=False),
]


class Code(msgspec.Struct, frozen=True):
    """What became of a code location, and what its new manifest changed."""

    change: CodeChange
    assets: Changes


class Difference(msgspec.Struct, frozen=True):
    """All that changed; of a backfill or an asset, only what became of that."""

    begin: Moment
    end: Moment
    backfills: list[BackfillChange]
    partitions: list[PartitionsChange]
    code: list[Code] = []
    pools: list[PoolChange] = []
    keys: list[KeysChange] = []
    leader: LeaderElected | None = None
    ended_runs: dict[str, dict[str, EndedRuns]] = {}  # by backfill and outcome

    def __bool__(self) -> bool:
        changes = (self.backfills, self.partitions, self.code, self.pools, self.keys)
        return any(changes) or self.leader is not None


@command
def diff(
    invocation: Invocation,
    *,
    begin: FromOption,
    end: ToOption = "now",
    backfill: BackfillOption = None,
    asset: AssetOption = None,
    limit: LimitOption = RANGES_SHOWN,
) -> None:
    """Show what changed between two moments: backfills, partitions, code, pools, dynamic keys, the leader.

    --limit bounds the ranges listed of each change of an asset, and in JSON the runs named, never the counts.

    backfilld diff --from 24h

    backfilld diff --from 2024-03-01 --to 2024-03-02 --asset daily_sales
    """
    if backfill is not None and asset is not None:
        raise UsageError("--backfill and --asset cannot be combined: give one of them.")
    first, second = typed_moment(begin, "--from"), typed_moment(end, "--to")

    async def read(records: Records) -> Difference:
        if backfill is None:
            records.need_all_facts("all that changed, but with --backfill what changed of one")
        start, stop = await moments(records, first, second)
        found = await difference(records, start, stop)
        return msgspec.structs.replace(
            found,
            ended_runs=await ended_runs(
                records,
                found.backfills,
                first=start.position,
                last=stop.position,
                named_max=None if invocation.output.form is Format.TEXT else limit,
            ),
        )

    async def difference(records: Records, start: Moment, stop: Moment) -> Difference:
        between = Between(
            before=await records.world_at(start.position),
            before_at=start.at,
            after=await records.world_at(stop.position),
            after_at=stop.at,
        )
        if backfill is not None:
            # Its name is checked in the later world, where it is if it ever was by then.
            await records.backfill(between.after, backfill)
            changes = [change for change in backfill_changes(between) if change.id == backfill]
            return Difference(start, stop, changes, fates_within(between, backfill))
        if asset is not None:
            return of_asset(between, asset, start, stop)
        return Difference(
            begin=start,
            end=stop,
            backfills=backfill_changes(between),
            partitions=partitions_changes(between),
            code=[with_assets(between, change) for change in code_changes(between)],
            pools=pool_changes(between),
            keys=keys_changes(between),
            leader=new_leader(between),
        )

    found = with_records(invocation, read)
    invocation.output.value(plain(found, limit), lambda console: show(console, found, limit))


async def moments(records: Records, first: TypedMoment, second: TypedMoment) -> tuple[Moment, Moment]:
    """Both moments of the log; the earlier one may be before its beginning.

    :raises RefusedError: the log has no such moment, or the second is before the first.
    """
    now = records.clock.now()
    start = await moment_of(records.log, first, now, or_beginning=True)
    stop = await moment_of(records.log, second, now)
    if start.position > stop.position:
        raise RefusedError(f"--from is later than --to: {start} comes after {stop}.")
    return start, stop


def of_asset(between: Between, asset: str, start: Moment, stop: Moment) -> Difference:
    """What became of one asset, and in which backfills.

    :raises RefusedError: there is no such asset.
    """
    if asset not in between.after.catalog.assets:
        raise RefusedError(no_asset_text(between.after, asset))
    backfills = [
        msgspec.structs.replace(change, partitions={asset: change.partitions[asset]})
        for change in backfill_changes(between)
        if asset in change.partitions
    ]
    return Difference(start, stop, backfills, partitions_changes(between, asset))


def with_assets(between: Between, change: CodeChange) -> Code:
    """A change of code with the assets that it added, removed and changed."""
    manifest_of = between.after.known.manifest_of
    before = manifest_of.get(change.digest_before or "", NO_MANIFEST)
    return Code(change, changes_between(before, manifest_of.get(change.digest or "", NO_MANIFEST)))


def plain(found: Difference, limit: int) -> dict[str, object]:
    """The difference as JSON shows it."""
    return {
        "from": found.begin,
        "to": found.end,
        "facts": found.end.position - found.begin.position,
        "backfills": [
            msgspec.structs.asdict(change) | {"ended_runs": found.ended_runs.get(change.id, {})}
            for change in found.backfills
        ],
        "partitions": [
            {
                "asset": change.asset,
                "became": {status: keys_plain(change, each, limit) for status, each in change.became.items()},
                "appeared": keys_plain(change, change.appeared, limit),
                "gone": change.gone,
            }
            for change in found.partitions
        ],
        "code": [
            msgspec.structs.asdict(code.change) | msgspec.structs.asdict(code.assets) for code in found.code
        ],
        "pools": found.pools,
        "dynamic_sets": found.keys,
        "leader": found.leader,
    }


def keys_plain(change: PartitionsChange, ordinals: Ranges, limit: int) -> dict[str, object]:
    """Partitions as JSON shows them: all counted, the first ranges listed; an unpartitioned one has none."""
    keys = keys_of(first_of(ordinals, limit), change.partitions)
    return {"count": len(ordinals), "ranges": None if keys is None else keys.ranges}


def show(console: Console, found: Difference, limit: int) -> None:
    """Prints the difference for people."""
    facts = counted(found.end.position - found.begin.position, "fact")
    console.print(f"From {found.begin} to {found.end}: {facts}.", soft_wrap=True)
    if not found:
        console.print("Nothing changed.")
    for title, lines in (
        ("Backfills", (backfill_text(each, found.ended_runs.get(each.id, {})) for each in found.backfills)),
        ("Partitions", partitions_texts(found.partitions, limit)),
        ("Code", map(code_text, found.code)),
        ("Pools", map(pool_text, found.pools)),
        ("Dynamic sets", map(keys_change_text, found.keys)),
        ("Leader", map(leader_text, filter(None, [found.leader]))),
    ):
        show_part(console, title, lines)


def show_part(console: Console, title: str, lines: Iterable[Text | str]) -> None:
    """Prints the changes of one kind under their title; nothing where there are none."""
    for number, line in enumerate(lines):
        if number == 0:
            console.print()
            console.print(Text(title, style="bold"))
        console.print(Text("  ").append_text(Text(line) if isinstance(line, str) else line), soft_wrap=True)


def backfill_text(change: BackfillChange, ended: dict[str, EndedRuns]) -> Text:
    """What became of a backfill, on one line."""
    text = Text.assemble((change.id, "bold"), " ")
    if change.status_before is None:
        text.append(f"asked for ({' '.join(change.selection)}), ")
    elif change.status_before != change.status:
        text.append(f"{change.status_before} → ")
    text.append(change.status, style=status_style(change.status))
    counts: dict[str, int] = {}
    for fates in change.partitions.values():
        for fate, count in fates.items():
            counts[fate] = counts.get(fate, 0) + count
    if change.runs_launched or change.runs_ended:
        launched = counted(change.runs_launched, "run")
        text.append(f"; {launched} launched, {change.runs_ended:,} ended")
        text.append(f" ({ended_text(ended)})" if ended else "")
    if counts:
        text.append("; " + ", ".join(f"{count:,} {fate}" for fate, count in counts.items()))
    for field, (before, after) in change.amended.items():
        text.append(f"; {field.replace('_', ' ')} {limit_text(before)} → {limit_text(after)}")
    return text


def limit_text(value: object) -> str:
    """The value of something that can be amended, in words."""
    return "none" if value is None else str(value).replace("_", " ")


def partitions_texts(changes: list[PartitionsChange], limit: int) -> Iterable[Text]:
    """What became of partitions: a line for each asset and kind of change."""
    width = max((len(change.asset) for change in changes), default=0)
    for change in changes:
        for kind, ordinals in (*change.became.items(), ("new", change.appeared)):
            if ordinals:
                yield partitions_text(change, kind.replace("_", " "), len(ordinals), width).append(
                    ranges_shown(change, ordinals, limit)
                )
        if change.gone:
            yield partitions_text(change, "gone", change.gone, width)


def partitions_text(change: PartitionsChange, kind: str, count: int, width: int) -> Text:
    """How many partitions of an asset something became of."""
    return Text.assemble(
        (change.asset.ljust(width), "bold"), "  ", (kind.ljust(12), status_style(kind)), f"{count:>9,}  "
    )


def ranges_shown(change: PartitionsChange, ordinals: Ranges, limit: int) -> str:
    """The partitions as range text, the first ranges of it."""
    if change.partitions is UNPARTITIONED:
        return ""
    more = len(ordinals.intervals) - limit if limit else 0
    rest = f", … and {more:,} ranges more" if more > 0 else ""
    return format_ranges(first_of(ordinals, limit), change.partitions) + rest


def code_text(code: Code) -> str:
    """What became of a code location."""
    change, assets = code.change, code.assets
    told = []
    if change.digest != change.digest_before:
        before = "none" if change.digest_before is None else change.digest_before[:DIGEST_SHOWN]
        told.append(
            f"manifest {before} → {'none' if change.digest is None else change.digest[:DIGEST_SHOWN]}"
        )
    told += [f"{name} {keys_text(keys)}" for name, keys in named(assets).items() if keys]
    told += [f"{asset} changed ({words(fields)})" for asset, fields in assets.changed.items()]
    if change.not_loaded != change.not_loaded_before:
        told.append(state_text(change))
    return f"{change.code_location}: {'; '.join(told)}"


def named(assets: Changes) -> dict[str, tuple[str, ...]]:
    """What was added and removed, under words for it."""
    return {"added": assets.added, "removed": assets.removed, "jobs": assets.jobs}


def state_text(change: CodeChange) -> str:
    """Whether its newest code loads."""
    if change.not_loaded is None:
        return "loads again"
    failure = change.not_loaded.failure
    return "not given to the daemon" if failure is None else f"fails to load: {failure_text(failure)}"


def pool_text(change: PoolChange) -> str:
    """The limits of a pool before and after."""
    return f"{change.pool}: {limits_text(change.before)} → {limits_text(change.after)}"


def limits_text(limits: Limits) -> str:
    """Limits in a few words."""
    told = [] if limits.slots is None else [counted(limits.slots, "slot")]
    told += [] if limits.rate_per_minute is None else [f"{limits.rate_per_minute:g}/min"]
    told += [] if limits.only_between is None else [f"between {limits.only_between}"]
    return ", ".join(told) or "no limit"


def keys_change_text(change: KeysChange) -> str:
    """The keys that came and went."""
    told = [f"{len(keys):,} {name}: {keys_text(keys)}" for name, keys in (
        ("added", change.added), ("removed", change.removed)
    ) if keys]  # fmt: skip
    return f"{change.name}: {'; '.join(told)}"


def leader_text(leader: LeaderElected) -> str:
    """Who leads."""
    return f"process {leader.pid} on {leader.host}, version {leader.version}, took the lead"


def first_of(ordinals: Ranges, limit: int) -> Ranges:
    """The first stretches; 0 for all."""
    return Ranges(ordinals.intervals[:limit]) if limit else ordinals
