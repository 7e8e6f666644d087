"""A named set of keys that people add to and remove from, as it is and as it was at any position."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import msgspec

from backfilld.partitions import DynamicKeys
from backfilld.ranges import Interval, Ranges


class Change(msgspec.Struct, frozen=True, array_like=True):
    """Keys that came or went at one position of the log."""

    position: int
    serials: tuple[Interval, ...]  # half-open, in the order of the keys
    is_removal: bool
    size: int  # how many keys the set has from here on
    removals: int  # how many changes took keys away, up to this one


class DynamicSet(msgspec.Struct, dict=True):
    """The keys of one dynamic set, at every position.

    Each key has a *serial*, counted from 0 in the order in which keys first came, which it keeps for ever: if
    it goes and comes again, it stands behind all other keys and has the serial it had.
    """

    named: list[str] = []  # every key there ever was, by serial
    present: dict[int, None] = {}  # the serials of the keys it has now, in the order the keys were added
    changes: list[Change] = []

    @cached_property
    def serials(self) -> dict[str, int]:
        """The serial of every key there ever was."""
        return {key: serial for serial, key in enumerate(self.named)}

    @property
    def keeps_order(self) -> bool:
        """Whether no key ever went: then serials are the keys' places."""
        return not self.changes or self.changes[-1].removals == 0

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.serials.get(key) in self.present

    def __len__(self) -> int:
        return len(self.present)

    def add(self, keys: Iterable[str], position: int) -> Ranges:
        """Put keys behind those it has; gives the serials of those that had gone and are back."""
        came = [key for key in dict.fromkeys(keys) if key not in self]
        if not came:
            return Ranges()
        first_new = len(self.named)
        for key in came:
            serial = self.serials.setdefault(key, len(self.named))
            if serial == len(self.named):
                self.named.append(key)
            self.present[serial] = None
        serials = [self.serials[key] for key in came]
        self._changed(position, serials, is_removal=False)
        if self._newest:
            self._newest[0] = self._newest[0].with_more(came)
        return Ranges.from_ordinals(serial for serial in serials if serial < first_new)

    def remove(self, keys: Iterable[str], position: int) -> None:
        """Take keys away."""
        serials = [self.serials[key] for key in dict.fromkeys(keys) if key in self]
        if serials:
            for serial in serials:
                del self.present[serial]
            self._changed(position, serials, is_removal=True)
            self._newest.clear()

    def _changed(self, position: int, serials: Sequence[int], *, is_removal: bool) -> None:
        removals = self.changes[-1].removals if self.changes else 0
        self.changes.append(
            Change(position, _stretches(serials), is_removal, len(self.present), removals + is_removal)
        )

    def keys_at(self, position: int) -> DynamicKeys:
        """The keys it had once the fact at a position had happened, in the order they were added.

        Positions between which no key went share one list, so that to ask for each of them costs no more than
        to ask for the last.
        """
        until = bisect_right(self.changes, position, key=lambda change: change.position)
        if until == 0:
            return DynamicKeys()
        last = self.changes[until - 1]
        if last.removals == self.changes[-1].removals:
            if not self._newest:
                self._newest.append(DynamicKeys(self.named[serial] for serial in self.present))
            return self._newest[0].first(last.size)
        if last.removals not in self._older:
            self._older.clear()
            self._older[last.removals] = self._rebuilt(last.removals)
        return self._older[last.removals].first(last.size)

    @cached_property
    def _newest(self) -> list[DynamicKeys]:
        """The keys it has now, once somebody has asked for them."""
        return []

    @cached_property
    def _older(self) -> dict[int, DynamicKeys]:
        """By the removals before them, all keys until the next one: the ones that were asked for last."""
        return {}

    def _rebuilt(self, removals: int) -> DynamicKeys:
        serials: dict[int, None] = {}
        for change in self.changes:
            if change.removals > removals:
                break
            for start, stop in change.serials:
                for serial in range(start, stop):
                    if change.is_removal:
                        del serials[serial]
                    else:
                        serials[serial] = None
        return DynamicKeys(self.named[serial] for serial in serials)


def keys_at(sets: Mapping[str, DynamicSet], names: Iterable[str], position: int) -> dict[str, DynamicKeys]:
    """The keys that these sets had at a position, by name; a set that nobody ever added to is left out."""
    return {name: sets[name].keys_at(position) for name in names if name in sets}


def _stretches(serials: Sequence[int]) -> tuple[Interval, ...]:
    """The same numbers in the same order, consecutive ones together."""
    breaks = [at for at, (one, other) in enumerate(pairwise(serials), 1) if other != one + 1]
    bounds = [0, *breaks, len(serials)]
    return tuple((serials[start], serials[stop - 1] + 1) for start, stop in pairwise(bounds))
