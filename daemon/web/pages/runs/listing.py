"""The page `/runs`: what was launched, newest first; a backfill is a row, or each of its runs is."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response, get

from daemon.operations.errors import UsageError
from daemon.operations.paging import position_cursor
from daemon.operations.runs import RUN_STATUSES, RunRow, check_status
from daemon.web.asking import Asking
from daemon.web.pages.backfill.progress import Row, row_of, total_of
from daemon.web.pages.backfill.view import RunShown, run_shown
from daemon.web.pages.lasting import Lasting
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.mistakes import mistake_of
from daemon.web.pages.rendering import rendered
from daemon.web.pages.timeline.finding import Which, launched_in, time_typed, timeline_shown
from projections.backfill.state import Backfill
from projections.progress import elapsed_s, progress_of

LISTED: Final = 50
FILTERS: Final = ("status", "asset", "backfill")
TIMES: Final = ("since", "until")


class Whole(msgspec.Struct, frozen=True):
    """A backfill as one row."""

    backfill: Backfill
    row: Row
    assets: tuple[str, ...]
    took: Lasting | None
    run: RunShown | None  # the only one it has, once launched

    @property
    def is_one_run(self) -> bool:
        """Whether it is shown as its run."""
        return self.run is not None


@get("/runs", name="runs")
async def runs_page(request: AnyRequest, asking: Asking) -> Response[str]:
    """The runs that the filters leave, in a table or on a timeline.

    :raises UsageError: there is no such status, or no such place to go on from.
    """
    seen = await look(request, asking)
    typed = {name: seen.query.get(name, "").strip() for name in (*FILTERS, *TIMES)}
    # Filters on what only runs have make single runs of it; a backfill and its runs have other statuses.
    is_within = seen.query.get("within") == "on" or any(
        typed[name] for name in ("backfill", "status", *TIMES)
    )
    cursor = seen.query.get("cursor") or None
    mistake, values = None, dict[str, Any](rows=[], wholes=[], following=None, timeline=None)
    view = "timeline" if seen.query.get("view") == "timeline" and is_within else "table"
    try:
        if is_within:
            values |= await _within(seen, _which(seen, typed), cursor, is_drawn=view == "timeline")
        else:
            values |= await _wholes(seen, typed, cursor)
    except UsageError as error:
        mistake = mistake_of(str(error), (*FILTERS, *TIMES))
    kept = typed | {"within": "on" if is_within else "", "view": "timeline" if view == "timeline" else ""}
    frame = {
        "typed": typed,
        "is_within": is_within,
        "view": view,
        "statuses": RUN_STATUSES,
        "assets": list(seen.world.catalog.assets),
        "kept": kept,
        "untimed": {name: value for name, value in kept.items() if name not in TIMES},
        "listing": {name: value for name, value in kept.items() if name not in (*TIMES, "view")},
        "cursor": cursor,
        "mistake": mistake,
    }
    return rendered(seen, "runs.html", frame | values, status=200 if mistake is None else 422)


def _which(seen: Look, typed: Mapping[str, str]) -> Which:
    """The attempts that the filters leave.

    :raises UsageError: there is no such status, or no such time.
    """
    given = {name: typed[name] or None for name in FILTERS}
    check_status(given["status"])
    return Which(**given, since=time_typed(seen, "since"), until=time_typed(seen, "until"))


async def _within(seen: Look, which: Which, cursor: str | None, *, is_drawn: bool) -> dict[str, Any]:
    """Each attempt as a row; and when they ran, if that is asked for."""
    before = position_cursor(cursor)
    launched = launched_in(seen, which) if which.is_of_a_time else None
    if which.is_of_a_time and launched is None:
        return {}
    found = await seen.records.rows(
        "runs", limit=LISTED + 1, before=before, launched=launched, **which.where()
    )
    rows = msgspec.convert(found[:LISTED], list[RunRow])
    now = seen.records.now()
    return {
        "rows": [(each, run_shown(row, now)) for each, row in zip(rows, found, strict=False)],
        "following": str(rows[-1].position) if len(found) > LISTED else None,
        "timeline": await timeline_shown(seen, which) if is_drawn else None,
    }


async def _wholes(seen: Look, typed: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    """Each backfill as a row; one of a single run as that run."""
    known, before = seen.world.known, position_cursor(cursor)
    chosen = sorted(
        (
            each
            for each in (*known.active.values(), *known.ended.values())
            if (before is None or each.request_position < before)
            and (not typed["asset"] or typed["asset"] in each.assets)
        ),
        key=lambda backfill: backfill.request_position,
        reverse=True,
    )
    page = chosen[:LISTED]
    single = {each.id for each in page if each.request.runs_total == 1}
    found = await seen.records.rows("runs", limit=0, backfill_id=single) if single else []
    only = {row["backfill_id"]: msgspec.convert(row, RunRow) for row in reversed(found)}
    return {
        "wholes": [_whole(seen, each, only.get(each.id)) for each in page],
        "following": str(page[-1].request_position) if len(chosen) > LISTED else None,
    }


def _whole(seen: Look, backfill: Backfill, only: RunRow | None) -> Whole:
    now = seen.records.now()
    spent_s = elapsed_s(backfill, now)
    return Whole(
        backfill,
        row_of(backfill.id, total_of(progress_of(backfill).assets)),
        tuple(backfill.assets),
        Lasting(spent_s, goes_on=backfill.completed is None) if spent_s else None,
        None if only is None else run_shown(msgspec.structs.asdict(only), now),
    )
