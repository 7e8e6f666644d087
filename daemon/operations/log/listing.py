"""The facts of the log that somebody asks for, a page at a time."""

from daemon.operations.asset_names import no_asset_text
from daemon.operations.errors import UnknownError
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
from daemon.operations.operation import Limit, Page, PastQuestion, operation
from daemon.operations.records import Records
from events.log import Filter
from projections.audit.asked import asked_of, is_known


class LogQuestion(PastQuestion, frozen=True, kw_only=True):
    """Which facts; every condition given must hold."""

    backfill: str | None = None
    run: str | None = None
    asset: str | None = None
    partitions: str | None = None  # of the asset, as typed
    type: tuple[str, ...] = ()
    actor: str | None = None
    since: str | None = None  # a time, or a time ago
    until: str | None = None
    first: int | None = None  # position
    last: int | None = None
    text: str | None = None
    newest_first: bool | None = None
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
