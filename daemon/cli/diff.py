"""`backfilld diff`: what changed between two moments."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import ask
from daemon.cli.output import Format, status_style
from daemon.fact_text import counted, keys_text
from daemon.manifest_changes import words
from daemon.not_loaded_text import failure_text
from daemon.operations.diff import (
    RANGES_SHOWN,
    BackfillDifference,
    CodeDifference,
    DiffAsked,
    Difference,
    Keys,
    PartitionsDifference,
)
from daemon.operations.diff import diff as difference_between
from daemon.operations.ended_runs import EndedRuns
from daemon.operations.errors import UsageError
from daemon.operations.fields import meaning_of
from daemon.operations.moment import typed_moment
from events.facts import LeaderElected
from projections.difference import KeysChange, Limits, PoolChange

DIGEST_SHOWN = 12  # characters, as everywhere

FromOption = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="TIME|POSITION",
        help=meaning_of(DiffAsked, "from_"),
        show_default=False,
    ),
]
ToOption = Annotated[str, typer.Option("--to", metavar="TIME|POSITION", help=meaning_of(DiffAsked, "to"))]
BackfillOption = Annotated[
    str | None,
    typer.Option("--backfill", metavar="ID", help=meaning_of(DiffAsked, "backfill"), show_default=False),
]
AssetOption = Annotated[
    str | None,
    typer.Option("--asset", metavar="ASSET", help=meaning_of(DiffAsked, "asset"), show_default=False),
]


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
    typed_moment(begin, "--from")  # What makes no sense needs no log to say so.
    typed_moment(end, "--to")
    is_text = invocation.output.form is Format.TEXT
    asked = DiffAsked(
        from_=begin,
        to=end,
        backfill=backfill,
        asset=asset,
        limit=limit,
        with_text=is_text,
        with_runs=not is_text,
    )
    found = ask(invocation, difference_between, asked)
    invocation.output.value(found, lambda console: show(console, found))


def show(console: Console, found: Difference) -> None:
    """Prints the difference for people."""
    facts = counted(found.facts, "fact")
    console.print(f"From {found.begin} to {found.end}: {facts}.", soft_wrap=True)
    if not found.is_any:
        console.print("Nothing changed.")
    for title, lines in (
        ("Backfills", map(backfill_text, found.backfills)),
        ("Partitions", partitions_texts(found.partitions)),
        ("Code", map(code_text, found.code)),
        ("Pools", map(pool_text, found.pools)),
        ("Dynamic sets", map(keys_change_text, found.dynamic_sets)),
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


def backfill_text(change: BackfillDifference) -> Text:
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
        text.append(f" ({ended_text(change.ended_runs)})" if change.ended_runs else "")
    if counts:
        text.append("; " + ", ".join(f"{count:,} {fate}" for fate, count in counts.items()))
    for field, (before, after) in change.amended.items():
        text.append(f"; {field.replace('_', ' ')} {limit_text(before)} → {limit_text(after)}")
    return text


def ended_text(outcomes: Mapping[str, EndedRuns]) -> str:
    """The counts by outcome, ``11 succeeded, 3 failed``."""
    return ", ".join(f"{ended.count:,} {outcome}" for outcome, ended in outcomes.items())


def limit_text(value: object) -> str:
    """The value of something that can be amended, in words."""
    return "none" if value is None else str(value).replace("_", " ")


def partitions_texts(changes: list[PartitionsDifference]) -> Iterable[Text]:
    """What became of partitions: a line for each asset and kind of change."""
    width = max((len(change.asset) for change in changes), default=0)
    for change in changes:
        for kind, keys in (*change.became.items(), ("new", change.appeared)):
            if keys.count:
                told = partitions_text(change, kind.replace("_", " "), keys.count, width)
                yield told.append(ranges_text(keys))
        if change.gone:
            yield partitions_text(change, "gone", change.gone, width)


def partitions_text(change: PartitionsDifference, kind: str, count: int, width: int) -> Text:
    """How many partitions of an asset something became of."""
    return Text.assemble(
        (change.asset.ljust(width), "bold"), "  ", (kind.ljust(12), status_style(kind)), f"{count:>9,}  "
    )


def ranges_text(keys: Keys) -> str:
    """The partitions as range text, the first ranges of it."""
    more = keys.ranges_left or 0
    return f"{keys.text or ''}, … and {more:,} ranges more" if more else keys.text or ""


def code_text(change: CodeDifference) -> str:
    """What became of a code location."""
    told = []
    if change.digest != change.digest_before:
        before = "none" if change.digest_before is None else change.digest_before[:DIGEST_SHOWN]
        told.append(
            f"manifest {before} → {'none' if change.digest is None else change.digest[:DIGEST_SHOWN]}"
        )
    told += [f"{name} {keys_text(keys)}" for name, keys in named(change).items() if keys]
    told += [f"{asset} changed ({words(fields)})" for asset, fields in change.changed.items()]
    if change.not_loaded != change.not_loaded_before:
        told.append(state_text(change))
    return f"{change.code_location}: {'; '.join(told)}"


def named(change: CodeDifference) -> dict[str, tuple[str, ...]]:
    """What was added and removed, under words for it."""
    return {"added": change.added, "removed": change.removed, "jobs": change.jobs}


def state_text(change: CodeDifference) -> str:
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
