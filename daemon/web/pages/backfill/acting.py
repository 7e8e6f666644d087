"""What the forms on the page of a backfill do."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
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


@get("/backfills/{backfill_id:str}/{action:str}")
async def sent_before(backfill_id: str, action: str) -> Redirect:
    """The page, for whoever asks again for the address that a form was sent to.

    :raises UnknownError: no form is sent there.
    """
    if action not in ACTIONS:
        raise UnknownError(f"a backfill has no page called {action!r}.")
    return Redirect(f"/backfills/{quote(backfill_id)}", status_code=303)


@post("/backfills/{backfill_id:str}/{action:str}", status_code=200, guards=[needs(Role.OPERATOR)])
async def act(backfill_id: str, action: str, request: AnyRequest, asking: Asking) -> Response[Any]:
    """Back to the page once it is done, or to the successor that was launched; or the page with why not.

    :raises UnknownError: there is no such backfill, or no such action.
    """
    sent = _Sent(await look(request, asking), asking, backfill_id, await _fields(request))
    if action == "retry":
        return await _retry(sent)
    if action == "amend":
        return await _amend(sent)
    if action in INTERVENTIONS:
        return await _intervene(sent, action)
    raise UnknownError(f"nothing is called {action!r} that could be done to a backfill.")


class _Sent(NamedTuple):
    """A form that was sent."""

    seen: Look
    asking: Asking
    backfill_id: str
    fields: dict[str, str]

    @property
    def reason(self) -> str | None:
        return self.fields.get("reason") or None

    def back(self, backfill_id: str) -> Redirect:
        return Redirect(self.seen.link(f"/backfills/{backfill_id}"), status_code=303)


async def _intervene(sent: _Sent, action: str) -> Response[Any]:
    asked = Intervening(backfill_id=sent.backfill_id, reason=sent.reason)
    try:
        await sent.asking.ask(INTERVENTIONS[action], asked, sent.seen.request)
    except UnknownError:
        raise
    except RefusedError as error:
        return await shown(
            sent.seen, sent.backfill_id, refused={action: str(error)}, opened=action, status=409
        )
    return sent.back(sent.backfill_id)


async def _retry(sent: _Sent) -> Response[Any]:
    again = RetryAsked(backfill_id=sent.backfill_id, reason=sent.reason)
    try:
        launched = await sent.asking.ask(retry, again, sent.seen.request, key=sent.fields.get("key") or None)
    except UnknownError:
        raise
    except (RefusedError, UsageError) as error:
        return await shown(
            sent.seen, sent.backfill_id, refused={"retry": str(error)}, opened="retry", status=409
        )
    return sent.back(launched.id)


async def _amend(sent: _Sent) -> Response[Any]:
    seen, backfill_id, typed = sent.seen, sent.backfill_id, typed_form(sent.fields)
    asked = amendment_asked(await seen.records.backfill(seen.world, backfill_id), typed)
    if isinstance(asked, dict):
        return await shown(seen, backfill_id, refused=asked, opened="amend", typed=typed, status=422)
    try:
        amended = await sent.asking.ask(amend, asked, seen.request)
    except (RefusedError, UsageError) as error:
        refused = {"drop" if asked.drop else "amend": str(error)}
        return await shown(seen, backfill_id, refused=refused, opened="amend", typed=typed, status=409)
    notes = tuple(left_standing(amended))
    # They are told once: sending the form again changes nothing.
    return await shown(seen, backfill_id, notes=notes) if notes else sent.back(backfill_id)


async def _fields(request: AnyRequest) -> dict[str, str]:
    return {name: str(value).strip() for name, value in (await request.form()).items()}
