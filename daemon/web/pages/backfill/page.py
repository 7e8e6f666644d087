"""The page `/backfills/{id}`."""

from typing import Final

from litestar import Response, get

from daemon.operations.errors import UsageError
from daemon.operations.failed_runs import failed_runs
from daemon.web.asking import Asking
from daemon.web.pages.backfill.actions import actions_of
from daemon.web.pages.backfill.amend_form import Form, form_of
from daemon.web.pages.backfill.view import run_shown, view_of
from daemon.web.pages.launch.asked import ORDERS
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from daemon.web.pages.timeline.finding import Shown, Which, time_typed, timeline_shown

RUNS_SHOWN: Final = 20


@get("/backfills/{backfill_id:str}", name="backfill")
async def backfill_page(backfill_id: str, request: AnyRequest, asking: Asking) -> Response[str]:
    """The backfill.

    :raises UnknownError: there is no such backfill.
    """
    return await shown(await look(request, asking), backfill_id)


async def shown(
    seen: Look,
    backfill_id: str,
    *,
    refused: dict[str, str] | None = None,
    opened: str = "",
    typed: Form | None = None,
    notes: tuple[str, ...] = (),
    status: int = 200,
) -> Response[str]:
    """The page of a backfill; with what was refused, by the action that was tried or by its field.

    :param opened: the action whose form is open.

    :raises UnknownError: there is no such backfill.
    """
    records = seen.records
    backfill = await records.backfill(seen.world, backfill_id)
    runs = await records.rows("runs", limit=RUNS_SHOWN, backfill_id=backfill_id)
    refused = dict(refused or {})
    timeline = await _timeline(seen, backfill_id, refused)
    failures = await failed_runs(records, seen.world, backfill)
    # What was awaited may have moved the world on, and the backfill is another object then.
    backfill = await records.backfill(seen.world, backfill_id)
    return rendered(
        seen,
        "backfill.html",
        {
            "view": view_of(seen, backfill, failures),
            "backfill": backfill,
            "runs": [run_shown(row, records.now()) for row in runs],
            "timeline": timeline,
            "is_zoomed": bool(seen.query.get("since") or seen.query.get("until")),
            "actions": actions_of(seen, backfill),
            "amend": typed or form_of(backfill),
            "orders": ORDERS,
            "refused": refused,
            "opened": opened,
            "notes": notes,
        },
        status=422 if "timeline" in refused and status == 200 else status,
    )


async def _timeline(seen: Look, backfill_id: str, refused: dict[str, str]) -> Shown | None:
    """The timeline, of the time that the address asks for; why there is none, if it makes no sense."""
    try:
        since, until = time_typed(seen, "since"), time_typed(seen, "until")
    except UsageError as error:
        refused["timeline"] = str(error)
        return None
    return await timeline_shown(seen, Which(backfill=backfill_id, since=since, until=until))
