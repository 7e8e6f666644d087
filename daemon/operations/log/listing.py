"""The facts of the log that somebody asks for, a page at a time."""

from typing import Annotated

from daemon.operations.asset_names import no_asset_text
from daemon.operations.errors import UnknownError
from daemon.operations.fields import Limit, said
from daemon.operations.log.finding import Found, Matching, Source, answered
from daemon.operations.log.question import (
    Order,
    Question,
    known_types,
    matching_of,
    order_of,
    refuse_nonsense,
    time_typed,
)
from daemon.operations.log.shown import Shown, shown
from daemon.operations.log.touching import TouchingSource
from daemon.operations.operation import Page, PastQuestion, operation
from daemon.operations.records import Records
from events.log import Filter
from projections.audit.asked import asked_of, is_known


class LogQuestion(PastQuestion, frozen=True, kw_only=True):
    """Which facts; every condition given must hold."""

    backfill: Annotated[str | None, said("Only what is about this backfill.")] = None
    run: Annotated[str | None, said("Only what is about this run.")] = None
    asset: Annotated[
        str | None,
        said("Only what is about this asset: backfills that fill it, and what their runs do to it."),
    ] = None
    partitions: Annotated[
        str | None, said("With an asset, only what touches these: '2024-01-05, [2024-02-01...2024-02-29]'.")
    ] = None
    type: Annotated[
        tuple[str, ...], said("Only facts of this type, such as RunFailed; may be repeated.")
    ] = ()
    actor: Annotated[str | None, said("Only what this one said: ada@office, or daemon.")] = None
    since: Annotated[
        str | None, said("Begin at this time: 2024-03-01T12:00 (UTC), or 2h for two hours ago.")
    ] = None
    until: Annotated[str | None, said("Only what happened before this time.")] = None
    first: Annotated[int | None, said("Begin at this position.")] = None
    last: Annotated[int | None, said("End with this position.")] = None
    text: Annotated[
        str | None,
        said(
            "Only facts whose JSON has this text, in either case. Looks through all that the other "
            "options leave."
        ),
    ] = None
    newest_first: Annotated[
        bool | None,
        said("The newest on top, or the first there are. By default the last ones, oldest on top."),
    ] = None
    limit: Limit = 100

    def _matching(self) -> Filter:
        types = known_types(list(self.type))
        return Filter(self.backfill, self.run, types, asset=self.asset, actor=self.actor, text=self.text)

    def asked(self) -> Question:
        """The question as the log takes it.

        :raises UsageError: it makes no sense.
        """
        begins = self.first is not None or self.since is not None
        question = Question(
            matching_of(self._matching()),
            order_of(self.newest_first, begins=begins),
            self.limit,
            self.first,
            self.last,
            time_typed(self.since, "--since"),
            time_typed(self.until, "--until"),
            self.partitions,
        )
        refuse_nonsense(question)
        return question


@operation("GET", "/log")
async def log(records: Records, asked: LogQuestion) -> Page[Shown]:
    """List facts of the log: the last ones, or from a position or time on the first ones.

    ``next`` is the position to go on with: as ``last`` where the last ones were asked for, else as ``first``.

    :raises UsageError: the question makes no sense.
    :raises UnknownError: there is no such asset.
    """
    question = asked.asked().at(records.now())
    found = Found(records.upto or await records.log.head())
    source = await source_of(records, question)
    facts = [shown(each) async for each in answered(source, question, found, upto=question.upto(found.head))]
    if not found.are_more:
        return Page(facts)
    is_forward = question.order is Order.OLDEST_FIRST
    return Page(facts, str(found.last + 1 if is_forward else found.last - 1))


async def source_of(records: Records, question: Question) -> Source:
    """Where the facts come from.

    :raises UnknownError: there is no such asset.
    """
    asset = question.matching.asset
    if asset is None:
        return Matching(records.log, question.matching)
    world = await records.world()
    if not is_known(world, asset):
        raise UnknownError(no_asset_text(world, asset))
    if question.partitions is None:
        return Matching(records.log, question.matching)
    those = asked_of(world, asset, question.partitions, records.now())
    return TouchingSource(records, world, question.matching, those)
