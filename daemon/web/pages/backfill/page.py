"""The page `/backfills/{id}`."""

from typing import Any, Final

from litestar import Response, get

from daemon.operations.failed_runs import failed_runs
from daemon.web.asking import Asking
from daemon.web.pages.backfill.actions import actions_of
from daemon.web.pages.backfill.amend_form import Form, form_of
from daemon.web.pages.backfill.timeline import LANES_MAX, numbers_shown, timeline_of
from daemon.web.pages.backfill.view import run_shown, view_of
from daemon.web.pages.launch.asked import ORDERS
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from projections.backfill.state import Backfill

RUNS_SHOWN: Final = 20
ATTEMPTS_SHOWN_MAX: Final = 2 * LANES_MAX  # in the timeline


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
    lanes = await _lanes(seen, backfill)
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
            "timeline": timeline_of(lanes, backfill.request.runs_total, records.now()),
            "actions": actions_of(seen, backfill),
            "amend": typed or form_of(backfill),
            "orders": ORDERS,
            "refused": refused or {},
            "opened": opened,
            "notes": notes,
        },
        status=status,
    )


async def _lanes(seen: Look, backfill: Backfill) -> list[dict[str, Any]]:
    """The rows of the runs that the timeline shows: all attempts, or of too many some first ones."""
    if backfill.runs_launched <= ATTEMPTS_SHOWN_MAX:
        return await seen.records.rows("runs", limit=ATTEMPTS_SHOWN_MAX, backfill_id=backfill.id)
    numbers = numbers_shown(backfill.request.runs_total)
    names = [f"{backfill.id}-{number}-1" for number in numbers]
    return await seen.records.rows("runs", limit=len(names), id=names)
