"""The page `/launch`: a GET previews what its form asks for, a POST launches it."""

import os
import secrets
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from daemon.operations.errors import RefusedError
from daemon.operations.launching import backfill_id_of, launch
from daemon.operations.operation import Role
from daemon.operations.plan import estimated
from daemon.plan_text import estimate_text
from daemon.planning.planned import PlannedBackfill
from daemon.web.access import needs
from daemon.web.asking import Asking
from daemon.web.pages.launch.asked import ORDERS, Meant, meant
from daemon.web.pages.launch.pictures import Picture, picture_of
from daemon.web.pages.launch.preview import RUNS_LISTED_MAX, preview_of
from daemon.web.pages.launch.roots import Root
from daemon.web.pages.launch.typed import OF_A_ROOT, WHICH, Typed, typed_of
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from projections.asset_status import AssetStatus

CHANGED: Final = "What would run has changed since you looked. This is how it is now: look again, and launch."
NAMES_OFFERED_MAX: Final = 500
RUNS_SIMULATED_MAX: Final = 2_000  # which takes some 0.2 s


@get("/launch", name="launch")
async def launch_form(request: AnyRequest, asking: Asking) -> Response[str]:
    """The form, with what it would launch."""
    seen = await look(request, asking)
    typed = typed_of(request.query_params.multi_items())
    asked = await meant(seen.world, typed, seen.records.now())
    if not typed.is_estimated or asked.found is None:
        return shown(seen, typed, asked)
    return shown(seen, typed, asked, estimate=await _estimate_text(seen, asked.found))


@post("/launch", name="launch-it", status_code=200, guards=[needs(Role.OPERATOR)])
async def launch_it(request: AnyRequest, asking: Asking) -> Response[Any]:
    """The way to the backfill, which is launched once however often the form is sent; or what is wrong."""
    seen = await look(request, asking)
    typed = typed_of((await request.form()).multi_items())
    asked = await meant(seen.world, typed, seen.records.now())
    before = seen.world.backfill(backfill_id_of(seen.identity.name, typed.key))
    if before is not None and asked.is_of(before.request):
        return Redirect(seen.link(f"/backfills/{before.id}"), status_code=303)
    if asked.wanted is None or asked.found is None:
        return shown(seen, typed, asked, status=422)
    if before is not None or typed.digest != asked.found.digest:
        return shown(seen, typed, asked, notice=CHANGED, status=409)
    try:
        launched = await asking.ask(launch, asked.wanted, request, key=typed.key)
    except RefusedError as error:
        return shown(seen, typed, asked, notice=str(error), status=409)
    return Redirect(seen.link(f"/backfills/{launched.id}"), status_code=303)


def shown(
    seen: Look, typed: Typed, asked: Meant, *, notice: str = "", estimate: str = "", status: int = 200
) -> Response[str]:
    """The page of a form."""
    listed = RUNS_LISTED_MAX if seen.query.get("runs") == "all" else None
    preview = None if asked.found is None else preview_of(asked.found, listed=listed)
    assets = seen.world.catalog.assets
    return rendered(
        seen,
        "launch.html",
        {
            "typed": typed,
            "asked": asked,
            "policies": [*asked.policies.items()],
            "roots": [(root, _picture(seen, root)) for root in asked.roots],
            "shape": "//".join(root.shape for root in asked.roots),
            "preview": preview,
            "runs_listed_max": RUNS_LISTED_MAX,
            "orders": ORDERS,
            "which": WHICH,
            "of_a_root": OF_A_ROOT,
            "notice": notice,
            "estimate": estimate,
            "key": secrets.token_urlsafe(16),
            "names": [*assets][:NAMES_OFFERED_MAX],
        },
        status=status,
    )


async def _estimate_text(seen: Look, found: PlannedBackfill) -> str:
    """How long a plan will take; a large one is reckoned, so that the answer comes at once."""
    estimate = await estimated(
        seen.records,
        found,
        seen.records.now(),
        runs_max=os.cpu_count() or 1,
        runs_wanted=RUNS_SIMULATED_MAX,
        simulated_max=RUNS_SIMULATED_MAX,
    )
    return estimate_text(estimate)


def _picture(seen: Look, root: Root) -> Picture | None:
    """How the partitions of a root stand; of several that are alike, those of the first."""
    statuses = seen.world.statuses(seen.records.now())
    return picture_of(root, statuses.get(root.assets[0], AssetStatus()))
