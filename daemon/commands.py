"""What people may ask of backfills, dynamic sets, pools and tokens: facts to record, or a refusal."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches

import msgspec
from msgspec import UNSET, UnsetType

from backfilld.partitions import MultiPartitionsDefinition
from daemon.refusal import Refused
from events.facts import (
    BackfillCancelRequested,
    BackfillPaused,
    BackfillResumed,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    PoolConfigured,
    RunCancelRequested,
    TokenCreated,
    TokenRevoked,
)
from projections.backfill.state import Backfill
from projections.pools import Pool
from projections.world import World

TOKEN_NAME_MAX = 100


def cancel(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The request to end a backfill; nothing for one that is being canceled or has ended already."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.cancel_requested or backfill.completed is not None:
        return ()
    return (BackfillCancelRequested(reason),)


def pause(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The fact that keeps a backfill from launching; nothing if it is paused already."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.completed is not None:
        return Refused(f"backfill {backfill_id} has ended ({backfill.status}); there is nothing to pause")
    if backfill.cancel_requested:
        return Refused(
            f"backfill {backfill_id} is being canceled and launches nothing more; there is nothing to pause"
        )
    return () if backfill.paused else (BackfillPaused(reason),)


def resume(world: World, backfill_id: str, reason: str | None) -> tuple[Fact, ...] | Refused:
    """The fact that lets a paused backfill launch again; nothing if it is not paused."""
    backfill = find_backfill(world, backfill_id)
    if isinstance(backfill, Refused):
        return backfill
    if backfill.completed is not None:
        return Refused(
            f"backfill {backfill_id} has ended ({backfill.status}); `backfilld launch` starts another"
        )
    if backfill.cancel_requested:
        return Refused(
            f"backfill {backfill_id} is being canceled; once it has ended, `backfilld retry {backfill_id}` "
            f"fills the rest"
        )
    return (BackfillResumed(reason),) if backfill.paused else ()


def cancel_run(world: World, run_id: str, reason: str | None) -> tuple[Fact, ...]:
    """The request to end a run; nothing for one that is not under way, or is being ended on request."""
    backfill = world.known.active.get(world.backfill_of_run.get(run_id, ""))
    if backfill is None or backfill.cancel_requested or backfill.live[run_id].cancel_requested:
        return ()
    return (RunCancelRequested(reason),)


def add_keys(
    world: World, name: str, keys: Sequence[str], reason: str | None
) -> tuple[DynamicPartitionsAdded, ...] | Refused:
    """The fact that puts keys behind those of a dynamic set; nothing if all of them are there."""
    paired_in = next((asset for asset in assets_with(world, name) if _has_pairs(world, asset)), None)
    for key in keys:
        wrong = _why_no_key(key, paired_in)
        if wrong is not None:
            return Refused(f"{key!r} cannot be a partition key: {wrong}; nothing was added")
    if not name or _control_characters(name):
        return Refused(f"{name!r} cannot be the name of a dynamic set; nothing was added")
    known = world.known.dynamic.get(name, ())
    more = tuple(key for key in dict.fromkeys(keys) if key not in known)
    return (DynamicPartitionsAdded(name, more, reason),) if more else ()


def remove_keys(
    world: World, name: str, keys: Sequence[str], reason: str | None
) -> tuple[DynamicPartitionsRemoved, ...]:
    """The fact that takes keys from a dynamic set; nothing if none of them is there."""
    known = world.known.dynamic.get(name, ())
    gone = tuple(key for key in dict.fromkeys(keys) if key in known)
    return (DynamicPartitionsRemoved(name, gone, reason),) if gone else ()


class PoolChange(msgspec.Struct, frozen=True):
    """What is to change of a pool: a limit that is left unset stays as it is, None lifts it."""

    slots: int | UnsetType | None = UNSET
    rate_per_minute: float | UnsetType | None = UNSET
    only_between: str | UnsetType | None = UNSET


def configure_pool(
    world: World, name: str, change: PoolChange, reason: str | None
) -> tuple[PoolConfigured, ...] | Refused:
    """The fact that sets the limits of a pool; nothing if they are so already."""
    if not name or _control_characters(name):
        return Refused(f"{name!r} cannot be the name of a pool; nothing was set")
    if change == PoolChange():
        return Refused(
            f"nothing is to change of pool {name!r}; give --slots, --rate or --only-between, each of which "
            f"'none' lifts"
        )
    pool = world.known.pools.get(name, Pool(name))
    fact = PoolConfigured(
        pool=name,
        slots=pool.slots if change.slots is UNSET else change.slots,
        rate_per_minute=pool.rate_per_minute if change.rate_per_minute is UNSET else change.rate_per_minute,
        only_between=pool.only_between if change.only_between is UNSET else change.only_between,
        reason=reason,
    )
    before = (pool.slots, pool.rate_per_minute, pool.only_between)
    return () if (fact.slots, fact.rate_per_minute, fact.only_between) == before else (fact,)


def create_token(world: World, fact: TokenCreated, now: datetime) -> tuple[TokenCreated, ...] | Refused:
    """The fact that makes a token; its name may be that of one that opens nothing any more."""
    name = fact.name
    if (
        not name
        or name != name.strip()
        or len(name) > TOKEN_NAME_MAX
        or "/" in name
        or _control_characters(name)
        or any(unicodedata.category(character) == "Cf" for character in name)
    ):
        return Refused(
            f"{name!r} cannot be the name of a token: give up to {TOKEN_NAME_MAX} characters, none of them "
            f"'/', invisible, a line's end or the like, and no space around them"
        )
    folded = name.casefold()
    if folded == "daemon" or folded.startswith("run "):
        return Refused(f"{name!r} cannot be the name of a token: facts of that actor are the daemon's own")
    token = world.known.tokens.get(name)
    if token is not None and token.opens(now):
        return Refused(f"there is a token {name!r} already; revoke it first, or give this one another name")
    return (fact,)


def revoke_token(world: World, name: str, reason: str | None) -> tuple[TokenRevoked, ...] | Refused:
    """The fact that ends a token; nothing for one that was revoked already."""
    token = world.known.tokens.get(name)
    if token is None:
        near = tuple(get_close_matches(name, world.known.tokens, n=3))
        hint = f"did you mean {' or '.join(near)}?" if near else "`backfilld token list` lists what there is"
        return Refused(f"there is no token {name!r}; {hint}", near)
    return () if token.revoked_at is not None else (TokenRevoked(name, reason),)


def assets_with(world: World, name: str) -> tuple[str, ...]:
    """The assets that have partitions of a dynamic set, upstream first."""
    return tuple(
        key
        for key, node in world.catalog.assets.items()
        if node.definition is not None and name in node.definition.dynamic_names
    )


def _has_pairs(world: World, asset: str) -> bool:
    return isinstance(world.catalog.assets[asset].definition, MultiPartitionsDefinition)


def _why_no_key(key: str, paired_in: str | None) -> str | None:
    if not key:
        return "it is empty"
    if "..." in key:
        return "'...' stands between the ends of a range"
    if _control_characters(key):
        return "it has characters in it that are no text, such as a line's end"
    if "|" in key and paired_in is not None:
        return f"'|' stands between the two keys of a pair, and {paired_in} has pairs with keys of this set"
    return None


def _control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


def find_backfill(world: World, backfill_id: str) -> Backfill | Refused:
    """The backfill with this id, or a refusal that offers ids that look like it."""
    backfill = world.backfill(backfill_id)
    if backfill is not None:
        return backfill
    near = tuple(get_close_matches(backfill_id, [*world.known.active, *world.known.ended], n=3))
    hint = f"did you mean {' or '.join(near)}?" if near else "`backfilld backfills` lists what there is"
    return Refused(f"there is no backfill {backfill_id!r}; {hint}", near)
