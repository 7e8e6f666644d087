"""The page `/runs/{id}`: its facts, partitions, attempts, output and error, and what can be done about it."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from backfilld.partitions import MultiPartitions, Partitions
from backfilld.range_text import format_ranges
from backfilld.range_text.cursor import MARKS_OF_TWO, quoted
from daemon.fact_text import ranges_text
from daemon.operations.errors import RefusedError
from daemon.operations.interventions import CancelingRun, cancel_run
from daemon.operations.log.shown import Shown
from daemon.operations.operation import Role
from daemon.operations.run import RunAsked, RunShown, run
from daemon.operations.runs import RunRow
from daemon.web.access import needs
from daemon.web.asking import Asking
from daemon.web.pages.lasting import lasting
from daemon.web.pages.log import line_of
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from events.facts import Failure, PartitionFailed, PartitionKeys, RunFailed
from projections.sets import ranges_of

LINES_SHOWN: Final = 500
FACTS_SHOWN_MAX: Final = 200
ATTEMPTS_MAX: Final = 50


class Error(msgspec.Struct, frozen=True):
    """A failure, and of what."""

    of: str
    failure: Failure


@get("/runs/{run_id:str}", name="run")
async def run_page(run_id: str, request: AnyRequest, asking: Asking) -> Response[str]:
    """The run.

    :raises UnknownError: there is no such run.
    """
    return await _page(await look(request, asking), run_id)


@get("/runs/{run_id:str}/cancel")
async def canceled_before(run_id: str) -> Redirect:
    """The page, for whoever asks again for the address that its form was sent to."""
    return Redirect(f"/runs/{quote(run_id)}", status_code=303)


@post("/runs/{run_id:str}/cancel", status_code=200, guards=[needs(Role.OPERATOR)])
async def cancel_it(run_id: str, request: AnyRequest, asking: Asking) -> Response[Any]:
    """Back to the page once the run is being ended; or the page with why it is not.

    :raises UnknownError: there is no such run.
    """
    seen = await look(request, asking)
    reason = str((await request.form()).get("reason") or "").strip() or None
    try:
        await asking.ask(cancel_run, CancelingRun(run_id=run_id, reason=reason), request)
    except RefusedError as error:
        return await _page(seen, run_id, refusal=str(error), status=409)
    return Redirect(seen.link(f"/runs/{run_id}"), status_code=303)


async def _page(seen: Look, run_id: str, *, refusal: str | None = None, status: int = 200) -> Response[str]:
    found = await run(seen.records, RunAsked(run_id=run_id, lines=LINES_SHOWN))
    return rendered(
        seen,
        "run.html",
        {
            "run": found,
            "which": "" if found.partitions is None else ranges_text(found.partitions),
            "took": lasting(found.started_at or found.launched_at, found.ended_at, seen.records.now()),
            "lines_max": LINES_SHOWN,
            "attempts": await _attempts(seen, found),
            "errors": errors_of(found.facts),
            "lines": [line_of(each) for each in found.facts[:FACTS_SHOWN_MAX]],
            "facts_more": max(len(found.facts) - FACTS_SHOWN_MAX, 0),
            "is_over": found.ended_at is not None,
            "typed": _typed(seen, found),
            "refusal": refusal,
        },
        status=status,
    )


async def _attempts(seen: Look, found: RunShown) -> list[RunRow]:
    """All attempts at what the run was to fill, the first one first."""
    piece = found.id.rpartition("-")[0]  # Its number alone would name the whole that it is a piece of.
    names = [f"{piece}-{attempt}" for attempt in range(1, ATTEMPTS_MAX + 1)]
    rows = await seen.records.rows("runs", limit=0, id=names)
    return [msgspec.convert(row, RunRow) for row in reversed(rows)]


def errors_of(facts: Sequence[Shown]) -> list[Error]:
    """What went wrong: of each asset, or where none is to blame, of the run."""
    found = []
    for each in facts:
        match each.fact:
            case PartitionFailed(asset=asset, partitions=partitions, failure=failure):
                keys = "" if partitions is None else f" {ranges_text(partitions)}"
                found.append(Error(f"{asset}{keys}", failure))
            case RunFailed(failure=failure) if not found:
                found.append(Error("the run", failure))
            case _:
                pass
    return found


def _typed(seen: Look, found: RunShown) -> str:
    """The partitions of a run as they would be typed."""
    backfill = seen.world.backfill(found.backfill_id)
    plan = None if backfill is None else seen.world.plan_of(backfill.request, backfill.request_position)
    return range_text(found.partitions, None if plan is None else plan.group_at(found.number).partitions)


def range_text(keys: PartitionKeys | None, partitions: Partitions | None) -> str:
    """The partitions as they would be typed: a key that would be read as something else is in quotes.

    :param partitions: those that the keys are among; None: it is not known which those are.

    >>> range_text(PartitionKeys((("a", "c"), ("d,e", "d,e")), 4), None)
    '[a...c], "d,e"'
    """
    if keys is None:
        return ""
    if isinstance(partitions, MultiPartitions):
        return format_ranges(ranges_of(keys, partitions), partitions)
    # In quotes too where the text would be read as that of an asset: key=1.
    return ", ".join(
        quoted(first, MARKS_OF_TWO)
        if first == last
        else f"[{quoted(first, MARKS_OF_TWO)}...{quoted(last, MARKS_OF_TWO)}]"
        for first, last in keys.ranges
    )
