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
_UNIT_US: Final = 1_000_000 // UNITS_PER_S
_UNITS_PER_DAY: Final = 86_400 * UNITS_PER_S
_UNITS_LEAST: Final = (datetime.min.replace(tzinfo=UTC) - _BEGINNING).days * _UNITS_PER_DAY
_UNITS_MOST: Final = (datetime.max.replace(tzinfo=UTC) - _BEGINNING).days * _UNITS_PER_DAY


def bucket_at(at: datetime, shift: int) -> int:
    """The bucket that a time lies in."""
    since = at - _BEGINNING
    # Dividing by a timedelta would take three times as long.
    return (
        since.days * _UNITS_PER_DAY + since.seconds * UNITS_PER_S + since.microseconds // _UNIT_US
    ) >> shift


def begin_of(bucket: int, shift: int) -> datetime:
    """When a bucket begins, which is when the one before it ends; no sooner or later than times there are."""
    return _BEGINNING + min(max(bucket << shift, _UNITS_LEAST), _UNITS_MOST) * _UNIT


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
    current: int = 0  # the bucket in which something happened last, and the time that it is of
    begins: datetime = _BEGINNING
    ends: datetime = _BEGINNING

    def launched(self, group: int, at: datetime, position: int) -> None:
        """An attempt of a group began, at a position past those of all before."""
        # A third of all facts come here or to `ended`: what is called costs more than what is done.
        if not self.begins <= at < self.ends:
            self._turn_to(at)
        bucket = self.buckets.get(self.current)
        counts = None if bucket is None else bucket.groups.get(group)
        if bucket is None or counts is None:
            bucket, counts = self._begun(bucket_at(at, self.shift), group)
        counts.launched += 1
        bucket.last = position
        if not bucket.first:
            bucket.first = position

    def ended(self, group: int, launched_at: datetime, at: datetime, outcome: Outcome) -> None:
        """An attempt ended. No attempt ends before it began, whatever clocks say."""
        if at < launched_at:  # noqa: PLR1730 -- `max` takes three times as long
            at = launched_at
        if not self.begins <= at < self.ends:
            self._turn_to(at)
        bucket = self.buckets.get(self.current)
        counts = None if bucket is None else bucket.groups.get(group)
        if counts is None:
            _, counts = self._begun(bucket_at(at, self.shift), group)
        if outcome == "succeeded":
            counts.succeeded += 1
        else:
            counts.count(outcome)

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

    def _turn_to(self, at: datetime) -> None:
        self.current = bucket_at(at, self.shift)
        self.begins = begin_of(self.current, self.shift)
        self.ends = begin_of(self.current + 1, self.shift)

    def _begun(self, number: int, group: int) -> tuple[Bucket, Counts]:
        """A bucket in which nothing of the group has happened yet, once there is room for it."""
        self._counts(number, group)
        shift = self.shift
        while self.shift < SHIFT_MAX and (
            len(self.buckets) > BUCKETS_MAX or (self.cells > CELLS_MAX and len(self.buckets) > BUCKETS_MIN)
        ):
            self._double()
        number >>= self.shift - shift
        return self.buckets[number], self._counts(number, group)

    def _double(self) -> None:
        """Make one of every two buckets."""
        before, self.buckets, self.cells = self.buckets, {}, 0
        self.shift += 1
        self.begins = self.ends = _BEGINNING
        for number, bucket in before.items():
            for group, counts in bucket.groups.items():
                self._counts(number >> 1, group).add(counts)
            if bucket.first:
                self.buckets[number >> 1].launched(bucket.first, bucket.last)
