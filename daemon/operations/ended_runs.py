"""How the runs of backfills ended between two positions of the log."""

from collections.abc import Collection
from contextlib import aclosing
from typing import Final

import msgspec

from daemon.operations.records import Records
from events.log import Filter
from projections.difference import BackfillChange

SUCCEEDED: Final = "succeeded"
OUTCOMES: Final = {
    "RunSucceeded": SUCCEEDED,
    "RunFailed": "failed",
    "RunCanceled": "canceled",
    "RunLost": "lost",
}


class EndedRuns(msgspec.Struct):
    """The runs of a backfill that ended in one way: all counted, the first ones named."""

    count: int = 0
    ids: list[str] = []


async def ended_runs(
    records: Records, changes: Collection[BackfillChange], *, first: int, last: int, named_max: int | None
) -> dict[str, dict[str, EndedRuns]]:
    """By backfill and outcome, the runs that ended with ``first < position <= last``.

    Those that succeeded, nearly all of a long log, are read only to be named: what has not ended otherwise
    has succeeded.

    :param named_max: how many ids are given of each outcome; 0 for all, None for none, which is quicker.
    """
    found: dict[str, dict[str, EndedRuns]] = {change.id: {} for change in changes if change.runs_ended}
    types = frozenset(OUTCOMES if named_max is not None else OUTCOMES.keys() - {"RunSucceeded"})
    # One backfill is found by its index; of several, all that happened between is read once.
    matching = Filter(types=types, backfill_id=next(iter(found)) if len(found) == 1 else None)
    if found:
        async with aclosing(records.log.read(after=first, upto=last, matching=matching)) as batches:
            async for batch in batches:
                for recorded in batch:
                    if recorded.backfill_id in found and recorded.run_id is not None:
                        outcome = OUTCOMES[type(recorded.fact).__name__]
                        ended = found[recorded.backfill_id].setdefault(outcome, EndedRuns())
                        ended.count += 1
                        if named_max is not None and (not named_max or len(ended.ids) < named_max):
                            ended.ids.append(recorded.run_id)
    if named_max is None:
        for change in changes:
            if change.id in found:
                others = sum(ended.count for ended in found[change.id].values())
                if change.runs_ended > others:
                    found[change.id][SUCCEEDED] = EndedRuns(change.runs_ended - others)
    return {backfill_id: _in_order(outcomes) for backfill_id, outcomes in found.items()}


def _in_order(outcomes: dict[str, EndedRuns]) -> dict[str, EndedRuns]:
    return {outcome: outcomes[outcome] for outcome in OUTCOMES.values() if outcome in outcomes}
