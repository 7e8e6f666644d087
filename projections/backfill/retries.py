"""When a run that failed is tried again."""

from datetime import datetime, timedelta
from hashlib import sha256

from backfilld.ranges import Ranges
from projections.backfill.state import Backfill, LiveRun
from projections.catalog import Catalog, RetrySpec

DELAY_MAX_S = 7 * 24 * 3600.0  # an exponential delay stops growing here


def retry_at(
    backfill: Backfill,
    catalog: Catalog,
    run: LiveRun,
    left: list[tuple[tuple[str, ...], Ranges]],
    ended_at: datetime,
) -> datetime | None:
    """When the next attempt is due; None if there is none.

    The policy is that of the first asset, in topological order, that the run left undone.
    """
    undone = {asset for assets, _ in left for asset in assets}
    policies = (catalog.assets[asset].retry for asset in run.assets if asset in undone)
    policy = next((policy for policy in policies if policy is not None), None)
    retries_max = policy.max_retries if policy is not None else 0
    if backfill.retries_max is not None:
        retries_max = backfill.retries_max
    if run.attempt > retries_max:
        return None
    return ended_at + timedelta(seconds=delay_s(policy, run.attempt, run.run_id))


def delay_s(policy: RetrySpec | None, attempt: int, run_id: str) -> float:
    """Seconds between the end of this attempt and the next; jitter is drawn from the run id, so it replays.

    Linear: ``delay * attempt``; exponential: ``delay * (2 ** attempt - 1)``; full jitter draws from zero to
    that, plus-minus jitter from one ``delay`` below it to one above (as Dagster's retry policy means them).
    """
    if policy is None or not policy.delay_s:
        return 0.0
    match policy.backoff:
        case "exponential":
            delay = policy.delay_s * float(2 ** min(attempt, 60) - 1)
        case "linear":
            delay = policy.delay_s * attempt
        case _:
            delay = policy.delay_s
    draw = int.from_bytes(sha256(run_id.encode()).digest()[:7]) / float(1 << 56)
    match policy.jitter:
        case "full":
            delay *= draw
        case "plus_minus":
            delay += policy.delay_s * (2 * draw - 1)
        case _:
            pass
    return min(max(delay, 0.0), DELAY_MAX_S)
