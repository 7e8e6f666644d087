"""What limits allow, said without what is tested: runs counted, launches held against a rate, hours read."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from events.envelope import Recorded
from events.facts import PoolConfigured
from tests.simulation.ledger import Ledger, Run
from tests.simulation.stage import violated

ROUNDING_S = 0.001


@dataclass
class PoolLimits:
    """A pool as it was configured last, and what was launched since its rate is what it is."""

    slots: int | None = None
    rate_per_minute: float | None = None
    only_between: str | None = None
    launches: list[datetime] = field(default_factory=list)


class LimitRules:
    """All limits there are."""

    def __init__(self, ledger: Ledger) -> None:
        self.runs_max: int | None = None  # as the newest leader has it
        self._pools: dict[str, PoolLimits] = {}
        self._ledger = ledger

    def configure(self, fact: PoolConfigured) -> None:
        """Other limits of a pool; where the rate is another, what was launched before does not count."""
        pool = self._pools.setdefault(fact.pool, PoolLimits())
        if pool.rate_per_minute != fact.rate_per_minute:
            pool.launches.clear()
        pool.slots, pool.rate_per_minute = fact.slots, fact.rate_per_minute
        pool.only_between = fact.only_between

    def clock_jumped(self) -> None:
        """How fast runs were launched before says nothing of how fast they may be from here on."""
        for pool in self._pools.values():
            pool.launches.clear()

    def check(self, recorded: Recorded, run: Run) -> None:
        """Nothing, if there was room for the run, which is in the ledger by now.

        :raises ViolationError: there was not.
        """
        live, held = self._ledger.live.values(), self._ledger.held
        with_process = sum(
            each.started_at is not None or each.fact.code_location not in held for each in live
        )
        if self.runs_max is not None and with_process > self.runs_max:
            violated(recorded, f"is run {with_process} under way where {self.runs_max} may be")
        own = sum(each.backfill is run.backfill for each in live)
        if run.backfill.limit is not None and own > run.backfill.limit:
            violated(recorded, f"is run {own} under way of a backfill that may have {run.backfill.limit}")
        if not is_open(run.backfill.only_between, recorded.at):
            violated(recorded, f"is launched outside of the hours {run.backfill.only_between}")
        if set(run.fact.pools) != run.pools:
            violated(recorded, f"takes part in {run.fact.pools}, where its assets are in {run.pools}")
        for name in run.pools:
            self._check_pool(recorded, name, sum(name in each.pools for each in live))

    def _check_pool(self, recorded: Recorded, name: str, running: int) -> None:
        pool = self._pools.setdefault(name, PoolLimits())
        if pool.slots is not None and running > pool.slots:
            violated(recorded, f"is run {running} under way of pool {name}, which has {pool.slots} slots")
        if not is_open(pool.only_between, recorded.at):
            violated(recorded, f"is launched outside of the hours {pool.only_between} of pool {name}")
        # What was recorded before the clock was set back says nothing of how fast runs were launched since.
        pool.launches = [*(at for at in pool.launches if at <= recorded.at), recorded.at]
        if pool.rate_per_minute is None:
            return
        # However a stretch of launches is chosen: a bucket that was full, and what has come since.
        for place, first_at in enumerate(pool.launches):
            launched = len(pool.launches) - place
            passed_s = (recorded.at - first_at).total_seconds() + ROUNDING_S
            if launched > max(1.0, pool.rate_per_minute / 60) + pool.rate_per_minute / 60 * passed_s:
                rate = f"{pool.rate_per_minute}/min"
                violated(recorded, f"is launch {launched} in {passed_s} s of pool {name}, which has {rate}")


def is_open(hours: str | None, at: datetime) -> bool:
    """Whether a time lies within hours such as ``22:00-06:00 Europe/Berlin``."""
    if hours is None:
        return True
    span, _, zone = hours.partition(" ")
    first, last = span.split("-")
    clock = f"{at.astimezone(ZoneInfo(zone or 'UTC')):%H:%M}"
    return first <= clock < last if first < last else clock >= first or clock < last
