"""What must hold of every launch. Each rule reads the ledger, and nothing of the daemon."""

from events.envelope import Recorded
from events.facts import RunCanceled
from tests.simulation.ledger import Ledger, Run
from tests.simulation.stage import violated


def check_launch(ledger: Ledger, recorded: Recorded, run: Run) -> None:
    """Nothing, if the run, which is not in the ledger yet, may be launched.

    :raises ViolationError: it may not.
    """
    backfill = run.backfill
    if run.id in ledger.runs:
        violated(recorded, "launches a run that was launched before")
    if backfill.is_paused or backfill.is_canceled or backfill.completed is not None:
        violated(recorded, "launches a run of a backfill that is paused, canceled or over")
    if run.fact.code_location in ledger.held:
        violated(recorded, "launches a run of code that is not loaded")
    _check_overlap(ledger, recorded, run)
    _check_targets(recorded, run)
    _check_attempt(ledger, recorded, run)
    _check_upstream(recorded, run)


def _check_overlap(ledger: Ledger, recorded: Recorded, run: Run) -> None:
    for other in ledger.live.values():
        for asset in run.fact.assets:
            if both := other.left.get(asset, set()).intersection(run.keys[asset]):
                violated(recorded, f"fills {sorted(both)} of {asset}, which {other.id} is filling")


def _check_targets(recorded: Recorded, run: Run) -> None:
    for asset, keys in run.keys.items():
        target = run.backfill.targets[asset]
        if not target.wanted.issuperset(keys):
            violated(recorded, f"fills partitions of {asset} that nobody asked for")
        if not target.materialized.isdisjoint(keys):
            violated(recorded, f"fills partitions of {asset} again that this backfill has filled")
        if not target.skipped.isdisjoint(keys):
            violated(recorded, f"fills partitions of {asset} that were skipped")


def _check_attempt(ledger: Ledger, recorded: Recorded, run: Run) -> None:
    """Attempt n + 1 goes over what attempt n left undone, is caused by its end, and is allowed."""
    others = [
        other
        for other in ledger.runs.values()
        if other.backfill is run.backfill
        and other.fact.number == run.fact.number
        and any(set(keys).intersection(other.keys.get(asset, ())) for asset, keys in run.keys.items())
    ]
    attempt = run.fact.attempt
    if attempt == 1:
        if others:
            violated(recorded, f"is a first attempt at what {others[0].id} has tried")
        return
    before = [other for other in others if other.fact.attempt == attempt - 1]
    ends = [other.outcome for other in before if other.outcome is not None]
    if not before or any(other.outcome is None for other in others):
        violated(recorded, "is another attempt without an end of the one before")
    if any(isinstance(end.fact, RunCanceled) for end in ends):
        violated(recorded, "tries again what was canceled")
    if recorded.causation_id not in {end.id for end in ends}:
        violated(recorded, "is another attempt that is not caused by the end of the one before")
    allowed = max(other.retries_max for other in before)
    if attempt > allowed + 1:
        violated(recorded, f"is attempt {attempt} where {allowed} retries are allowed")


def _check_upstream(recorded: Recorded, run: Run) -> None:
    """What is targeted upstream was filled by this backfill, or is filled before by the same run."""
    targets = run.backfill.targets
    for place, asset in enumerate(run.fact.assets):
        for need in targets[asset].drawn.needs:
            upstream = targets.get(need.upstream)
            if upstream is None:
                continue
            wanted: set[str] = set()
            for key in run.keys[asset]:
                wanted |= need.link.needs(key, upstream.keys)
            missing = (wanted & upstream.wanted) - upstream.materialized
            if need.upstream in run.fact.assets[: place + (need.upstream == asset)]:
                missing.difference_update(run.keys[need.upstream])
            if missing:
                violated(recorded, f"fills {asset} without {sorted(missing)} of {need.upstream}")
