"""`backfilld partitions add`, `remove` and `list`: the keys of dynamic sets; each change says who and why."""

import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.launch import ReasonOption
from daemon.cli.opening import ask, with_records
from daemon.cli.output import Column, Format
from daemon.cli.typed import AsOfOption
from daemon.commands import assets_with
from daemon.fact_text import counted, keys_text
from daemon.operations.changing_keys import ChangingKeys, KeysChanged, keys_of_set
from daemon.operations.changing_keys import add_keys as add_to_set
from daemon.operations.changing_keys import remove_keys as remove_from_set
from daemon.operations.errors import RefusedError, UsageError, did_you_mean
from daemon.operations.operation import Operation
from daemon.operations.records import Records
from projections.world import World

STANDARD_INPUT = "-"

SetArgument = Annotated[str, typer.Argument(metavar="NAME", help="A dynamic set.", show_default=False)]
KeysArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="KEY...",
        help="Partition keys; '-' reads more, one a line, from standard input.",
        show_default=False,
    ),
]
OptionalSetArgument = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A dynamic set: list its keys.", show_default=False)
]


class SetRow(msgspec.Struct, frozen=True):
    """A dynamic set as JSON shows it."""

    name: str
    count: int
    first: str | None
    last: str | None
    assets: tuple[str, ...]  # that have partitions of it


@command
def add(
    invocation: Invocation, name: SetArgument, keys: KeysArgument, *, reason: ReasonOption = None
) -> None:
    """Put keys behind those of a dynamic set. Keys that are there already stay where they are.

    Backfills that were requested before do not get them. No asset need have partitions of the set yet.

    backfilld partitions add customers zoe abe

    cut -d, -f1 customers.csv | backfilld partitions add customers -
    """
    asked = ChangingKeys(name=name, keys=read_keys(keys), reason=reason)
    change(invocation, add_to_set, asked, done="added to", already="already there")


@command
def remove(
    invocation: Invocation, name: SetArgument, keys: KeysArgument, *, reason: ReasonOption = None
) -> None:
    """Take keys from a dynamic set. What was filled of them stays on record.

    Backfills that were requested before go on to fill them. A key that is added again begins as missing.
    """
    asked = ChangingKeys(name=name, keys=read_keys(keys), reason=reason)
    change(invocation, remove_from_set, asked, done="removed from", already="not there")


def change(
    invocation: Invocation,
    operation: Operation[ChangingKeys, KeysChanged],
    asked: ChangingKeys,
    *,
    done: str,
    already: str,
) -> None:
    """Does it, and says which keys that were and how the set stands then."""
    found = ask(invocation, operation, asked)

    def write(console: Console) -> None:
        told = []
        if found.changed:
            count = counted(found.count, "key")
            told.append(f"{keys_text(found.changed)}: {done} {found.name}, which has {count} now.")
        if found.unchanged:
            told.append(f"{keys_text(found.unchanged)}: {already}.")
        console.print(Text("\n".join(told)), soft_wrap=True)

    value = {name: each for name, each in msgspec.structs.asdict(found).items() if name != "unused"}
    invocation.output.value(value, write)
    if found.unused is not None and invocation.output.form is Format.TEXT:
        invocation.output.note(found.unused, style="yellow")


def read_keys(typed: Sequence[str]) -> tuple[str, ...]:
    """The keys that were typed, each once; ``-`` stands for the lines of standard input that are not empty.

    :raises UsageError: what comes from there is no text.
    """
    keys: dict[str, None] = {}
    for key in typed:
        if key != STANDARD_INPUT:
            keys[key] = None
            continue
        try:
            lines = sys.stdin.buffer.read().decode().replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input is not text in UTF-8: {error}.") from error
        keys.update(dict.fromkeys(filter(None, lines)))
    return tuple(keys)


@command
def list_(
    invocation: Invocation,
    name: OptionalSetArgument = None,
    *,
    limit: LimitOption = 0,
    as_of: AsOfOption = None,
) -> None:
    """List the dynamic sets, or the keys of one of them in the order they were added."""

    async def read(records: Records) -> World:
        return await records.world()

    world = with_records(invocation, read, as_of=as_of)
    if name is None:
        rows = [row_of(world, each) for each in sorted(set_names(world))]
        more = len(rows) - limit if limit else 0
        invocation.output.table(rows[: limit or None], SET_COLUMNS, empty=NO_SETS_TEXT, more=more)
        return
    if name not in set_names(world):
        hint = did_you_mean(name, set_names(world)) or " `backfilld partitions list` lists what there is."
        raise RefusedError(f"there is no dynamic set {name!r}.{hint}")
    keys = keys_of_set(world, name)
    shown = keys[: limit or None]
    value = {"name": name, "count": len(keys), "keys": shown, "assets": assets_with(world, name)}
    if shown or invocation.output.form is not Format.TEXT:
        invocation.output.value(value, lambda console: console.print(Text("\n".join(shown)), soft_wrap=True))
    else:
        invocation.output.note(no_keys_text(name))


def no_keys_text(name: str) -> str:
    """The sentence for a set without keys."""
    return f"The dynamic set {name} has no keys; `backfilld partitions add {name} KEY...` adds some."


def set_names(world: World) -> set[str]:
    """The sets that ever had keys, and those that assets have partitions of."""
    return {*world.known.dynamic, *world.catalog.dynamic_names}


def row_of(world: World, name: str) -> SetRow:
    """A dynamic set as it is now."""
    keys = keys_of_set(world, name)
    first, last = (keys[0], keys[-1]) if keys else (None, None)
    return SetRow(name, len(keys), first, last, assets_with(world, name))


NO_SETS_TEXT = "No asset has dynamic partitions, and nobody has added keys to a dynamic set."

SET_COLUMNS = [
    Column("set", lambda row: row.name, style="bold"),
    Column("keys", lambda row: f"{row.count:,}", justify="right"),
    Column("from", lambda row: row.first),
    Column("to", lambda row: row.last),
    Column("assets", lambda row: "\n".join(row.assets)),
]
