"""All pages there are."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from daemon.web.pages.asset import asset
from daemon.web.pages.audit import audit_page, backfill_audit_page
from daemon.web.pages.backfill.acting import act, sent_before
from daemon.web.pages.backfill.page import backfill_page
from daemon.web.pages.backfills import backfills_page
from daemon.web.pages.launch.page import launch_form, launch_it
from daemon.web.pages.lineage.page import lineage
from daemon.web.pages.log import fact_page, log_page
from daemon.web.pages.runs.listing import runs_page
from daemon.web.pages.runs.one import cancel_it, canceled_before, run_page
from daemon.web.pages.signing_in import login, login_page, logout

PAGES: Final[tuple[HTTPRouteHandler, ...]] = (
    lineage,
    asset,
    runs_page,
    run_page,
    canceled_before,
    cancel_it,
    log_page,
    fact_page,
    audit_page,
    backfill_audit_page,
    launch_form,
    launch_it,
    backfills_page,
    backfill_page,
    sent_before,
    act,
    login_page,
    login,
    logout,
)
