"""`backfilld import`: an exported log in an empty database, with the same positions, ids and hashes."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from daemon.cli.invocation import Invocation, database_command
from daemon.cli.verify import Checked, FileArgument, checked
from daemon.fact_text import counted
from daemon.operations.errors import OperationError, RefusedError

if TYPE_CHECKING:
    from events.files.chained import Chained
    from events.files.port import LogFile
    from events.postgres import PostgresLog


class Imported(msgspec.Struct, frozen=True):
    """What was taken in, as JSON shows it."""

    file: str
    facts: int
    head: int
    digest: str


@database_command
def import_log(invocation: Invocation, target: FileArgument) -> None:
    """Take a whole exported log into an empty one: the same positions, ids, times and hashes.

    The file is checked first. All of it is written, in one transaction, or nothing.

    backfilld import log.jsonl --database postgresql://db.example/backfilld
    """
    from events.files.opening import opened  # noqa: PLC0415 -- its imports, which --help need not wait for

    invocation.stays_here()
    with closing(opened(target)) as file:
        found = importable(target, file)

        async def adopt(log: "PostgresLog") -> bool:
            from events.adopting import Head  # noqa: PLC0415 -- as above

            return await log.adopt(pages(file), Head(found.last, bytes.fromhex(found.digest)))

        if not invocation.with_log(adopt, begin=True):
            raise RefusedError("the log is not empty, and nothing was imported: name a database without one.")
    imported = Imported(str(target), found.facts, found.last, found.digest)
    told = Text(f"The log holds {counted(found.facts, 'fact')} now.\nIts digest is {found.digest}.")
    invocation.output.value(imported, lambda console: console.print(told, soft_wrap=True))


def importable(target: Path, file: "LogFile") -> Checked:
    """What the file holds, if that is a log from its beginning and as it was written.

    :raises RefusedError: it is only a part of one.
    :raises OperationError: it is not as it was written.
    """
    header = file.header
    if header.is_selection:
        raise RefusedError(
            f"{target} is a selection, and nothing was imported: only a whole log can be, from position 1 on."
        )
    if not header.is_whole:
        raise RefusedError(
            f"{target} begins at position {header.first:,}, and nothing was imported: only a whole log "
            "can be, from position 1 on."
        )
    found = checked(target, file, None)
    if not found.intact:
        where = f"{found.place}: " if found.place else ""
        raise OperationError(
            f"{target} is not as it was written, and nothing was imported. {where}{found.reason}."
        )
    return found


def pages(file: "LogFile") -> "Iterator[list[Chained]]":
    """All rows of the file."""
    return (file.page(number) for number in range(file.pages))
