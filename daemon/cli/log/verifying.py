"""`backfilld log verify`: whether anybody changed the log since it was written."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from daemon.cli.anchors import read_anchor, save_anchor
from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, command
from daemon.cli.verify import answer as verify_file
from daemon.clock import SystemClock
from daemon.operations.errors import UsageError
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
    from events.verifying import Verified  # noqa: PLC0415 -- half a second that --help need not wait for

    since = None if since_anchor is None else read_anchor(since_anchor)
    if invocation.file is not None:
        if save is not None:
            raise UsageError("an anchor is saved of the log itself; leave --file or --save-anchor out.")
        verify_file(invocation, invocation.file, since)
        return
    now = SystemClock().now()
    found = invocation.with_log(lambda log: log.verify(since=since))
    is_intact = isinstance(found, Verified)
    answer = {"intact": is_intact} | msgspec.structs.asdict(found)
    if isinstance(found, Verified):
        checked = f"; checked from position {since.position:,} on" if since else ""
        told = Text(
            f"The log is as it was written: {found.head:,} facts{checked}.\nIts digest is {found.digest}."
        )
        if save is not None:
            save_anchor(save, Anchor(found.head, found.digest, now))
            told.append(f"\nThe anchor is in {save}: keep it elsewhere.")
    else:
        told = Text(
            f"The log is not as it was written. Position {found.position}: {found.reason}.", style="red"
        )
    invocation.output.value(answer, lambda console: console.print(told, soft_wrap=True))
    if not is_intact:
        raise typer.Exit(ExitCode.UNSUCCESSFUL)
