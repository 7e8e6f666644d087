"""Runs that do not exist, and those that may have been meant."""

from contextlib import aclosing

from daemon.operations.errors import did_you_mean
from daemon.operations.moment import time_text
from daemon.operations.records import Records
from events.log import Filter

NEAR_SEARCHED_MAX = 1_000  # the newest runs


async def unknown_run(records: Records, run_id: str) -> str:
    """The sentence for a run that does not exist, with near ids; those of the same backfill come first."""
    backfill_id = run_id.split("-", 1)[0]
    if records.moment is not None:
        async with aclosing(records.log.read(matching=Filter(run_id=run_id))) as batches:
            async for batch in batches:
                return f"run {run_id} was launched later, at {time_text(batch[0].at)}."
    rows = await records.rows("runs", limit=NEAR_SEARCHED_MAX, backfill_id=backfill_id)
    rows = rows or await records.rows("runs", limit=NEAR_SEARCHED_MAX)
    hint = did_you_mean(run_id, (row["id"] for row in rows)) or " `backfilld runs` lists what there is."
    return f"there is no run {run_id!r}.{hint}"
