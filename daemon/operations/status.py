"""What goes on, and how far one backfill has come."""

from typing import Annotated

import msgspec

from daemon.operations.failed_runs import failed_runs
from daemon.operations.fields import BackfillId, said
from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records
from daemon.operations.standing import BackfillStanding, Standing, standing_of, standing_of_all


class BackfillAsked(PastQuestion, frozen=True, kw_only=True):
    """Which backfill."""

    backfill_id: BackfillId
    with_daemon: Annotated[bool, said("Say too whether a daemon serves the log.")] = False


@operation("GET", "/status")
async def status(records: Records, asked: PastQuestion) -> Standing:  # noqa: ARG001 -- every operation's
    """Show whether a daemon runs and what it does."""
    from daemon.service.home_lock import serving_pid  # noqa: PLC0415 -- for this alone

    home = records.place.home
    return await standing_of_all(records, str(home), serving_pid(home))


@operation("GET", "/backfills/{backfill_id}")
async def backfill(records: Records, asked: BackfillAsked) -> BackfillStanding:
    """Show how far one backfill has come.

    :raises UnknownError: there is no such backfill.
    """
    world = await records.world()
    found = await records.backfill(world, asked.backfill_id)
    failures = await failed_runs(records, world, found)
    # What was awaited may have moved the world on, and the backfill's own state is another object then.
    found = await records.backfill(world, asked.backfill_id)
    standing = standing_of(world, found, records.now(), failures)
    standing = msgspec.structs.replace(standing, as_of=records.moment)
    if asked.with_daemon and not records.is_of_the_past:
        return msgspec.structs.replace(standing, is_served=await records.is_served())
    return standing
