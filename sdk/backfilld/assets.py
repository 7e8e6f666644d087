"""Assets: what the user's functions fill, declared with `asset`."""

import inspect
import math
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, overload

from backfilld.asset_key import AssetKey
from backfilld.context import AssetExecutionContext
from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping
from backfilld.partitions.base import PartitionsDefinition
from backfilld.policies import BackfillPolicy, RetryPolicy
from backfilld.results import MaterializeResult

DEFAULT_GROUP = "default"

_Returned: TypeAlias = MaterializeResult | None
AssetFunction: TypeAlias = Callable[..., _Returned | Coroutine[Any, Any, _Returned]]


@dataclass(frozen=True, eq=False)
class AssetDefinition:
    """An asset as `asset` declares it. Calling it calls the function, as in a test of one's own."""

    key: AssetKey
    function: AssetFunction
    takes_context: bool
    partitions_def: PartitionsDefinition | None = None
    deps: tuple["AssetDep", ...] = ()
    backfill_policy: BackfillPolicy | None = None
    retry_policy: RetryPolicy | None = None
    timeout_s: float | None = None
    group_name: str = DEFAULT_GROUP
    description: str | None = None
    pool: str | None = None
    code_version: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def execute(self, context: AssetExecutionContext) -> object:
        """What the function returns for a run, whatever that may be."""
        return self.function(context) if self.takes_context else self.function()

    def __repr__(self) -> str:
        return f"AssetDefinition({str(self.key)!r})"


AssetLike: TypeAlias = AssetKey | str | AssetDefinition


@dataclass(frozen=True, init=False)
class AssetDep:
    """That an asset needs another, and by which mapping of partitions; None infers the mapping.

    ``asset`` may be given as a key, its text, or an asset.
    """

    asset_key: AssetKey
    partition_mapping: PartitionMapping | None

    def __init__(self, asset: AssetLike, *, partition_mapping: PartitionMapping | None = None) -> None:
        if partition_mapping is not None and not isinstance(partition_mapping, PartitionMapping):
            raise InvalidDefinitionError(
                f"expected partition_mapping to be a PartitionMapping, found {partition_mapping!r}"
            )
        object.__setattr__(self, "asset_key", asset_key_of(asset))
        object.__setattr__(self, "partition_mapping", partition_mapping)


@overload
def asset(function: AssetFunction, /) -> AssetDefinition: ...


@overload
def asset(
    *,
    partitions_def: PartitionsDefinition | None = None,
    deps: Iterable[AssetLike | AssetDep] = (),
    backfill_policy: BackfillPolicy | None = None,
    name: str | None = None,
    key_prefix: str | Iterable[str] | None = None,
    group_name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    retry_policy: RetryPolicy | None = None,
    timeout_s: float | None = None,
    pool: str | None = None,
    code_version: str | None = None,
) -> Callable[[AssetFunction], AssetDefinition]: ...


