"""The manifest: all that a code location declares, as plain JSON, and definitions read back from it.

Partitions definitions, mappings and selections of jobs are ``{"class": NAME, "kwargs": {...}}``, nested where
an argument is itself such an object; a datetime is ``{"datetime": ISO 8601}``, naive for wall-clock time of
the definition's zone; static keys are ``{"packed": TEXT}``, each with the text's last character behind it.
Arguments left out have their default. An asset key is its text, parts joined by ``/``.
"""

import platform
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from backfilld.assets import AssetDefinition
from backfilld.definitions import Definitions
from backfilld.errors import InvalidDefinitionError
from backfilld.jobs import JobDefinition
from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
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
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.partitions.packed_keys import PackedKeys
from backfilld.policies import BackfillPolicy, RetryPolicy
from backfilld.selection import (
    AllAssets,
    AssetSelection,
    DifferenceOf,
    GroupedAssets,
    IntersectionOf,
    NamedAssets,
    Neighbours,
    TaggedAssets,
    UnionOf,
)
from backfilld.version import VERSION

MANIFEST_VERSION = 2

_CLASSES: dict[str, Callable[..., object]] = {
    known.__name__: known
    for known in (
        AllAssets,
        AllPartitionMapping,
        DailyPartitionsDefinition,
        DifferenceOf,
        DimensionPartitionMapping,
        DynamicPartitionsDefinition,
        GroupedAssets,
        HourlyPartitionsDefinition,
        IdentityPartitionMapping,
        IntersectionOf,
        LastPartitionMapping,
        MonthlyPartitionsDefinition,
        MultiPartitionMapping,
        MultiPartitionsDefinition,
        MultiToSingleDimensionPartitionMapping,
        NamedAssets,
        Neighbours,
        SpecificPartitionsPartitionMapping,
        StaticPartitionMapping,
        StaticPartitionsDefinition,
        TaggedAssets,
        TimeWindowPartitionMapping,
        TimeWindowPartitionsDefinition,
        UnionOf,
        WeeklyPartitionsDefinition,
    )
}


# What a manifest holds was checked when it was made; of static keys there may be a million.
_OF_MANIFESTS = _CLASSES | {StaticPartitionsDefinition.__name__: StaticPartitionsDefinition.of_checked}


def manifest_of(definitions: Definitions, *, code_location: str) -> dict[str, Any]:
    """The manifest of valid definitions; assets are sorted by key and jobs by name.

    Raises `InvalidDefinitionError`.
    """
    definitions.validate()
    return {
        "version": MANIFEST_VERSION,
        "code_location": code_location,
        "sdk_version": VERSION,
        "python_version": platform.python_version(),
        "assets": [_asset(definitions.assets[key]) for key in sorted(definitions.assets, key=str)],
        "jobs": [_job(definitions.jobs[name]) for name in sorted(definitions.jobs)],
    }


def to_plain(given: object) -> Any:  # noqa: ANN401 - any JSON value.
    """The plain-JSON form of a partitions definition, a mapping, or whatever stands in their arguments.

    Of values that JSON does not have, the text.
    """
    match given:
        case None | bool() | int() | float() | str():
            return given
        case PartitionsDefinition() | PartitionMapping() | DimensionPartitionMapping() | AssetSelection():
            return {"class": type(given).__name__, "kwargs": to_plain(given.kwargs())}
        case datetime():
            return {"datetime": given.isoformat()}
        case Mapping():
            return {str(name): to_plain(value) for name, value in given.items()}
        case PackedKeys():
            return {"packed": given.text}
        case _:
            return [to_plain(value) for value in given] if isinstance(given, Iterable) else str(given)


def partitions_definition_from_plain(
    plain: Mapping[str, Any] | None, *, is_of_manifest: bool = False
) -> PartitionsDefinition | None:
    """The definition that `to_plain` was given; None stays None. Raises `InvalidDefinitionError`.

    One that is known to be of a manifest is not checked key by key once more.
    """
    if plain is None:
        return None
    definition = _from_plain(plain, _OF_MANIFESTS if is_of_manifest else _CLASSES)
    if not isinstance(definition, PartitionsDefinition):
        raise InvalidDefinitionError(f"expected a partitions definition, found {plain!r}")
    return definition


def mapping_from_plain(plain: Mapping[str, Any]) -> PartitionMapping:
    """The mapping that `to_plain` was given. Raises `InvalidDefinitionError`."""
    mapping = _from_plain(plain)
    if not isinstance(mapping, PartitionMapping):
        raise InvalidDefinitionError(f"expected a partition mapping, found {plain!r}")
    return mapping


def selection_from_plain(plain: Mapping[str, Any]) -> AssetSelection:
    """The selection that `to_plain` was given. Raises `InvalidDefinitionError`."""
    selection = _from_plain(plain)
    if not isinstance(selection, AssetSelection):
        raise InvalidDefinitionError(f"expected an asset selection, found {plain!r}")
    return selection


def _from_plain(plain: object, classes: Mapping[str, Callable[..., object]] = _CLASSES) -> object:
    match plain:
        case {"class": str(name), "kwargs": {**kwargs}}:
            known = classes.get(name)
            if known is None:
                raise InvalidDefinitionError(
                    f"expected one of {', '.join(classes)}, found {name!r}; the manifest was made by "
                    f"another version of the SDK"
                )
            return known(**{str(argument): _from_plain(value, classes) for argument, value in kwargs.items()})
        case {"datetime": str(text)}:
            return datetime.fromisoformat(text)
        case {"packed": str(text)}:
            return PackedKeys(text)
        case {**items}:
            return {key: _from_plain(value, classes) for key, value in items.items()}
        case list():
            # Manifests of before keys were packed list all of them.
            return [value if type(value) is str else _from_plain(value, classes) for value in plain]
        case _:
            return plain


def _asset(asset: AssetDefinition) -> dict[str, Any]:
    return {
        "key": str(asset.key),
        "group": asset.group_name,
        "description": asset.description,
        "partitions_def": to_plain(asset.partitions_def),
        "deps": [
            {"asset": str(dep.asset_key), "mapping": to_plain(dep.partition_mapping)} for dep in asset.deps
        ],
        "backfill_policy": _backfill_policy(asset.backfill_policy),
        "retry_policy": _retry_policy(asset.retry_policy),
        "timeout_s": asset.timeout_s,
        "pool": asset.pool,
        "code_version": asset.code_version,
        "tags": {name: str(value) for name, value in asset.tags.items()},
        "metadata": to_plain(asset.metadata),
    }


def _job(job: JobDefinition) -> dict[str, Any]:
    return {
        "name": job.name,
        "selection": to_plain(job.selection),
        "partitions_def": to_plain(job.partitions_def),
        "tags": {name: str(value) for name, value in job.tags.items()},
    }


def _backfill_policy(policy: BackfillPolicy | None) -> dict[str, Any] | None:
    return None if policy is None else {"max_partitions_per_run": policy.max_partitions_per_run}


def _retry_policy(policy: RetryPolicy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "max_retries": policy.max_retries,
        "delay_s": policy.delay,
        "backoff": policy.backoff.value if policy.backoff else None,
        "jitter": policy.jitter.value if policy.jitter else None,
    }
