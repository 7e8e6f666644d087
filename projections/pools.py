"""Pools: named limits that runs of many backfills share, as the facts say they stand."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from events.facts import PoolConfigured
from projections.daily_hours import DailyHours, hours_of


class Pool(msgspec.Struct):
    """One pool: its limits, who holds its slots, and how full its bucket of tokens was at a time.

    A run takes a slot from its launch to its end, and a token when it is launched. Tokens come at the rate,
    up to a second's worth of them and at least one.
    """

    name: str
    slots: int | None = None  # None: any number
    rate_per_minute: float | None = None  # None: as fast as may be
    only_between: str | None = None  # hours of the day, as `daily_hours` reads them; None: always
    running: dict[str, datetime] = {}  # runs that hold a slot, and since when
    tokens: float = 1.0
    tokens_at: datetime | None = None  # None: the bucket is full

    @property
    def hours(self) -> DailyHours | None:
        """When runs may be launched."""
        return hours_of(self.only_between)

    def tokens_by(self, at: datetime) -> float:
        """How many tokens there are at a time, parts of one included; a great many without a rate."""
        if self.rate_per_minute is None:
            return float("inf")
        full = max(1.0, self.rate_per_minute / 60)
        # After the clock was set back nobody knows how long it has been; nobody waits until it catches up.
        if self.tokens_at is None or at < self.tokens_at:
            return full
        came = (at - self.tokens_at).total_seconds() * self.rate_per_minute / 60
        return min(full, self.tokens + came)

    def token_due(self, at: datetime, taken: int = 0) -> datetime:
        """When the next token is there, ``at`` if one is, with so many more taken than is on record."""
        lacking = 1.0 + taken - self.tokens_by(at)
        if lacking <= 0 or self.rate_per_minute is None:
            return at
        # A microsecond more than it takes, so that rounding never leaves the bucket short by a hair.
        return at + timedelta(seconds=lacking * 60 / self.rate_per_minute, microseconds=1)

    def configured(self, fact: PoolConfigured) -> None:
        """Other limits hold from here on; the bucket is full again where the rate has changed."""
        if fact.rate_per_minute != self.rate_per_minute:
            self.tokens_at = None
        self.slots, self.rate_per_minute = fact.slots, fact.rate_per_minute
        self.only_between = fact.only_between

    def launched(self, run_id: str, at: datetime) -> None:
        """A run has taken a slot and a token."""
        if self.rate_per_minute is not None:
            self.tokens, self.tokens_at = max(self.tokens_by(at) - 1.0, 0.0), at
        self.running[run_id] = at

    def ended(self, run_id: str) -> None:
        """A run has given its slot back."""
        self.running.pop(run_id, None)


def pool_of(pools: dict[str, Pool], name: str) -> Pool:
    """The pool of a name; one that nobody has configured has no limits."""
    if name not in pools:
        pools[name] = Pool(name)
    return pools[name]


def give_back(pools: dict[str, Pool], names: Iterable[str], run_id: str) -> None:
    """A run that held slots of these pools has ended."""
    for name in names:
        if name in pools:
            pools[name].ended(run_id)
