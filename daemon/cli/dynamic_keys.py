"""`backfilld partitions add`, `remove` and `list`: the keys of dynamic sets; each change says who and why."""

import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from daemon.cli.invocation import Invocation, LimitOption, command, database_command
from daemon.cli.launch import ReasonOption
from daemon.cli.opening import ask
from daemon.cli.output import Column, Format
from daemon.cli.typed import AsOfOption
from daemon.fact_text import counted, keys_text
from daemon.operations.changing_keys import ChangingKeys, KeysChanged
from daemon.operations.changing_keys import add_keys as add_to_set
from daemon.operations.changing_keys import remove_keys as remove_from_set
from daemon.operations.dynamic_sets import SetAsked, dynamic_set, dynamic_sets, no_keys_text
from daemon.operations.errors import UsageError
from daemon.operations.operation import ListQuestion, Operation

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


@database_command
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


@database_command
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
    if name is None:
        sets = ask(invocation, dynamic_sets, ListQuestion(limit=limit, as_of=as_of))
        invocation.output.page(sets, SET_COLUMNS, empty=NO_SETS_TEXT)
        return
    found = ask(invocation, dynamic_set, SetAsked(name=name, limit=limit, as_of=as_of))
    if found.keys or invocation.output.form is not Format.TEXT:
        value = msgspec.structs.replace(found, next=UNSET)
        text = Text("\n".join(found.keys))
        invocation.output.value(value, lambda console: console.print(text, soft_wrap=True))
    else:
        invocation.output.note(no_keys_text(name))


NO_SETS_TEXT = "No asset has dynamic partitions, and nobody has added keys to a dynamic set."

SET_COLUMNS = [
    Column("set", lambda row: row.name, style="bold"),
    Column("keys", lambda row: f"{row.count:,}", justify="right"),
    Column("from", lambda row: row.first),
    Column("to", lambda row: row.last),
    Column("assets", lambda row: "\n".join(row.assets)),
]
