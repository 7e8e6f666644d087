"""Facts in a few words, for people who read the log."""

from collections.abc import Sequence
from typing import assert_never

from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    LeaderElected,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    PartitionSkipped,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
    TokenCreated,
    TokenRevoked,
)

RANGES_SHOWN_MAX = 3


def describe(fact: Fact) -> str:  # noqa: PLR0911, PLR0912 -- one case a fact, none with a branch of its own
    """What the fact says beyond its type; may be empty. One line, whatever user code put in."""
    match fact:
        case DefinitionsLoaded():
            return f"{fact.code_location}: {manifest_text(fact)}"
        case DefinitionsFailed():
            held = "; its runs wait" if fact.runs_held else ""
            return one_line(f"{fact.code_location}: {fact.failure.type}: {fact.failure.message}{held}")
        case DefinitionsWithdrawn():
            return f"{fact.code_location} is not given to the daemon any more"
        case BackfillRequested():
            why = f": {fact.reason}" if fact.reason else ""
            return one_line(f"{' '.join(fact.selection)}, {counted(fact.runs_total, 'run')}{why}")
        case BackfillPaused() | BackfillResumed() | BackfillCancelRequested() | RunCancelRequested():
            return one_line(fact.reason or "")
        case BackfillAmended():
            return one_line(amendments(fact) + (f": {fact.reason}" if fact.reason else ""))
        case BackfillCompleted():
            return f"{fact.outcome}: {outcome_counts(fact)}"
        case RunLaunched():
            return f"run {fact.number}, attempt {fact.attempt}: {' '.join(fact.assets)}{of(fact.partitions)}"
        case RunStarted():
            return f"pid {fact.pid} on {fact.host}"
        case RunTimedOut():
            return f"longer than {fact.timeout_s:g} s; it is being ended"
        case PartitionMaterialized():
            return f"{fact.asset}{of(fact.partitions)}"
        case PartitionFailed():
            return one_line(f"{fact.asset}{of(fact.partitions)}: {fact.failure.type}: {fact.failure.message}")
        case PartitionSkipped():
            cause = f": {fact.causes[0].asset} {fact.causes[0].reason}" if fact.causes else ""
            return one_line(f"{fact.asset}{of(fact.partitions)}{cause}")
        case RunSucceeded():
            return f"{fact.duration_s:.2f} s"
        case RunFailed():
            return one_line(f"{fact.duration_s:.2f} s: {fact.failure.type}: {fact.failure.message}")
        case RunCanceled():
            return "" if fact.duration_s is None else f"{fact.duration_s:.2f} s"
        case RunLost():
            return one_line(fact.reason)
        case DynamicPartitionsAdded() | DynamicPartitionsRemoved():
            return one_line(f"{fact.name}: {keys_text(fact.keys)}{f': {fact.reason}' if fact.reason else ''}")
        case PoolConfigured():
            slots = "no limit" if fact.slots is None else counted(fact.slots, "slot")
            return f"{fact.pool}: {slots}"
        case TokenCreated():
            until = "" if fact.expires_at is None else f", until {fact.expires_at}"
            return one_line(f"{fact.name}: {fact.role}{until}{f': {fact.reason}' if fact.reason else ''}")
        case TokenRevoked():
            return one_line(f"{fact.name}{f': {fact.reason}' if fact.reason else ''}")
        case LeaderElected():
            home = "" if fact.home is None else f", home {fact.home}"
            return f"pid {fact.pid} on {fact.host}, version {fact.version}{home}"
        case _:
            assert_never(fact)


def manifest_text(fact: DefinitionsLoaded) -> str:
    """How many assets were declared, and by which manifest."""
    manifest = f"manifest {fact.digest[:12]}"
    if fact.manifest is None:
        return f"{manifest}, as before"
    return f"{counted(len(fact.manifest.get('assets', ())), 'asset')}, {manifest}"


def of(partitions: PartitionKeys | None) -> str:
    """The partitions, led by a space; empty for an unpartitioned asset."""
    return "" if partitions is None else f" {ranges_text(partitions)}"


def ranges_text(partitions: PartitionKeys) -> str:
    """The first few ranges as range text, and how many keys there are in all.

    >>> ranges_text(PartitionKeys(ranges=(("a", "c"), ("f", "f")), count=4))
    '[a...c], f (4)'
    """
    shown = [
        first if first == last else f"[{first}...{last}]"
        for first, last in partitions.ranges[:RANGES_SHOWN_MAX]
    ]
    if len(partitions.ranges) > RANGES_SHOWN_MAX:
        shown.append("…")
    return ", ".join(shown) if partitions.count == 1 else f"{', '.join(shown)} ({partitions.count:,})"


def keys_text(keys: Sequence[str]) -> str:
    """The first few keys, and how many there are in all if these are not all.

    >>> keys_text(["a", "b", "c", "d"])
    'a, b, c, … (4)'
    """
    shown = ", ".join(keys[:RANGES_SHOWN_MAX])
    return shown if len(keys) <= RANGES_SHOWN_MAX else f"{shown}, … ({len(keys):,})"


def outcome_counts(fact: BackfillCompleted) -> str:
    """Partitions by what became of them; what counts none is left out."""
    totals = {
        "materialized": fact.materialized,
        "failed": fact.failed,
        "skipped": fact.skipped,
        "canceled": fact.canceled,
    }
    return ", ".join(f"{sum(by_asset.values()):,} {name}" for name, by_asset in totals.items() if by_asset)


def amendments(fact: BackfillAmended) -> str:
    """What was changed."""
    told = {
        f"at most {counted(fact.max_concurrent_runs or 0, 'run')} at a time": fact.max_concurrent_runs,
        "no limit of its own on runs at a time": "max_concurrent_runs" in fact.lifted or None,
        (fact.order or "").replace("_", " "): fact.order,
        f"priority {fact.priority}": fact.priority,
        retries_text(fact.retries_max or 0): fact.retries_max,
        "retries as its assets say": "retries_max" in fact.lifted or None,
        f"only between {fact.only_between}": fact.only_between,
        "at any hour": "only_between" in fact.lifted or None,
    }
    dropped = [f"dropped {asset}{of(partitions)}" for asset, partitions in fact.dropped.items()]
    return ", ".join([*(words for words, given in told.items() if given is not None), *dropped])


def retries_text(most: int) -> str:
    """How often a run is tried again."""
    return "no retries" if most == 0 else f"at most {most:,} {'retry' if most == 1 else 'retries'} of a run"


def counted(count: int, noun: str) -> str:
    """``1 run``, ``1,461 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def one_line(text: str) -> str:
    """The text without line breaks and other characters that would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
