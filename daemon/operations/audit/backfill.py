"""All of a backfill, for a reviewer."""

from contextlib import aclosing
from datetime import datetime

from daemon.operations.fields import BackfillId
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.planning.selection import select
from daemon.refusal import Refused
from events.log import Filter, Log, Sealed
from projections.audit.account import BackfillAccount
from projections.audit.accounting import Accounting
from projections.backfill.state import Backfill
from projections.world import World


class AboutBackfill(Question, frozen=True, kw_only=True):
    """A backfill by its id."""

    backfill_id: BackfillId


@operation("GET", "/backfills/{backfill_id}/audit")
async def audit_backfill(records: Records, asked: AboutBackfill) -> BackfillAccount:
    """Tell who asked for a backfill and why, its plan, changes, outcome, timeline, costs and failures.

    :raises UnknownError: there is no such backfill.
    """
    world = await records.world()
    found = await records.backfill(world, asked.backfill_id)
    return await account_of(records.log, world, found, records.now())


async def account_of(log: Log, world: World, found: Backfill, now: datetime) -> BackfillAccount:
    """The account of a backfill, of all facts about it that the world knows when this is called."""
    # A live world moves on while facts are read: what is needed of it is taken before.
    position, accounting, unplanned = world.position, Accounting(world, found), left_out(world, found)
    about_it = Filter(backfill_id=found.id)
    async with aclosing(log.read(upto=position, matching=about_it)) as batches:
        async for batch in batches:
            for recorded in batch:
                accounting.told(recorded)
    digest = await log.digest_at(position) if isinstance(log, Sealed) else None
    return accounting.account(now=now, head=position, head_digest=digest, left_out=unplanned)


def left_out(world: World, found: Backfill) -> tuple[str, ...]:
    """The assets that the backfill's selection names and its plan does not have."""
    selected = select(world.catalog_for(found), found.request.selection)
    if isinstance(selected, Refused):
        return ()
    planned = {asset for group in found.request.groups for asset in group.assets}
    return tuple(asset for asset in selected.assets if asset not in planned)
