"""`backfilld log`: the facts as they were recorded, and the check that nobody changed them since."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import typer

from daemon.cli.errors import UsageError, did_you_mean
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.log import verifying
from daemon.cli.log.shown import line, shown
from daemon.cli.output import Format
from events.codec import FACT_TYPES
from events.envelope import Recorded
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
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new facts as they come.")]


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


app.command("verify")(verifying.verify)
