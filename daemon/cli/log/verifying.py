"""`backfilld log verify`: whether anybody changed the log since it was written."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from daemon.cli.anchors import read_anchor, save_anchor
from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, command
from daemon.cli.opening import ask
from daemon.cli.verify import answer as verify_file
from daemon.clock import SystemClock
from daemon.operations.errors import UsageError
from daemon.operations.log.verify import VerifiedLog, VerifyAsked, verify_log
from events.anchor import Anchor

SinceAnchorOption = Annotated[
    Path | None,
    typer.Option(
        "--since-anchor",
        metavar="FILE",
        help="Check from this anchor on: its fact has the hash it had, and what comes after fits.",
        show_default=False,
    ),
]
SaveAnchorOption = Annotated[
    Path | None,
    typer.Option(
        "--save-anchor",
        metavar="FILE",
        help="Write position and digest of the end to this file, to be kept elsewhere.",
        show_default=False,
    ),
]


@command
def verify(
    invocation: Invocation, *, since_anchor: SinceAnchorOption = None, save: SaveAnchorOption = None
) -> None:
    """Check that every fact is as it was written and none is missing. Exits with 1 if not.

    The chain of hashes through the whole log is worked out again. Keep the digest elsewhere: it also proves
    that nothing was cut off the end.

    backfilld log verify --since-anchor monday.json --save-anchor tuesday.json
    """
    since = None if since_anchor is None else read_anchor(since_anchor)
    if invocation.file is not None:
        if save is not None:
            raise UsageError("an anchor is saved of the log itself; leave --file or --save-anchor out.")
        verify_file(invocation, invocation.file, since)
        return
    now = SystemClock().now()
    found = ask(invocation, verify_log, VerifyAsked(since=since))
    if found.intact and save is not None:
        save_anchor(save, Anchor(found.head or 0, found.digest or "", now))
    told = told_intact(found, since, save) if found.intact else told_broken(found)
    invocation.output.value(found, lambda console: console.print(told, soft_wrap=True))
    if not found.intact:
        raise typer.Exit(ExitCode.UNSUCCESSFUL)


def told_intact(found: VerifiedLog, since: Anchor | None, save: Path | None) -> Text:
    """What is proved of a log that is as it was written."""
    checked = f"; checked from position {since.position:,} on" if since else ""
    kept = "" if save is None else f"\nThe anchor is in {save}: keep it elsewhere."
    return Text(
        f"The log is as it was written: {found.head:,} facts{checked}.\nIts digest is {found.digest}.{kept}"
    )


def told_broken(found: VerifiedLog) -> Text:
    """Where a log is not as it was written."""
    return Text(f"The log is not as it was written. Position {found.position}: {found.reason}.", style="red")
