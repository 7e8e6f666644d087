"""The dynamic sets, and the keys of one of them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from daemon.commands import assets_with
from daemon.operations.changing_keys import keys_of_set
from daemon.operations.errors import UnknownError, did_you_mean
from daemon.operations.fields import said
from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import no_cursor, page_of
from daemon.operations.records import Records
from projections.world import World


class SetRow(msgspec.Struct, frozen=True):
    """A dynamic set as JSON shows it."""

    name: str
    count: int
    first: str | None
    last: str | None
    assets: tuple[str, ...]  # that have partitions of it


class SetAsked(ListQuestion, frozen=True, kw_only=True):
    """Which set, and which of its keys; a cursor is the last key that was told."""

    name: Annotated[str, said("A dynamic set, as in DynamicPartitionsDefinition(NAME).")]


class SetKeys(msgspec.Struct, frozen=True):
    """The keys of a dynamic set, in the order they were added."""

    name: str
    count: int
    keys: tuple[str, ...]
    assets: tuple[str, ...]  # that have partitions of it
    next: str | UnsetType = UNSET  # the cursor for the keys that follow, where there are more


@operation("GET", "/dynamic-partitions")
async def dynamic_sets(records: Records, asked: ListQuestion) -> Page[SetRow]:
    """List the dynamic sets by name.

    :raises UsageError: the cursor is none.
    """
    world = await records.world()
    page = page_of(sorted(set_names(world)), asked, str)
    return Page([_row_of(world, name) for name in page.items], page.next, page.total)


@operation("GET", "/dynamic-partitions/{name}")
async def dynamic_set(records: Records, asked: SetAsked) -> SetKeys:
    """List the keys of a dynamic set, in the order they were added.

    :raises UnknownError: there is no such set.
    :raises UsageError: the cursor is no key of it, or not any more.
    """
    world, name = await records.world(), asked.name
    if name not in set_names(world):
        hint = did_you_mean(name, set_names(world)) or " `backfilld partitions list` lists what there is."
        raise UnknownError(f"there is no dynamic set {name!r}.{hint}")
    keys, start = keys_of_set(world, name), 0
    if asked.cursor is not None:
        last = keys.find(asked.cursor)
        if last is None:
            raise no_cursor(asked.cursor)
        start = last + 1
    stop = start + asked.limit if asked.limit else len(keys)
    shown = keys[start:stop]
    more = shown[-1] if shown and stop < len(keys) else UNSET
    return SetKeys(name, len(keys), shown, assets_with(world, name), more)


def set_names(world: World) -> set[str]:
    """The sets that ever had keys, and those that assets have partitions of."""
    return {*world.known.dynamic, *world.catalog.dynamic_names}


def no_keys_text(name: str) -> str:
    """The sentence for a set without keys."""
    return f"The dynamic set {name} has no keys; `backfilld partitions add {name} KEY...` adds some."


def _row_of(world: World, name: str) -> SetRow:
    keys = keys_of_set(world, name)
    first, last = (keys[0], keys[-1]) if keys else (None, None)
    return SetRow(name, len(keys), first, last, assets_with(world, name))
