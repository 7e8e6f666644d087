"""The commands `log`, `log show`, `log stats` and `log verify`."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import typer

from daemon.cli.asker import Asker
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.log import one_fact, options, stats, verifying
from daemon.cli.log.shown import line_for
from daemon.cli.opening import with_asker, with_records
from daemon.cli.output import Format
from daemon.clock import SystemClock
from daemon.operations.asset_names import no_asset_text
from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.log.finding import Found, Matching, Source, answered, following
from daemon.operations.log.listing import LogQuestion
from daemon.operations.log.question import (
    Order,
    Question,
    refuse_nonsense,
)
from daemon.operations.log.shown import BY_ITSELF, BY_RUN, shown
from daemon.operations.log.touching import TouchingSource
from daemon.operations.records import Records
from events.log import Log
from projections.audit.asked import asked_of, is_known

if TYPE_CHECKING:
    from daemon.cli.log.elsewhere import Listed

LIMIT_DEFAULT = 100

app = typer.Typer(name="log", invoke_without_command=True)


@app.callback()
@command
def show(
    invocation: Invocation,
    *,
    backfill: options.BackfillOption = None,
    run: options.RunOption = None,
    asset: options.AssetOption = None,
    partitions: options.PartitionsOption = None,
    types: options.TypeOption = None,
    actor: options.ActorOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    first: options.FromOption = None,
    last: options.ToOption = None,
    text: options.TextOption = None,
    newest_first: options.OrderOption = None,
    limit: LimitOption = LIMIT_DEFAULT,
    follow: options.FollowOption = False,
) -> None:
    """Show the facts of the log on a line each, the last 100 of them, oldest on top. Options combine.

    From --from or --since on, the first 100 are shown; --limit says how many. `log show POSITION` shows one
    fact whole.

    backfilld log --backfill k3v9x2ab --type RunFailed --newest-first

    backfilld log --asset daily_sales --partitions 2024-01-05 --since 2d
    """
    if invocation.subcommand is not None:
        return
    if follow and invocation.output.form is Format.JSON:
        raise UsageError("a log that is followed never ends, and one JSON value does: use -o jsonl.")
    asked = LogQuestion(
        backfill=backfill,
        run=run,
        asset=asset,
        partitions=partitions,
        type=tuple(types or ()),
        actor=actor,
        since=since,
        until=until,
        first=first,
        last=last,
        text=text,
        newest_first=newest_first,
        limit=limit,
    )
    question = msgspec.structs.replace(asked.asked(), follow=follow)
    refuse_nonsense(question)
    if invocation.url is not None:
        show_elsewhere(invocation, asked, question)
    else:
        show_here(invocation, question)


def show_here(invocation: Invocation, question: Question) -> None:
    """Shows what is asked for of the log that is here."""
    asset = question.matching.asset
    if question.partitions is not None:
        found = with_records(invocation, lambda records: tell_touching(invocation, records, question))
    else:
        found = invocation.reading_log(lambda log: tell_matching(invocation, log, question))
    if not found.count:
        if asset is not None:
            with_records(invocation, lambda records: refuse_unknown(records, asset))
        if invocation.output.form is Format.TEXT:
            invocation.output.note(nothing_text(question, found.head))


def show_elsewhere(invocation: Invocation, asked: LogQuestion, question: Question) -> None:
    """Shows what is asked for of a log elsewhere."""
    output = invocation.output

    async def call(asker: Asker) -> "Listed":
        from daemon.cli.elsewhere import ElsewhereAsker  # noqa: PLC0415 -- httpx, which others need not wait for
        from daemon.cli.log.elsewhere import tell as tell_elsewhere  # noqa: PLC0415 -- as above

        assert isinstance(asker, ElsewhereAsker), "an address was named"
        with output.lines(line_for(output.console)) as write:
            return await tell_elsewhere(asker, asked, write, follow=question.follow)

    listed = with_asker(invocation, call)
    if output.form is not Format.TEXT:
        return
    if not listed.count:
        output.note(nothing_text(question, listed.head))
    elif listed.next is not None:
        output.note(f"{going_on(question, listed.next)}; --limit 0 shows all.")


async def tell_matching(invocation: Invocation, log: Log, question: Question) -> Found:
    """Show what a filter means."""
    asked = question.at(now_of(invocation, log))
    return await tell(invocation, log, Matching(log, asked.matching), asked)


def now_of(invocation: Invocation, log: Log) -> datetime:
    """The time that a time ago is counted from: of a file, when it was exported."""
    if invocation.file is None:
        return SystemClock().now()
    from events.files.log import FileLog  # noqa: PLC0415 -- its imports, which --help need not wait for

    assert isinstance(log, FileLog), "a file was named"
    return log.header.exported_at


async def tell_touching(invocation: Invocation, records: Records, question: Question) -> Found:
    """Show what touches the partitions of an asset.

    :raises RefusedError: there is no such asset.
    """
    asked = question.at(records.now())
    asset = asked.matching.asset or ""
    await refuse_unknown(records, asset)
    world = await records.world()
    those = asked_of(world, asset, asked.partitions, records.now())
    return await tell(invocation, records.log, TouchingSource(records, world, asked.matching, those), asked)


async def refuse_unknown(records: Records, asset: str) -> None:
    """Nothing, if there is such an asset or ever was.

    :raises RefusedError: there is none.
    """
    world = await records.world()
    if not is_known(world, asset):
        raise RefusedError(no_asset_text(world, asset))


async def tell(invocation: Invocation, log: Log, source: Source, question: Question) -> Found:
    """Show what the source has, and how to go on."""
    head = await log.head()
    output, found = invocation.output, Found(head)
    with output.lines(line_for(output.console)) as write:
        if question.follow and question.order is Order.OLDEST_FIRST:
            async for recorded in following(log, source, after=question.after):
                write(shown(recorded))
        async for recorded in answered(source, question, found, upto=question.upto(head)):
            write(shown(recorded))
        if question.follow:
            async for recorded in following(log, source, after=head):
                write(shown(recorded))
    if found.are_more and output.form is Format.TEXT:
        behind = found.last + (1 if question.order is Order.OLDEST_FIRST else -1)
        output.note(f"{going_on(question, behind)}; --limit 0 shows all.")
    return found


def going_on(question: Question, position: int) -> str:
    """The option that shows what comes behind the limit, in place of the same option where it was given."""
    if question.order is Order.OLDEST_FIRST:
        return f"There are more: go on with --from {position}"
    return f"There are earlier ones: go on with --to {position}"


def nothing_text(question: Question, head: int) -> str:
    """What people are told where there is no fact to be shown."""
    if not head:
        return "The log is empty."
    actor = question.matching.actor
    is_short = actor is not None and actor != BY_ITSELF and not actor.startswith(BY_RUN) and "@" not in actor
    return "No fact matches." + (" Actors are named whole, such as ada@office." if is_short else "")


app.command("show")(one_fact.show)
app.command("stats")(stats.stats)
app.command("verify")(verifying.verify)
