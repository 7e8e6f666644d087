"""Audits, to read and to print: of an asset's partitions, and of a backfill."""

from typing import Any

import msgspec
from litestar import Response, get

from daemon.operations.audit.asset import AboutAsset, audit
from daemon.operations.audit.backfill import AboutBackfill, audit_backfill
from daemon.operations.audit.document import Note, Pairs, Table
from daemon.operations.audit.page import page_of
from daemon.operations.log.readable import readable
from daemon.operations.operation import Page
from daemon.web.asking import Asking
from daemon.web.pages.looking import MISTAKES, AnyRequest, look
from daemon.web.pages.rendering import rendered
from projections.audit.attempts import Attempt

PAGE = 100  # facts
KINDS = {Pairs: "pairs", Table: "table", Note: "note"}


class Row(msgspec.Struct, frozen=True):
    """An attempt, and what it left behind in words."""

    attempt: Attempt
    said: tuple[str, ...]


@get("/audit", name="audit")
async def audit_page(request: AnyRequest, asking: Asking) -> Response[str]:
    """Every attempt at partitions of an asset; a text that makes no sense is told where it was typed."""
    seen = await look(request, asking)
    asset, partitions = (seen.query.get(name, "").strip() for name in ("asset", "partitions"))
    refusal, found = None, Page[Attempt]([])
    if asset:
        try:
            asked = AboutAsset(
                asset=asset, partitions=partitions or None, limit=PAGE, cursor=seen.query.get("cursor")
            )
            found = await audit(seen.records, asked)
        except MISTAKES as error:
            refusal = str(error)
    return rendered(
        seen,
        "audit.html",
        {
            "asset": asset,
            "partitions": partitions,
            "assets": list(seen.world.catalog.assets),
            "rows": [Row(each, said_by(each)) for each in found.items],
            "next": found.next,
            "refusal": refusal,
        },
        status=200 if refusal is None else 422,
    )


def said_by(attempt: Attempt) -> tuple[str, ...]:
    """Its metadata, or what went wrong."""
    told: Any = attempt.metadata or attempt.failure
    return tuple(readable(msgspec.to_builtins(told, enc_hook=str))) if told else ()


@get("/backfills/{backfill_id:str}/audit", name="backfill_audit")
async def backfill_audit_page(request: AnyRequest, asking: Asking, backfill_id: str) -> Response[str]:
    """All of a backfill on one page."""
    seen = await look(request, asking)
    account = await audit_backfill(seen.records, AboutBackfill(backfill_id=backfill_id))
    page = page_of(account)
    sections = [
        (each.title, [(KINDS[type(block)], block) for block in each.blocks]) for each in page.sections
    ]
    return rendered(
        seen, "backfill_audit.html", {"page": page, "sections": sections, "backfill_id": backfill_id}
    )
