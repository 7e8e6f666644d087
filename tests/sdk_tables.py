"""The conformance tables beside the checkout, read with the SDK. Their README says what the fields mean."""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from backfilld.manifest import mapping_from_plain, partitions_definition_from_plain
from backfilld.mappings import PartitionMapping
from backfilld.partitions import UNPARTITIONED, Partitions, PartitionsDefinition
from backfilld.ranges import Ranges

TABLES = Path(__file__).resolve().parents[2] / "shared" / "tables"

Case = dict[str, Any]


@cache
def cases(table: str) -> tuple[Case, ...]:
    """Every case of ``partitions`` or ``mappings``."""
    return tuple(json.loads((TABLES / f"{table}.json").read_text("utf-8"))["cases"])


def definition_of(plain: Case | None) -> PartitionsDefinition | None:
    """The definition of a case, or None for an asset without partitions."""
    return partitions_definition_from_plain(plain)


def mapping_of(plain: Case) -> PartitionMapping:
    """The mapping of a case."""
    return mapping_from_plain(plain)


def partitions_at(definition: PartitionsDefinition | None, now: str) -> Partitions:
    """The partitions at a case's ``now``."""
    return UNPARTITIONED if definition is None else definition.partitions(datetime.fromisoformat(now))


def ordinals(partitions: Partitions, keys: Iterable[str] | bool) -> Ranges:
    """The set a case names by keys; True is the one of an asset without partitions."""
    if isinstance(keys, bool):
        return partitions.all()
    return Ranges.from_ordinals(partitions.ordinal(key) for key in keys)


def keys_or_true(partitions: Partitions, ranges: Ranges) -> set[str] | bool:
    """A set in a case's spelling."""
    return bool(ranges) if partitions is UNPARTITIONED else set(partitions.keys(ranges))


def as_set(keys: list[str] | bool) -> set[str] | bool:
    """A case's keys, of which the order does not count."""
    return keys if isinstance(keys, bool) else set(keys)
