"""What code declares, in words: partitions, mappings, and how often a run is tried again."""

from datetime import UTC, datetime
from typing import Final

from backfilld.mappings import (
    AllPartitionMapping,
    IdentityPartitionMapping,
    LastPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from daemon.fact_text import counted, keys_text
from projections.catalog import RetrySpec

_WHENEVER: Final = datetime.min.replace(tzinfo=UTC)  # static keys exist at all times

EVERY: Final = {"0 * * * *": "hourly", "0 0 * * *": "daily", "0 0 * * 0": "weekly", "0 0 1 * *": "monthly"}


def kind_text(definition: PartitionsDefinition | None) -> str:
    """How an asset is partitioned, in a word or two."""
    match definition:
        case None:
            return "not partitioned"
        case MultiPartitionsDefinition():
            return " by ".join(dimension.name for dimension in definition.partitions_defs)
        case TimeWindowPartitionsDefinition():
            return EVERY.get(definition.cron_schedule, definition.cron_schedule)
        case StaticPartitionsDefinition():
            return "static"
        case DynamicPartitionsDefinition():
            return f"dynamic: {definition.name}"
        case _:
            return "partitioned"


def definition_text(definition: PartitionsDefinition | None) -> str:
    """Which partitions there are by a definition, as a sentence without its full stop."""
    match definition:
        case None:
            return "one run fills all of it"
        case MultiPartitionsDefinition():
            sides = [f"{name} ({definition_text(each)})" for name, each in definition.partitions_defs]
            return f"every pair of {' and '.join(sides)}"
        case TimeWindowPartitionsDefinition():
            return _windows_text(definition)
        case StaticPartitionsDefinition():
            return f"{counted(len(definition.partitions(_WHENEVER)), 'key')} that the code lists"
        case DynamicPartitionsDefinition():
            return f"the keys of the dynamic set {definition.name}"
        case _:
            return str(definition)


def _windows_text(definition: TimeWindowPartitionsDefinition) -> str:
    kind = EVERY.get(definition.cron_schedule)
    every = (
        f"{kind} windows" if kind is not None else f"windows between the ticks of {definition.cron_schedule}"
    )
    told = [f"{every} from {_at(definition.start)}"]
    if definition.end is not None:
        told.append(f"to {_at(definition.end)}")
    told.append(definition.timezone)
    rest = []
    if definition.end_offset > 0:
        rest.append(f"{counted(definition.end_offset, 'window')} more than have ended")
    elif definition.end_offset < 0:
        rest.append(f"without the last {counted(-definition.end_offset, 'window')} that have ended")
    if definition.exclusions:
        rest.append(f"without {counted(len(definition.exclusions), 'exclusion')}")
    return ", ".join([" ".join(told), *rest])


def _at(at: datetime) -> str:
    is_midnight = (at.hour, at.minute, at.second) == (0, 0, 0)
    return f"{at:%Y-%m-%d}" if is_midnight else f"{at:%Y-%m-%d %H:%M}"


def mapping_text(mapping: PartitionMapping) -> str:  # noqa: PLR0911 -- one case a kind
    """Which partitions upstream one downstream needs."""
    match mapping:
        case IdentityPartitionMapping():
            return "the same key"
        case AllPartitionMapping():
            return "all partitions"
        case LastPartitionMapping():
            return "the last partition"
        case SpecificPartitionsPartitionMapping():
            return f"always {keys_text(mapping.partition_keys)}"
        case StaticPartitionMapping():
            return f"by a table of {counted(len(mapping.downstream_keys), 'key')}"
        case TimeWindowPartitionMapping():
            return _overlap_text(mapping)
        case MultiToSingleDimensionPartitionMapping(partition_dimension_name=None):
            return "the pairs that share its key"
        case MultiToSingleDimensionPartitionMapping():
            return f"the pairs that share its key, by {mapping.partition_dimension_name}"
        case MultiPartitionMapping():
            sides = [
                f"{name}: {mapping_text(each.partition_mapping)} as {each.dimension_name}"
                for name, each in mapping.by_upstream_dimension
            ]
            return f"by dimension ({'; '.join(sides)})"
        case _:
            return type(mapping).__name__


def _overlap_text(mapping: TimeWindowPartitionMapping) -> str:
    start, end = mapping.start_offset, mapping.end_offset
    if start == end == 0:
        told = "the windows that overlap"
    elif start == end:
        told = f"the window {_moved(start)}"
    else:
        told = f"the windows from {_moved(start)} to {_moved(end)}"
    return f"{told}, where they exist" if mapping.allow_nonexistent_upstream_partitions else told


def _moved(offset: int) -> str:
    """Where a window lies from its own place.

    >>> _moved(-1), _moved(0), _moved(7)
    ('1 before', 'its own', '7 after')
    """
    if offset == 0:
        return "its own"
    return f"{abs(offset):,} {'before' if offset < 0 else 'after'}"


def retry_text(retry: RetrySpec | None) -> str:
    """How often a failed run is tried again, and when."""
    if retry is None or retry.max_retries == 0:
        return "not tried again"
    told = f"tried again {'once' if retry.max_retries == 1 else f'up to {retry.max_retries:,} times'}"
    if retry.delay_s:
        told += f", after {retry.delay_s:g} s"
    if retry.backoff is not None:
        told += f", {retry.backoff} backoff"
    if retry.jitter is not None:
        told += f", {retry.jitter.replace('_', ' ')} jitter"
    return told
