"""Tables of cases, read with the SDK. Their README says what the fields mean."""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from backfilld.manifest import mapping_from_plain, partitions_definition_from_plain
from backfilld.mappings import PartitionMapping, infer_mapping
from backfilld.partitions import UNPARTITIONED, Partitions, PartitionsDefinition
from backfilld.ranges import Ranges

SHARED = Path(__file__).resolve().parents[3] / "shared" / "tables"

Table: TypeAlias = Literal["partitions", "mappings", "plans"]
Case: TypeAlias = dict[str, Any]


@cache
def cases(table: Table, folder: Path = SHARED) -> tuple[Case, ...]:
    """Every case of a table; none if the folder does not have it."""
    path = folder / f"{table}.json"
    return tuple(json.loads(path.read_text("utf-8"))["cases"]) if path.exists() else ()


def definition_of(plain: Case | None) -> PartitionsDefinition | None:
    """The definition of a case, or None for an asset without partitions."""
    return partitions_definition_from_plain(plain)


def mapping_between(
    plain: Case | None, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
) -> PartitionMapping:
    """The mapping of a case, or the one that is inferred where it names none."""
    return infer_mapping(upstream, downstream) if plain is None else mapping_from_plain(plain)


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
