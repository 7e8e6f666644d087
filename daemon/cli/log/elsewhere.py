"""The facts of a log elsewhere, a page at a time; and those that come, as they come."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from daemon.cli.elsewhere import ElsewhereAsker, plain_question
from daemon.operations.fields import LIMIT_MAX
from daemon.operations.log.listing import LogQuestion, log
from daemon.operations.log.question import Order, time_typed
from daemon.operations.log.shown import Shown
from daemon.operations.moments import moment
from daemon.operations.operation import Page, PastQuestion

Write = Callable[[object], None]


class Listed(msgspec.Struct, frozen=True):
    """What was written, and where one goes on."""

    count: int
    head: int  # of the log
    next: int | None = None  # position; None: there are no more


async def tell(asker: ElsewhereAsker, asked: LogQuestion, write: Write, *, follow: bool) -> Listed:
    """Writes the facts that are asked for; where they are followed, those that come too, without end."""
    question = asked.asked()
    head = (await asker.ask(moment, PastQuestion())).head
    if follow and question.order is Order.OLDEST_FIRST:
        await _follow(asker, asked, write, after=question.after)
    if follow:
        asked = msgspec.structs.replace(asked, last=head)
    if question.order is Order.LAST and question.limit == 0:
        asked = msgspec.structs.replace(asked, newest_first=False)
    listed = await _list(asker, asked, write, head)
    if follow:
        await _follow(asker, asked, write, after=head)
    return listed


async def _list(asker: ElsewhereAsker, asked: LogQuestion, write: Write, head: int) -> Listed:
    count, following = 0, None
    kept: list[Page[Shown]] = []
    is_last = asked.asked().order is Order.LAST
    async for page in pages_of(asker, asked):
        count += len(page.items)
        following = None if page.next is None else int(page.next)
        if is_last:
            kept.append(page)
            continue
        for fact in page.items:
            write(fact)
    for page in reversed(kept):  # Each was before the one that was asked for earlier.
        for fact in page.items:
            write(fact)
    return Listed(count, head, following)


async def pages_of(asker: ElsewhereAsker, asked: LogQuestion) -> AsyncIterator[Page[Shown]]:
    """The pages up to the limit, each beginning where the one before ends."""
    is_forward = asked.asked().order is Order.OLDEST_FIRST
    left = asked.limit
    while True:
        part = min(left, LIMIT_MAX) if asked.limit else LIMIT_MAX
        page = await asker.ask_patiently(log, msgspec.structs.replace(asked, limit=part))
        yield page
        left -= len(page.items)
        if page.next is None or (asked.limit and left <= 0):
            return
        edge = {"first" if is_forward else "last": int(page.next)}
        asked = msgspec.structs.replace(asked, **edge)


async def _follow(asker: ElsewhereAsker, asked: LogQuestion, write: Write, *, after: int) -> None:
    """Writes what matches past ``after``, then what comes, for ever; none is left out, none comes twice."""
    head = (await asker.ask_patiently(moment, PastQuestion())).head
    if head > after:
        part = msgspec.structs.replace(asked, first=after + 1, last=head, newest_first=False, limit=0)
        await _list(asker, part, write, head)
    async with aclosing(
        asker.followed("/log/stream", Shown, to_come(asked), after=max(after, head))
    ) as facts:
        async for fact in facts:
            write(fact)


def to_come(asked: LogQuestion) -> dict[str, Any]:
    """What is asked of facts to come, as the stream takes it."""
    since = time_typed(asked.since, "--since")
    if since is not None and since.ago is not None:
        # All that comes is newer; a time ago, counted anew over a break, would leave out what came in it.
        asked = msgspec.structs.replace(asked, since=None)
    left_out = {"first": None, "last": None, "newest_first": None, "limit": LogQuestion().limit}
    return plain_question(msgspec.structs.replace(asked, **left_out))
