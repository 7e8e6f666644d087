"""`backfilld log`: the facts as they were recorded, and the check that nobody changed them since."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from daemon.cli.anchors import read_anchor, save_anchor
from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.output import Format
from daemon.cli.verify import answer as verify_file
from daemon.clock import SystemClock
from daemon.fact_text import describe
from daemon.operations.errors import UsageError, did_you_mean
from events.anchor import Anchor
from events.codec import FACT_TYPES
from events.envelope import Recorded
from events.facts import Fact
from events.log import Filter, Log

LIMIT_DEFAULT = 100

app = typer.Typer(
    name="log",
    invoke_without_command=True,
)

BackfillOption = Annotated[
    str | None, typer.Option("--backfill", metavar="ID", help="Only what is about this backfill.")
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="FACT", help="Only facts of this type, such as RunFailed; may be repeated."
    ),
]
FromOption = Annotated[
    int | None,
    typer.Option(
        "--from", min=1, metavar="POSITION", help="Begin at this position instead of showing the last ones."
    ),
]
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
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new facts as they come.")]


class Shown(msgspec.Struct, frozen=True):
    """A fact of the log as JSON shows it; the names are those of the log's table."""

    position: int
    id: str
    at: str
    type: str
    schema: int
    actor: str
    backfill_id: str | None
    run_id: str | None
    causation_id: str | None
    correlation_id: str | None
    data: Fact


def shown(recorded: Recorded) -> Shown:
    """A recorded fact with its type named beside it."""
    return Shown(
        position=recorded.position,
        id=recorded.id,
        at=recorded.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        type=type(recorded.fact).__name__,
        schema=recorded.fact.schema,
        actor=recorded.actor,
        backfill_id=recorded.backfill_id,
        run_id=recorded.run_id,
        causation_id=recorded.causation_id,
        correlation_id=recorded.correlation_id,
        data=recorded.fact,
    )


def line(fact: Shown) -> Text:
    """A fact on one line for people; times are UTC."""
    text = Text()
    text.append(f"{fact.position:>8}  ", style="dim")
    text.append(f"{fact.at[:10]} {fact.at[11:23]}  ", style="dim")
    text.append(f"{fact.type:<24} ", style="bold")
    text.append(f"{fact.run_id or fact.backfill_id or '':<16} ", style="cyan")
    text.append(describe(fact.data))
    text.rstrip()
    return text


def known_types(names: list[str] | None) -> frozenset[str]:
    """The types to be shown; empty for all.

    :raises UsageError: one of them is no type of fact.
    """
    for name in names or ():
        if name not in FACT_TYPES:
            raise UsageError(f"there is no fact of type {name!r}.{did_you_mean(name, FACT_TYPES)}")
    return frozenset(names or ())


async def chosen(
    log: Log, matching: Filter, *, first: int | None, upto: int, limit: int
) -> AsyncIterator[Recorded]:
    """The facts that match, oldest first: from position `first` on, or the last ones; `limit` at most."""
    if first is None and limit:
        for recorded in reversed(
            [one async for one in read(log, matching, upto=upto, limit=limit, newest_first=True)]
        ):
            yield recorded
        return
    async for recorded in read(log, matching, after=(first or 1) - 1, upto=upto, limit=limit):
        yield recorded


async def read(
    log: Log, matching: Filter, *, upto: int, limit: int, after: int = 0, newest_first: bool = False
) -> AsyncIterator[Recorded]:
    """Facts one by one, `limit` at most (0: all)."""
    count = 0
    async with aclosing(
        log.read(after=after, upto=upto, matching=matching, newest_first=newest_first)
    ) as batches:
        async for batch in batches:
            for recorded in batch:
                yield recorded
                count += 1
                if count == limit:
                    return


async def following(log: Log, matching: Filter, *, after: int) -> AsyncIterator[Recorded]:
    """Facts that match, past `after`, for ever."""
    async with aclosing(log.follow(after=after)) as batches:
        async for batch in batches:
            for recorded in batch:
                if matches(recorded, matching):
                    yield recorded


def matches(recorded: Recorded, matching: Filter) -> bool:
    """Whether the fact is one that `log.read` would give for this filter."""
    return matching.backfill_id in {None, recorded.backfill_id} and (
        not matching.types or type(recorded.fact).__name__ in matching.types
    )


@app.callback()
@command
def show(
    invocation: Invocation,
    *,
    backfill: BackfillOption = None,
    types: TypeOption = None,
    first: FromOption = None,
    limit: LimitOption = LIMIT_DEFAULT,
    follow: FollowOption = False,
) -> None:
    """Show the facts of the log, oldest first; `log verify` checks that nobody changed them.

    The last 100 are shown, or the first 100 from a position on; --limit says how many.
    """
    if invocation.subcommand is not None:
        return
    if follow and invocation.output.form is Format.JSON:
        raise UsageError("a log that is followed never ends, and one JSON value does: use -o jsonl.")
    matching = Filter(backfill_id=backfill, types=known_types(types))

    async def write_all(log: Log) -> None:
        head = await log.head()
        written = 0
        with invocation.output.lines(line) as write:
            if not (follow and first):
                async for recorded in chosen(log, matching, first=first, upto=head, limit=limit):
                    write(shown(recorded))
                    written += 1
            if follow:
                async for recorded in following(log, matching, after=first - 1 if first else head):
                    write(shown(recorded))
        if not written and invocation.output.form is Format.TEXT:
            invocation.output.note("No fact matches." if head else "The log is empty.")

    invocation.reading_log(write_all)


@app.command("verify")
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
