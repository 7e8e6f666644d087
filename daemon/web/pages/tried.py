"""The last attempts at the partitions of a list, from the tables."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from daemon.web.pages.materialized import number_text
from daemon.web.pages.reaching import About

EACH = 3  # attempts of a partition that are shown
NUMBERS_SHOWN = 4


class Attempt(msgspec.Struct, frozen=True):
    """One attempt at a partition."""

    position: int
    at: datetime
    status: str  # of the run, or "materialized"
    run_id: str | None
    said: str  # numbers it reported, or what went wrong


def attempts_by_ordinal(
    filled: Iterable[About], unfilled: Iterable[About], ordinals: Iterable[int]
) -> dict[int, list[Attempt]]:
    """The last attempts at each partition, the newest first.

    A run that materialized the partition and failed later is told as materialized.
    """
    found: dict[int, list[Attempt]] = {ordinal: [] for ordinal in ordinals}
    filled_by: dict[int, set[str | None]] = {ordinal: set() for ordinal in found}
    for row, about in filled:
        numbers = list(row["numbers"].items())[:NUMBERS_SHOWN]
        said = ", ".join(f"{name} {number_text(value)}" for name, value in numbers)
        attempt = Attempt(row["position"], row["at"], "materialized", row["run_id"], said)
        for ordinal in found.keys() & about:
            found[ordinal].append(attempt)
            filled_by[ordinal].add(row["run_id"])
    for row, about in unfilled:
        attempt = _unfilled(row)
        for ordinal in found.keys() & about:
            if row["run_id"] not in filled_by[ordinal]:
                found[ordinal].append(attempt)
    return {ordinal: sorted(each, key=lambda one: -one.position)[:EACH] for ordinal, each in found.items()}


def _unfilled(row: Mapping[str, Any]) -> Attempt:
    at = row["ended_at"] or row["launched_at"]
    return Attempt(row["position"], at, row["status"], row["run_id"], row["error"] or "")
