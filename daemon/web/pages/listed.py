"""Partitions of an asset as a list, by status and by what was searched for, a page at a time."""

from itertools import islice

import msgspec
from pyroaring import BitMap

from backfilld.errors import BackfilldError
from backfilld.partitions import Partitions
from backfilld.range_text import format_ranges, parse_range_text
from backfilld.ranges import Ranges
from daemon.operations.paging import no_cursor
from daemon.web.pages.subject import Subject
from projections.asset_status import PARTITION_STATUSES, PartitionStatus
from projections.sets import bitmap

PAGE = 50
_MARKS = ",[]*|=;\"'"  # of range texts; what has none of them is how a key begins


class Partition(msgspec.Struct, frozen=True):
    """One partition, and how it stands."""

    ordinal: int
    key: str
    status: PartitionStatus
    text: str  # the range text that names it alone


class Listed(msgspec.Struct, frozen=True):
    """A page of the list."""

    items: tuple[Partition, ...] = ()
    total: int = 0  # on all pages
    next: str | None = None  # the key behind which the next page begins
    refusal: str | None = None  # of what was searched for


def listed(
    subject: Subject, among: BitMap, *, status: PartitionStatus | None, text: str, after: str
) -> Listed:
    """The partitions among some that have the status (None: any) and fit the text, behind a key.

    :raises UsageError: there is no such key, or not any more.
    """
    partitions = subject.partitions
    chosen = among.copy() if status is None else among & subject.bits[status]
    if text:
        try:
            chosen &= bitmap(found_by(text, partitions))
        except BackfilldError as error:
            return Listed(refusal=str(error))
    total = len(chosen)
    start = partitions.find(after) if after else None
    if after and start is None:
        raise no_cursor(after)
    left = chosen.iter_equal_or_larger(0 if start is None else start + 1)
    ordinals = list(islice(left, PAGE + 1))
    items = tuple(_partition(subject, ordinal) for ordinal in ordinals[:PAGE])
    return Listed(items, total, items[-1].key if len(ordinals) > PAGE else None)


def found_by(text: str, partitions: Partitions) -> Ranges:
    """The partitions that a range text names, or else those whose keys begin with it.

    :raises BackfilldError: there are none.
    """
    if partitions.find(text) is not None or any(mark in text for mark in _MARKS):
        return parse_range_text(text, partitions)
    begun = partitions.with_prefix(text)
    if not begun:
        raise BackfilldError(f"no partition's key begins with {text!r}.")
    return begun


def _partition(subject: Subject, ordinal: int) -> Partition:
    status = next(each for each in PARTITION_STATUSES if ordinal in subject.bits[each])
    text = format_ranges(Ranges.single(ordinal), subject.partitions)
    return Partition(ordinal, subject.partitions.key(ordinal), status, text)
