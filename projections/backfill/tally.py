"""When the attempts of a backfill began and ended: counted by buckets of time, of bounded size.

Pages tell from this how a million attempts went without reading one of them. A bucket is as short as there is
room for: when there are too many of them, two that lie side by side become one. Stretches of time in which
nothing happens take no room, so that a night's pause makes nothing coarser.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

import msgspec

UNITS_PER_S: Final = 16  # the shortest bucket is one unit; 2**shift of them make one of a tally
BUCKETS_MAX: Final = 240
CELLS_MAX: Final = 6_000  # of a bucket and a group, where there are more buckets than the fewest
BUCKETS_MIN: Final = 60
SHIFT_MAX: Final = 40  # 2,000 years

Outcome: TypeAlias = Literal["succeeded", "failed", "canceled", "lost"]

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT: Final = timedelta(seconds=1 / UNITS_PER_S)


def bucket_at(at: datetime, shift: int) -> int:
    """The bucket that a time lies in."""
    return (at - _BEGINNING) // _UNIT >> shift


def begin_of(bucket: int, shift: int) -> datetime:
    """When a bucket begins, which is when the one before it ends."""
    return _BEGINNING + (bucket << shift) * _UNIT


class Counts(msgspec.Struct, array_like=True):
    """Attempts that began in a bucket, and those that ended in it."""

    launched: int = 0
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    lost: int = 0

    @property
    def ended(self) -> int:
        """Those that ended, however they did."""
        return self.succeeded + self.failed + self.canceled + self.lost

    def add(self, other: "Counts") -> None:
        """Count the others too."""
        self.launched += other.launched
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.canceled += other.canceled
        self.lost += other.lost

    def count(self, outcome: Outcome, times: int = 1) -> None:
        """So many ended."""
        setattr(self, outcome, getattr(self, outcome) + times)


class Bucket(msgspec.Struct, array_like=True):
    """A stretch of time in which something happened."""

    groups: dict[int, Counts] = {}  # by the group's index in the plan
    first: int = 0  # the position of the first launch in it; 0: there is none
    last: int = 0

    def launched(self, first: int, last: int) -> None:
        """There are launches from one position to another."""
        self.first = min(self.first, first) if self.first else first
        self.last = max(self.last, last)


class Tally(msgspec.Struct):
    """The buckets, by their number from 1970 on; those in which nothing happened are left out."""

    shift: int = 0
    buckets: dict[int, Bucket] = {}
    cells: int = 0  # of all buckets

    def launched(self, group: int, at: datetime, position: int) -> None:
        """An attempt of a group began."""
        number = bucket_at(at, self.shift)
        self._counts(number, group).launched += 1
        self.buckets[number].launched(position, position)
        self._keep_small()

    def ended(self, group: int, launched_at: datetime, at: datetime, outcome: Outcome) -> None:
        """An attempt ended. No attempt ends before it began, whatever clocks say."""
        self._counts(bucket_at(max(at, launched_at), self.shift), group).count(outcome)
        self._keep_small()

    def succeeded_of(self) -> set[int]:
        """The groups of which any attempt succeeded."""
        return {
            group
            for bucket in self.buckets.values()
            for group, counts in bucket.groups.items()
            if counts.succeeded
        }

    def coarser(self, shift: int) -> Iterator[tuple[int, Bucket]]:
        """The buckets, each with its number among those of at least this shift."""
        more = max(0, shift - self.shift)
        for number, bucket in self.buckets.items():
            yield number >> more, bucket

    def _counts(self, number: int, group: int) -> Counts:
        bucket = self.buckets.get(number)
        if bucket is None:
            bucket = self.buckets[number] = Bucket()
        counts = bucket.groups.get(group)
        if counts is None:
            counts = bucket.groups[group] = Counts()
            self.cells += 1
        return counts

    def _keep_small(self) -> None:
        while self.shift < SHIFT_MAX and (
            len(self.buckets) > BUCKETS_MAX or (self.cells > CELLS_MAX and len(self.buckets) > BUCKETS_MIN)
        ):
            self._double()

    def _double(self) -> None:
        """Make one of every two buckets."""
        before, self.buckets, self.cells = self.buckets, {}, 0
        self.shift += 1
        for number, bucket in before.items():
            for group, counts in bucket.groups.items():
                self._counts(number >> 1, group).add(counts)
            if bucket.first:
                self.buckets[number >> 1].launched(bucket.first, bucket.last)
