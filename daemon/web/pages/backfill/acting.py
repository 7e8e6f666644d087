"""What the forms on the page of a backfill do."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from litestar import Response, get, post
from litestar.response import Redirect

from daemon.operations.amending import amend, left_standing
from daemon.operations.errors import RefusedError, UnknownError, UsageError
from daemon.operations.interventions import Intervened, Intervening, cancel, pause, resume
from daemon.operations.launching import RetryAsked, retry
from daemon.operations.operation import Operation, Role
from daemon.web.access import needs
from daemon.web.asking import Asking
from daemon.web.pages.backfill.actions import ACTIONS
from daemon.web.pages.backfill.amend_form import amendment_asked, typed_form
from daemon.web.pages.backfill.page import shown
from daemon.web.pages.looking import AnyRequest, Look, look

INTERVENTIONS: Final[Mapping[str, Operation[Intervening, Intervened]]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
}
MAY_ACT: Final = [needs(Role.OPERATOR)]


@get("/backfills/{backfill_id:str}/{action:str}")
async def sent_before(backfill_id: str, action: str) -> Redirect:
    """The page, for whoever asks again for the address that a form was sent to.

    :raises UnknownError: no form is sent there.
    """
    if action not in ACTIONS:
        raise UnknownError(f"a backfill has no page called {action!r}.")
    return Redirect(f"/backfills/{quote(backfill_id)}", status_code=303)


@post("/backfills/{backfill_id:str}/{action:str}", status_code=200, guards=MAY_ACT)
async def intervene(backfill_id: str, action: str, request: AnyRequest, asking: Asking) -> Response[Any]:
    """Back to the page once it is paused, resumed or canceled; or the page with why it was not.

    :raises UnknownError: there is no such backfill, or no such action.
    """
    seen = await look(request, asking)
    if action not in INTERVENTIONS:
        raise UnknownError(f"nothing is called {action!r} that could be done to a backfill.")
    asked = Intervening(backfill_id=backfill_id, reason=(await _fields(request)).get("reason") or None)
    try:
        await asking.ask(INTERVENTIONS[action], asked, request)
    except RefusedError as error:
        return await shown(seen, backfill_id, refused={action: str(error)}, opened=action, status=409)
    return _back(seen, backfill_id)


@post("/backfills/{backfill_id:str}/retry", status_code=200, guards=MAY_ACT)
async def retry_it(backfill_id: str, request: AnyRequest, asking: Asking) -> Response[Any]:
    """The way to the successor, which is launched once; or the page with why there is none.

    :raises UnknownError: there is no such backfill.
    """
    seen, fields = await look(request, asking), await _fields(request)
    again = RetryAsked(backfill_id=backfill_id, reason=fields.get("reason") or None)
    try:
        launched = await asking.ask(retry, again, request, key=fields.get("key") or None)
    except (RefusedError, UsageError) as error:
        return await shown(seen, backfill_id, refused={"retry": str(error)}, opened="retry", status=409)
    return _back(seen, launched.id)


@post("/backfills/{backfill_id:str}/amend", status_code=200, guards=MAY_ACT)
async def amend_it(backfill_id: str, request: AnyRequest, asking: Asking) -> Response[Any]:
    """Back to the page once it is amended; or the page with what was not, and why.

    :raises UnknownError: there is no such backfill.
    """
    seen, typed = await look(request, asking), typed_form(await _fields(request))
    asked = amendment_asked(await seen.records.backfill(seen.world, backfill_id), typed)
    if isinstance(asked, dict):
        return await shown(seen, backfill_id, refused=asked, opened="amend", typed=typed, status=422)
    try:
        amended = await asking.ask(amend, asked, request)
    except (RefusedError, UsageError) as error:
        refused = {"drop" if asked.drop else "amend": str(error)}
        return await shown(seen, backfill_id, refused=refused, opened="amend", typed=typed, status=409)
    notes = tuple(left_standing(amended))
    # They are told once: sending the form again changes nothing.
    return await shown(seen, backfill_id, notes=notes) if notes else _back(seen, backfill_id)


async def _fields(request: AnyRequest) -> dict[str, str]:
    return {name: str(value).strip() for name, value in (await request.form()).items()}


def _back(seen: Look, backfill_id: str) -> Redirect:
    return Redirect(seen.link(f"/backfills/{backfill_id}"), status_code=303)
