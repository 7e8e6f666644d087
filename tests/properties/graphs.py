"""Assets drawn at random, as a user would declare them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from hypothesis import strategies as st

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.mappings import PartitionMapping, TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.planning.choice import Exactly
from events.facts import PartitionKeys
from projections.catalog import partitions_at
from projections.sets import keys_of
from tests.properties.sdk_strategies import some_of

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-25")
WEEKS = WeeklyPartitionsDefinition(start_date="2023-12-31", end_date="2024-01-28")
WORK_DAYS = DailyPartitionsDefinition(
    start_date="2024-01-01", end_date="2024-01-25", exclusions=["0 0 * * 0,6"]
)
COLOURS = StaticPartitionsDefinition(["red", "blue", "grey", "green"])
GRID = MultiPartitionsDefinition(
    {
        "colour": COLOURS,
        "date": DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-05"),
    }
)
TIMES: tuple[PartitionsDefinition, ...] = (DAYS, WEEKS, WORK_DAYS)
DEFINITIONS: tuple[PartitionsDefinition | None, ...] = (DAYS, DAYS, WEEKS, WORK_DAYS, COLOURS, GRID, None)
POLICIES = (None, BackfillPolicy.single_run(), BackfillPolicy.multi_run(3), BackfillPolicy.multi_run(1))
BEFORE = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


@dataclass(frozen=True)
class Declared:
    """What is declared of an asset; ``deps`` by name, None for the mapping that is inferred."""

    name: str
    definition: PartitionsDefinition | None
    deps: tuple[tuple[str, PartitionMapping | None], ...]
    policy: BackfillPolicy | None
    retry: RetryPolicy | None
    pool: str | None = None
    code_version: str | None = None
    description: str | None = None

    def asset(self) -> AssetDefinition:
        """The asset itself."""
        return asset(
            name=self.name,
            partitions_def=self.definition,
            deps=[AssetDep(name, partition_mapping=mapping) for name, mapping in self.deps],
            backfill_policy=self.policy,
            retry_policy=self.retry,
            pool=self.pool,
            code_version=self.code_version,
            description=self.description,
        )(_nothing)


def _nothing() -> None: ...


def assets_of(declared: Iterable[Declared]) -> list[AssetDefinition]:
    """The assets that are declared."""
    return [each.asset() for each in declared]


def with_changed(declared: list[Declared], index: int, **changes: object) -> list[Declared]:
    """The same with one of them changed."""
    changed = replace(declared[index], **changes)  # type: ignore[arg-type]  # fields by name.
    return [changed if each is declared[index] else each for each in declared]


@st.composite
def graphs(draw: st.DrawFn) -> list[Declared]:
    """Up to six assets, each depending on some before it, now and then on itself.

    In every other graph all but the policy of the first are alike, and each needs one before it.
    """
    alike = draw(st.booleans())
    definition, policy = draw(st.sampled_from(DEFINITIONS)), draw(st.sampled_from(POLICIES))
    declared: list[Declared] = []
    for index in range(draw(st.integers(1, 6))):
        if not alike:
            definition = draw(st.sampled_from(DEFINITIONS))
        if index == 1 or not alike:
            policy = draw(st.sampled_from(POLICIES))
        others = draw(st.sets(st.integers(0, index - 1), min_size=alike, max_size=2)) if index else set()
        deps = [
            (upstream.name, _mapping(draw, upstream.definition, definition))
            for upstream in (declared[other] for other in sorted(others))
            if _can_depend(upstream.definition, definition)
        ]
        name = f"asset_{index}"
        if definition == DAYS and draw(st.integers(0, 2)) == 0:
            deps.append((name, BEFORE))
        retry = RetryPolicy(max_retries=1) if draw(st.booleans()) else None
        declared.append(Declared(name, definition, tuple(deps), _fitting(policy, definition), retry))
    return declared


def some_partitions(declared: list[Declared], drawn: st.DataObject, now: datetime) -> Exactly:
    """Some partitions of some of the assets, with gaps as they come, but at least one."""
    keys: dict[str, PartitionKeys | None] = {}
    for each in declared:
        partitions = partitions_at(each.definition, now)
        if some := some_of(drawn, partitions) & partitions.all():
            keys[each.name] = keys_of(some, partitions)
    if not keys:
        partitions = partitions_at(declared[0].definition, now)
        keys[declared[0].name] = keys_of(partitions.all(), partitions)
    return Exactly(keys, "some")


def _fitting(policy: BackfillPolicy | None, definition: PartitionsDefinition | None) -> BackfillPolicy | None:
    """The policy, unless it bounds the partitions of an asset that has none."""
    return policy if definition is not None or policy in {None, BackfillPolicy.single_run()} else None


def _can_depend(upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None) -> bool:
    """Whether a mapping between the two is inferred, or both are of time."""
    return (
        upstream == downstream
        or None in {upstream, downstream}
        or (upstream in TIMES and downstream in TIMES)
        or {upstream, downstream} == {COLOURS, GRID}
    )


def _mapping(
    draw: st.DrawFn, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
) -> PartitionMapping | None:
    if upstream not in TIMES or downstream not in TIMES:
        return None
    offset = draw(st.sampled_from([0, 0, -1, 1]))
    return TimeWindowPartitionMapping(offset, offset) if offset else None
