"""The page `/backfills`: all that was asked for, newest first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, get_args

import msgspec
from litestar import Response, get

from daemon.operations.errors import UsageError, did_you_mean
from daemon.operations.typed import digits_typed
from daemon.web.asking import Asking
from daemon.web.pages.backfill.progress import Row, row_of, total_of
from daemon.web.pages.lasting import Lasting
from daemon.web.pages.looking import AnyRequest, look
from daemon.web.pages.rendering import rendered
from projections.backfill.state import Backfill, BackfillStatus
from projections.progress import elapsed_s, progress_of
from projections.world import World

LISTED: Final = 40
STATUSES: Final[tuple[str, ...]] = get_args(BackfillStatus)
UNDER_WAY: Final = "under way"  # any status but an end


class Listed(msgspec.Struct, frozen=True):
    """A backfill in the list."""

    backfill: Backfill
    row: Row
    took: Lasting | None


class Filters(msgspec.Struct, frozen=True):
    """Which backfills are listed."""

    status: str = ""
    text: str = ""  # within the selection, the reason, who asked, the id or a tag
    before: int | None = None  # position of the last one of the page before

    def hold(self, backfill: Backfill) -> bool:
        """Whether a backfill is to be listed."""
        if self.before is not None and backfill.request_position >= self.before:
            return False
        if self.status == UNDER_WAY:
            if backfill.completed is not None:
                return False
        elif self.status and backfill.status != self.status:
            return False
        return not self.text or any(self.text in told.lower() for told in _searched(backfill))


@get("/backfills", name="backfills")
async def backfills_page(request: AnyRequest, asking: Asking) -> Response[str]:
    """The list, or the part of it that the filters leave; or why none of it is."""
    seen = await look(request, asking)
    refusal, filters, found, next_before = None, Filters(), list[Listed](), None
    try:
        filters = filters_of(seen.query)
        found, next_before = listed(seen.world, filters, seen.records.now())
    except UsageError as error:
        refusal = str(error)
    known = seen.world.known
    return rendered(
        seen,
        "backfills.html",
        {
            "listed": found,
            "next_before": next_before,
            "filters": filters,
            "statuses": (UNDER_WAY, *STATUSES),
            "total": len(known.active) + len(known.ended),
            "under_way": len(known.active),
            "refusal": refusal,
        },
        status=200 if refusal is None else 422,
    )


def filters_of(query: dict[str, str]) -> Filters:
    """The filters of an address.

    :raises UsageError: there is no such status, or no such place to go on from.
    """
    text = query.get("before", "")
    before = digits_typed(text) if text else None
    if text and before is None:
        raise UsageError(f"before: {text[:40]!r} is no position of the log.")
    status, known = query.get("status", ""), (UNDER_WAY, *STATUSES)
    if status and status not in known:
        raise UsageError(
            f"no backfill is ever {status[:40]!r}, but {', '.join(known)}.{did_you_mean(status, known)}"
        )
    return Filters(
        status=status,
        text=query.get("q", "").strip().lower(),
        before=before,
    )


def listed(world: World, filters: Filters, now: datetime) -> tuple[list[Listed], int | None]:
    """A page of the list, and the position before which the next one begins; None at the end."""
    known = world.known
    chosen = sorted(
        (each for each in (*known.active.values(), *known.ended.values()) if filters.hold(each)),
        key=lambda backfill: backfill.request_position,
        reverse=True,
    )
    page = chosen[:LISTED]
    return [_listed(each, now) for each in page], page[-1].request_position if len(chosen) > LISTED else None


def _listed(backfill: Backfill, now: datetime) -> Listed:
    spent_s = elapsed_s(backfill, now)
    counts = total_of(progress_of(backfill).assets)
    took = Lasting(spent_s, goes_on=backfill.completed is None) if spent_s else None
    return Listed(backfill, row_of(backfill.id, counts), took)


def _searched(backfill: Backfill) -> Iterator[str]:
    request = backfill.request
    yield backfill.id
    yield from request.selection
    yield request.reason or ""
    yield backfill.requested_by
    yield from (f"{name}={value}".lower() for name, value in request.tags.items())
