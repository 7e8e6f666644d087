"""Where server-sent events are to be had."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

import structlog
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, ParameterKwarg, PathParameter, QueryParameter
from litestar.response import Stream

from daemon.operations.fields import meaning_of
from daemon.operations.interventions import Intervening
from daemon.operations.log.listing import LogQuestion, source_of
from daemon.operations.log.question import Question
from daemon.operations.log.touching import TouchingSource
from daemon.operations.operation import Role
from daemon.operations.records import Records
from daemon.web.access import identity_of, needs
from daemon.web.asking import Asking
from daemon.web.identifying import address_of
from daemon.web.pages.looking import AnyRequest
from daemon.web.routes import problems, refuse_unknown
from daemon.web.streams.facts import Wanted, facts_after, resumed
from daemon.web.streams.told import MEDIA_TYPE
from daemon.web.streams.watched import while_let_in
from events.envelope import Recorded
from events.errors import LogError

# A proxy that collects what it passes on would make it late.
HEADERS: Final = {"x-accel-buffering": "no", "cache-control": "no-store"}
LOOKS: Final = [needs(Role.VIEWER)]
CONDITIONS: Final = ("backfill", "run", "asset", "type", "partitions", "actor", "since", "text")

LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="The id of the last event that came: it goes on behind it, whatever `after` says.",
    ),
]
After = Annotated[
    int | None,
    QueryParameter(
        name="after",
        ge=0,
        le=2**63 - 1,
        description="The position of the log to begin behind; now, where none is given.",
    ),
]
OfBackfill = Annotated[str, PathParameter(description=meaning_of(Intervening, "backfill_id"))]

log = structlog.get_logger(__name__)


def _of_log(name: str) -> ParameterKwarg:
    """A condition of `LogQuestion`."""
    return QueryParameter(name=name, description=meaning_of(LogQuestion, name))


@get(
    "/log/stream",
    guards=LOOKS,
    operation_id="log_stream",
    media_type=MEDIA_TYPE,
    name="api:log_stream",
    responses=problems({}),
)
async def log_stream(
    request: AnyRequest,
    asking: Asking,
    *,
    last_event_id: LastEventId = None,
    after: After = None,
    backfill: Annotated[str | None, _of_log("backfill")] = None,
    run: Annotated[str | None, _of_log("run")] = None,
    asset: Annotated[str | None, _of_log("asset")] = None,
    type: Annotated[list[str] | None, _of_log("type")] = None,  # noqa: A002 -- as `log` has it
    partitions: Annotated[str | None, _of_log("partitions")] = None,
    actor: Annotated[str | None, _of_log("actor")] = None,
    since: Annotated[str | None, _of_log("since")] = None,
    text: Annotated[str | None, _of_log("text")] = None,
) -> Stream:
    """Follow the log: an event `fact` for each fact behind the position `after`, by default from now on.

    The id of an event is its position. A connection that breaks is resumed with `Last-Event-ID`: nothing is
    lost, and nothing told twice.
    """
    refuse_unknown(request, {"after", *CONDITIONS})
    question = LogQuestion(
        backfill=backfill,
        run=run,
        asset=asset,
        partitions=partitions,
        type=tuple(type or ()),
        actor=actor,
        since=since,
        text=text,
    ).asked()
    records = await asking.records(identity_of(request).name)
    wanted = await wanted_of(asking, records, question.at(records.now()))
    position = resumed(after, last_event_id, await asking.log.head())
    return streamed(request, asking, facts_after(asking.log, asking.hub, position, wanted))


async def wanted_of(asking: Asking, records: Records, question: Question) -> Wanted:
    """Which facts a question means.

    :raises UnknownError: it is about an asset that there is not.
    """
    source = await source_of(records, question)
    if not isinstance(source, TouchingSource):
        return Wanted(asking.log, question.matching)

    async def touches(recorded: Recorded) -> bool:
        if recorded.position > asking.live.position:
            await asking.live.at_head()  # That is the world which the source looks into.
        return await source.touches(recorded)

    return Wanted(asking.log, question.matching, touches)


@get(
    "/backfills/{backfill_id:str}/progress",
    guards=LOOKS,
    operation_id="backfill_progress",
    media_type=MEDIA_TYPE,
    name="api:backfill_progress",
    responses=problems({}),
)
async def backfill_progress(request: AnyRequest, asking: Asking, backfill_id: OfBackfill) -> Stream:
    """Follow a backfill: an event `progress` with how it stands, now and whenever that has changed.

    At most four a second. An event `end` is the last one, once the backfill has ended.
    """
    refuse_unknown(request, ())
    records = await asking.records(identity_of(request).name)
    await records.backfill(await records.world(), backfill_id)
    return streamed(request, asking, asking.progress.standings(backfill_id))


@get(
    "/changes",
    guards=LOOKS,
    operation_id="changes",
    media_type=MEDIA_TYPE,
    name="api:changes",
    responses=problems({}),
)
async def changes(
    request: AnyRequest,
    asking: Asking,
    *,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Stream:
    """Follow what changes: an event `changed` that names backfills and assets, or null for any.

    At most two a second, the same for everybody: a sign to look again, not a record. Whoever has looked at
    a position says so with `after`, and hears at once if the log has grown since.
    """
    refuse_unknown(request, {"after"})
    position = resumed(after, last_event_id, await asking.log.head())
    return streamed(request, asking, asking.changes.pulses(asking.log, position))


def streamed(request: AnyRequest, asking: Asking, events: AsyncGenerator[bytes]) -> Stream:
    """The events as an answer.

    :raises TooManyRequestsException: they follow as often as they may already.
    :raises ServiceUnavailableException: there are too many such answers already.
    """
    identity = identity_of(request)
    asking.places.take(identity.name if identity.token else address_of(request.scope), request.scope)
    theirs = while_let_in(asking.hub, asking.identifying, identity, events)
    return Stream(_until_unavailable(theirs), media_type=MEDIA_TYPE, headers=HEADERS)


async def _until_unavailable(events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except LogError as error:  # The headers are sent: a connection that ends is what can still be said.
            log.warning("web.stream_ended", reason=str(error))


STREAMS: Final[tuple[HTTPRouteHandler, ...]] = (log_stream, backfill_progress, changes)
