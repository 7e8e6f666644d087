"""`backfilld verify`: whether an exported file is as it was written, without any database."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from daemon.cli.anchors import read_anchor
from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, command
from daemon.fact_text import counted
from daemon.operations.errors import OperationError, UsageError
from events.anchor import Anchor

if TYPE_CHECKING:
    from events.files.chained import Chained, Header
    from events.files.port import LogFile

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="What `backfilld export` wrote.", show_default=False)
]
AnchorOption = Annotated[
    Path | None,
    typer.Option(
        "--anchor",
        metavar="ANCHOR",
        help="Hold it against this anchor, which `log verify --save-anchor` wrote.",
        show_default=False,
    ),
]


PROVES = {
    "whole": "Its digest is {found.digest}: the one that `log verify` told when the log ended there.",
    "part": """\
It follows the hash {found.previous_hash}.
Its digest is {found.digest}.
That it is a part of a certain log, the hashes of that log at these positions show.""",
    "selection": """\
It is a selection, of {backfills}: each fact fits its hash and the hash of its predecessor.
That nothing was left out when it was made, only the whole log can show.""",
}


class Checked(msgspec.Struct, frozen=True):
    """What came of it, as JSON shows it."""

    intact: bool
    file: str
    kind: str  # "whole", "part" or "selection"
    first: int
    last: int
    facts: int
    digest: str
    previous_hash: str
    backfills: tuple[str, ...]
    anchored: bool | None = None  # whether the anchor's row is in it as it was; None: not asked, or not told
    place: str | None = None  # of what is wrong
    position: int | None = None
    reason: str | None = None


@command
def verify(invocation: Invocation, target: FileArgument, *, anchor: AnchorOption = None) -> None:
    """Check an exported file: every fact is as it was written, and none is missing. Exits with 1 if not.

    No database is needed. `log verify` does the same for the log itself.

    backfilld verify log.jsonl --anchor monday.json
    """
    if invocation.names_its_place and invocation.url is not None:
        raise UsageError("this reads the file, which is here, and asks no daemon: leave --url out.")
    answer(invocation, target, None if anchor is None else read_anchor(anchor))


def answer(invocation: Invocation, target: Path, anchor: Anchor | None) -> None:
    """Checks the file, says what is proved or what is wrong, and ends with 1 where something is.

    :raises OperationError: what it says of itself was changed.
    :raises FileError: it is no export.
    """
    from events.files.chained import HeaderChangedError  # noqa: PLC0415 -- its imports, which --help need not wait for
    from events.files.opening import opened  # noqa: PLC0415 -- as above

    try:
        with closing(opened(target)) as file:
            found = checked(target, file, anchor)
    except HeaderChangedError as error:
        raise OperationError(str(error)) from error
    invocation.output.value(found, lambda console: console.print(told(found, anchor), soft_wrap=True))
    if not found.intact:
        raise typer.Exit(ExitCode.UNSUCCESSFUL)


def checked(target: Path, file: "LogFile", anchor: Anchor | None) -> Checked:
    """What came of checking the file, and of holding it against the anchor."""
    from events.files.checking import Checker, Flaw  # noqa: PLC0415 -- as above

    header = file.header
    anchored = anchor_before(header, anchor)
    found_at: list[str] = []

    def look(row: "Chained") -> None:
        if anchor is not None and row.position == anchor.position:
            found_at.append(row.hash)

    flaw = Checker(file).check(look)
    if found_at and anchor is not None:
        anchored = found_at[0] == anchor.digest
    if flaw is None and anchored is False and anchor is not None:
        flaw = Flaw(
            f"its hash is not {anchor.digest}, which it was when the anchor was saved: it or one before it "
            "was changed since then, or the anchor is another log's",
            position=anchor.position,
        )
    return Checked(
        intact=flaw is None,
        file=str(target),
        kind="selection" if header.is_selection else "whole" if header.is_whole else "part",
        first=header.first,
        last=header.last,
        facts=header.count,
        digest=header.digest,
        previous_hash=header.previous,
        backfills=header.backfills,
        anchored=anchored,
        place=flaw.place if flaw else None,
        position=flaw.position if flaw else None,
        reason=flaw.reason if flaw else None,
    )


def anchor_before(header: "Header", anchor: Anchor | None) -> bool | None:
    """Whether the row before the file's first is the anchor's; None where the anchor is at another row."""
    if anchor is None or anchor.position != header.first - 1:
        return None
    return header.previous == anchor.digest


def told(found: Checked, anchor: Anchor | None) -> Text:
    """What is proved, for people."""
    if not found.intact:
        place = f"{found.place}, " if found.place else ""
        where = f"{place}position {found.position}: " if found.position is not None else place
        return Text(f"{found.file} is not as it was written. {where}{found.reason}.", style="red")
    lines = [f"{found.file} is as it was written: {counted(found.facts, 'fact')}, {span(found)}."]
    lines += PROVES[found.kind].format(found=found, backfills=", ".join(found.backfills)).splitlines()
    if anchor is not None and found.anchored:
        lines.append(f"It agrees with the anchor at position {anchor.position:,}.")
    elif anchor is not None:
        lines.append(f"The anchor's position, {anchor.position:,}, is not in the file: it tells nothing.")
    return Text("\n".join(lines))


def span(found: Checked) -> str:
    """Which positions they have."""
    if found.kind == "selection":
        return f"between positions {found.first:,} and {found.last:,}"
    return f"positions {found.first:,} to {found.last:,}, none missing"
