"""What a comparison of the tables and snapshots with the log comes to."""

from typing import Any

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as the log says."""

    table: str
    key: str
    column: str | None  # None: the whole row, which only one of them has
    there: Any
    log: Any


class Checked(msgspec.Struct, frozen=True):
    """What was compared, and what differs."""

    position: int  # that the tables stand at
    head: int  # of the log
    facts: int  # folded
    rows: dict[str, int]  # by table: how many are there
    snapshots: int
    differences: tuple[Difference, ...]  # of each table and snapshot the first ones
    rows_differing: int  # all of them, in the tables
    snapshots_differing: int
