"""The keys of dynamic sets: some added, some removed; each change says who and why."""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

from backfilld.partitions import DynamicKeys
from daemon import commands
from daemon.commands import assets_with
from daemon.operations.errors import did_you_mean
from daemon.operations.fields import Why, said
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.refusal import Refused
from events.facts import DynamicPartitionsAdded, DynamicPartitionsRemoved
from projections.world import World

Change = DynamicPartitionsAdded | DynamicPartitionsRemoved
Decide = Callable[[World, str, Sequence[str], str | None], Sequence[Change] | Refused]


class ChangingKeys(Question, frozen=True, kw_only=True):
    """Which keys of which dynamic set, and why."""

    name: Annotated[str, said("A dynamic set, as in DynamicPartitionsDefinition(NAME).")]
    keys: Annotated[tuple[str, ...], said("Partition keys, as they are to be named.")]
    reason: Why = None


class KeysChanged(msgspec.Struct, frozen=True):
    """Which keys that were, and how the set stands then."""

    name: str
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]  # they were so already
    count: int  # of all its keys
    assets: tuple[str, ...]  # that have partitions of it
    unused: str | None = None  # where no asset has: what may have been meant


@operation("POST", "/dynamic-partitions/{name}/add")
async def add_keys(records: Records, asked: ChangingKeys) -> KeysChanged:
    """Put keys behind those of a dynamic set. Keys that are there already stay where they are.

    Backfills that were requested before do not get them. No asset need have partitions of the set yet.
    """
    return await _changed(records, asked, commands.add_keys)


@operation("POST", "/dynamic-partitions/{name}/remove")
async def remove_keys(records: Records, asked: ChangingKeys) -> KeysChanged:
    """Take keys from a dynamic set. What was filled of them stays on record.

    Backfills that were requested before go on to fill them. A key that is added again begins as missing.
    """
    return await _changed(records, asked, commands.remove_keys)


async def _changed(records: Records, asked: ChangingKeys, decide: Decide) -> KeysChanged:
    name, keys = asked.name, tuple(dict.fromkeys(asked.keys))
    world = await records.world()
    # None of these facts is about a backfill.
    facts = await records.record(world, None, lambda at_head: decide(at_head, name, keys, asked.reason))
    changed = tuple(key for fact in facts if isinstance(fact, Change) for key in fact.keys)
    known = set(changed)
    assets = assets_with(world, name)
    return KeysChanged(
        name=name,
        changed=changed,
        unchanged=tuple(key for key in keys if key not in known),
        count=len(keys_of_set(world, name)),
        assets=assets,
        unused=None if assets else _unused_text(world, name),
    )


def keys_of_set(world: World, name: str) -> DynamicKeys:
    """The keys that a set has now."""
    known = world.known.dynamic.get(name)
    return DynamicKeys() if known is None else known.keys_at(world.position)


def _unused_text(world: World, name: str) -> str:
    """The sentence for a set that no asset has partitions of, with sets that may be meant."""
    node = world.catalog.assets.get(name)
    if node is not None and node.definition is not None and node.definition.dynamic_names:
        sets = " and ".join(sorted(node.definition.dynamic_names))
        return f"No asset has partitions of a set {name!r} yet; the asset {name!r} has those of {sets}."
    hint = did_you_mean(name, world.catalog.dynamic_names)
    return f"No asset has partitions of a set {name!r} yet.{hint}"