def asset(
    function: AssetFunction | None = None,
    /,
    *,
    partitions_def: PartitionsDefinition | None = None,
    deps: Iterable[AssetLike | AssetDep] = (),
    backfill_policy: BackfillPolicy | None = None,
    name: str | None = None,
    key_prefix: str | Iterable[str] | None = None,
    group_name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    retry_policy: RetryPolicy | None = None,
    timeout_s: float | None = None,
    pool: str | None = None,
    code_version: str | None = None,
) -> AssetDefinition | Callable[[AssetFunction], AssetDefinition]:
    """The asset that the decorated function fills; with or without parentheses.

    The function takes the `AssetExecutionContext`, or nothing, and returns None or a `MaterializeResult`; it
    may be `async`. The asset's name is the function's, or ``name``, behind ``key_prefix``; its description
    the function's docstring, or ``description``. ``deps`` are the assets it needs; those that nothing defines
    are external: shown, and never waited for. Runs that use ``pool`` share its slots.

    ``timeout_s`` bounds how long the function may take in one run, however many partitions that covers. A run
    of several assets may take the sum of theirs, and as long as it needs if one of them has none. A run that
    takes longer is ended, and has failed: ``retry_policy`` decides whether what it did not report as
    materialized is tried again. Raises `InvalidDefinitionError`.
    """

    def define(function: AssetFunction) -> AssetDefinition:
        prefix = () if key_prefix is None else AssetKey(key_prefix).path
        key = AssetKey((*prefix, name or function.__name__))
        _check_types(key, partitions_def, backfill_policy, retry_policy)
        _check_policy(key, partitions_def, backfill_policy)
        _check_timeout(key, timeout_s)
        return AssetDefinition(
            key=key,
            function=function,
            takes_context=_takes_context(key, function),
            partitions_def=partitions_def,
            deps=_distinct(key, deps),
            backfill_policy=backfill_policy,
            retry_policy=retry_policy,
            timeout_s=None if timeout_s is None else float(timeout_s),
            group_name=group_name or DEFAULT_GROUP,
            description=description or inspect.getdoc(function),
            pool=pool,
            code_version=code_version,
            tags=dict(tags or {}),
            metadata=dict(metadata or {}),
        )

    return define if function is None else define(function)


def _check_types(key: AssetKey, *given: object) -> None:
    expected = (PartitionsDefinition, BackfillPolicy, RetryPolicy)
    for value, kind in zip(given, expected, strict=True):
        if value is not None and not isinstance(value, kind):
            raise InvalidDefinitionError(f"asset {str(key)!r}: expected a {kind.__name__}, found {value!r}")


def _check_policy(
    key: AssetKey, partitions: PartitionsDefinition | None, policy: BackfillPolicy | None
) -> None:
    if partitions is None and policy is not None and policy.max_partitions_per_run is not None:
        raise InvalidDefinitionError(
            f"asset {str(key)!r}: expected partitions for BackfillPolicy."
            f"multi_run({policy.max_partitions_per_run}) "
            f"to bound, found none; give it partitions_def, or leave the policy out"
        )


def _check_timeout(key: AssetKey, timeout_s: object) -> None:
    match timeout_s:
        case None:
            return
        case int() | float() if not isinstance(timeout_s, bool) and 0 < timeout_s < math.inf:
            return
    raise InvalidDefinitionError(
        f"asset {str(key)!r}: expected timeout_s in seconds, more than 0, found {timeout_s!r}; leave it out "
        f"for no limit"
    )


def _takes_context(key: AssetKey, function: AssetFunction) -> bool:
    """Whether the function wants the context. Raises `InvalidDefinitionError` if it wants something else."""
    named = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    others = [parameter.name for parameter in named[1:] if parameter.default is parameter.empty]
    if others or any(parameter.kind is parameter.KEYWORD_ONLY for parameter in named[:1]):
        raise InvalidDefinitionError(
            f"asset {str(key)!r}: expected a function of the context, or of nothing, found the parameters "
            f"{', '.join(parameter.name for parameter in named)}; name the assets it needs in deps and read "
            f"what they wrote"
        )
    return bool(named) and named[0].default is inspect.Parameter.empty


def _distinct(key: AssetKey, deps: Iterable[AssetLike | AssetDep]) -> tuple[AssetDep, ...]:
    by_key: dict[AssetKey, AssetDep] = {}
    for given in deps:
        dep = given if isinstance(given, AssetDep) else AssetDep(given)
        if dep.asset_key in by_key:
            raise InvalidDefinitionError(
                f"asset {str(key)!r}: expected each dependency once, found {str(dep.asset_key)!r} twice"
            )
        by_key[dep.asset_key] = dep
    return tuple(by_key.values())


def asset_key_of(asset: object) -> AssetKey:
    """The key of an asset, given as such, as its key or as its text. Raises `InvalidDefinitionError`."""
    match asset:
        case AssetKey():
            return asset
        case str():
            return AssetKey(asset)
        case AssetDefinition():
            return asset.key
        case _:
            raise InvalidDefinitionError(f"expected an asset, an AssetKey or its text, found {asset!r}")
