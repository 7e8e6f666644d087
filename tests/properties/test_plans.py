"""What holds for every plan, whatever its assets and whatever is missing of them."""

from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfilld.mappings import AllPartitionMapping, LastPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy, RetryPolicy
from daemon.planning.choice import Choice
from daemon.planning.planned import PlannedBackfill
from projections.sets import ranges_of
from tests.conformance.promises import is_unbroken
from tests.properties.graphs import (
    COLOURS,
    DAYS,
    GRID,
    Declared,
    assets_of,
    graphs,
    some_partitions,
    with_changed,
)
from tests.story import T0, Story

SLOW = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def planned(
    declared: list[Declared], choice: Choice = "all", reason: str | None = None, priority: int = 0
) -> PlannedBackfill:
    """The plan for all of the assets, or for some of their partitions."""
    plan = Story(*assets_of(declared)).plan("*", choice=choice, reason=reason, priority=priority)
    assert isinstance(plan, PlannedBackfill), plan
    return plan


@SLOW
@given(graphs(), st.data())
def test_runs_cover_the_targets_once_in_order_by_policy_and_without_gaps(
    declared: list[Declared], drawn: st.DataObject
) -> None:
    plan = planned(declared, some_partitions(declared, drawn, T0))
    policies = {each.name: each.policy for each in declared}
    covered: Counter[tuple[str, int]] = Counter()
    for number in range(1, plan.runs_total + 1):
        run = plan.plan.run(number)
        covered.update((name, ordinal) for name in run.group.assets for ordinal in run.ordinals)
        assert all(upstream < number for upstream in plan.plan.after(run)), "runs wait for earlier ones only"
        if run.group.definition is not None:
            assert is_unbroken(run.ordinals, run.group.partitions)
        for name in run.group.assets:
            policy = policies[name] or BackfillPolicy.multi_run(1)
            assert policy.max_partitions_per_run is None or len(run.ordinals) <= policy.max_partitions_per_run
    targets = {
        (name, ordinal)
        for name, keys in plan.targets.items()
        for ordinal in ranges_of(keys, plan.plan.group_of[name].partitions)
    }
    assert set(covered) == targets
    assert all(count == 1 for count in covered.values())


@settings(max_examples=60)
@given(graphs(), st.data())
def test_a_plan_is_the_same_whatever_order_assets_are_declared_in(
    declared: list[Declared], drawn: st.DataObject
) -> None:
    one, other = planned(declared), planned(drawn.draw(st.permutations(declared)))
    assert (one.digest, one.groups, one.targets) == (other.digest, other.groups, other.targets)


# What may be changed of an asset so that something else is launched, or it is run in another way.
CHANGES: dict[str, Callable[[Declared], dict[str, object] | None]] = {
    "policy": lambda each: {"policy": BackfillPolicy.multi_run(7)} if each.definition else None,
    "no policy is not one at a time": lambda each: (
        {"policy": BackfillPolicy.multi_run(1)} if each.definition and each.policy is None else None
    ),
    "code version": lambda _: {"code_version": "2"},
    "retry policy": lambda _: {"retry": RetryPolicy(max_retries=9)},
    "pool": lambda _: {"pool": "narrow"},
    "a dep less": lambda each: {"deps": each.deps[1:]} if each.deps else None,
    "a dep more": lambda each: {"deps": (*each.deps, ("external", AllPartitionMapping()))},
    "another mapping": lambda each: (
        {"deps": ((each.deps[0][0], LastPartitionMapping()), *each.deps[1:])}
        if each.deps and each.deps[0][0] != each.name
        else None
    ),
    "a partition more": lambda each: (
        {"definition": DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-26")}
        if each.definition == DAYS and not each.deps
        else None
    ),
    "another time zone": lambda each: (
        {
            "definition": DailyPartitionsDefinition(
                start_date="2024-01-01", end_date="2024-01-25", timezone="Asia/Tokyo"
            )
        }
        if each.definition == DAYS and not each.deps
        else None
    ),
    "the order of static keys": lambda each: (
        {"definition": StaticPartitionsDefinition(COLOURS.partition_keys[::-1])}
        if each.definition == COLOURS and not each.deps
        else None
    ),
    "another key of a dimension": lambda each: (
        {
            "definition": MultiPartitionsDefinition(
                {"colour": StaticPartitionsDefinition(["red", "pink"]), "date": DAYS}
            )
        }
        if each.definition == GRID and not each.deps
        else None
    ),
}


@SLOW
@given(graphs(), st.data())
def test_the_digest_changes_with_anything_that_would_be_launched(
    declared: list[Declared], drawn: st.DataObject
) -> None:
    needed = {name for each in declared for name, _ in each.deps}
    possible = [
        (index, change)
        for change in CHANGES
        for index, each in enumerate(declared)
        # What others depend on keeps its definition, which their mappings fit.
        if (changes := CHANGES[change](each)) and not ("definition" in changes and each.name in needed)
    ]
    index, change = drawn.draw(st.sampled_from(possible))
    changed = with_changed(declared, index, **(CHANGES[change](declared[index]) or {}))
    assert planned(changed).digest != planned(declared).digest


@settings(max_examples=60)
@given(graphs(), st.data())
def test_the_digest_changes_with_what_is_targeted(declared: list[Declared], drawn: st.DataObject) -> None:
    one, other = (planned(declared, some_partitions(declared, drawn, T0)) for _ in range(2))
    assert (one.digest == other.digest) == (one.targets == other.targets)


@settings(max_examples=60)
@given(graphs(), st.data())
def test_the_digest_stays_where_the_same_is_launched(declared: list[Declared], drawn: st.DataObject) -> None:
    index = drawn.draw(st.integers(0, len(declared) - 1))
    described = with_changed(declared, index, description="told anew")
    assert planned(described).digest == planned(declared).digest
    assert planned(declared, reason="another", priority=3).digest == planned(declared).digest
