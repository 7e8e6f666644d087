"""What holds for every backfill, whatever its assets, policies, failures and order of events."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy, RetryPolicy
from backfilld.ranges import Ranges
from daemon.planning.planned import PlannedBackfill
from events.facts import (
    BackfillAmended,
    BackfillCompleted,
    DefinitionsFailed,
    DefinitionsLoaded,
    Failure,
    PartitionFailed,
    PartitionMaterialized,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunSucceeded,
)
from projections import snapshot
from projections.sets import keys_of, ranges_of
from projections.world import World, evolve
from tests.story import Story

DEFINITIONS: tuple[PartitionsDefinition | None, ...] = (
    DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-25"),
    DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-25"),
    WeeklyPartitionsDefinition(start_date="2023-12-31", end_date="2024-01-28"),
    DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-25", exclusions=["0 0 * * 0,6"]),
    StaticPartitionsDefinition(["a", "b", "c", "d"]),
    None,
)
STATIC = 4  # maps to nothing but its like
BROKEN = DefinitionsFailed("code", Failure("SyntaxError", "invalid syntax"), runs_held=True)
POLICIES = (None, BackfillPolicy.single_run(), BackfillPolicy.multi_run(3))


@st.composite
def graphs(draw: st.DrawFn) -> list[AssetDefinition]:
    """Up to five assets, each depending on some before it, now and then on itself."""
    assets: list[AssetDefinition] = []
    kinds: list[int] = []
    for index in range(draw(st.integers(1, 5))):
        kind = draw(st.integers(0, len(DEFINITIONS) - 1))
        upstream = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        deps: list[AssetDep | AssetDefinition] = [
            _shifted(draw, assets[other]) if kind < STATIC and kinds[other] < STATIC else assets[other]
            for other in sorted(upstream)
            if STATIC not in {kind, kinds[other]} or kind == kinds[other]
        ]
        if kind == 0 and draw(st.booleans()):
            mapping = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
            deps.append(AssetDep(f"asset_{index}", partition_mapping=mapping))
        declare = asset(
            name=f"asset_{index}",
            partitions_def=DEFINITIONS[kind],
            deps=deps,
            backfill_policy=draw(st.sampled_from(POLICIES)) if DEFINITIONS[kind] is not None else None,
            retry_policy=RetryPolicy(max_retries=1) if draw(st.booleans()) else None,
        )
        assets.append(declare(_nothing))
        kinds.append(kind)
    return assets


def _nothing() -> None: ...


def _shifted(draw: st.DrawFn, upstream: AssetDefinition) -> AssetDep:
    offset = draw(st.sampled_from([0, 0, -1, 1]))
    return AssetDep(upstream, partition_mapping=TimeWindowPartitionMapping(offset, offset))


def play(
    story: Story, drawn: st.DataObject, failing: int, *, breaking: bool = False, meddling: bool = False
) -> None:
    """Runs end in any order, well or badly, until the backfill does.

    The code may break and be mended; somebody may meddle, who drops partitions and cancels runs.
    """
    story.settle()
    live = story.world.known.active["b"].live if "b" in story.world.known.active else {}
    for _ in range(2_000):
        if "b" not in story.world.known.active:
            return
        assert len(live) <= story.limits.max_concurrent_runs
        if meddling and drawn.draw(st.booleans()):
            meddle(story, drawn)
            story.settle()
            if not live:
                continue
        run_id = drawn.draw(st.sampled_from(sorted(live)))
        is_broken = breaking and drawn.draw(st.booleans())
        if is_broken:
            story.tell(BROKEN)
        finish(story, run_id, drawn, bad=drawn.draw(st.integers(0, 99)) < failing)
        launched = story.launched()
        if is_broken:
            assert launched == []
            story.tell(DefinitionsLoaded("code", story.world.known.manifests["code"], None))
            story.settle()
    raise AssertionError("the backfill did not end")


def meddle(story: Story, drawn: st.DataObject) -> None:
    """Some partitions of an asset are dropped, as far as they can be; or a run under way is canceled."""
    live = story.backfill().live
    is_canceling: bool = drawn.draw(st.booleans())
    if live and is_canceling:
        run_id = drawn.draw(st.sampled_from(sorted(live)))
        story.tell(RunCancelRequested(), backfill_id="b", run_id=run_id)
        story.tell(RunCanceled(), backfill_id="b", run_id=run_id)
        return
    plan = story.world.plans["b"]
    name = drawn.draw(st.sampled_from(sorted(plan.group_of)))
    group = plan.group_of[name]
    some = drawn.draw(st.sets(st.sampled_from(list(group.targets)), min_size=1, max_size=5))
    dropped = {name: keys_of(Ranges.from_ordinals(some), group.partitions)}
    story.tell(BackfillAmended(dropped=dropped), backfill_id="b")


def finish(story: Story, run_id: str, drawn: st.DataObject, *, bad: bool) -> None:
    """One run reports: all of it, or part of it and then a failure, or nothing at all."""
    launch = story.launch_of(run_id)
    failure = Failure("ValueError", "boom")
    if not bad:
        for name in launch.assets:
            story.tell(PartitionMaterialized(name, launch.partitions), backfill_id="b", run_id=run_id)
        story.tell(RunSucceeded(1.0), backfill_id="b", run_id=run_id)
        return
    broken = drawn.draw(st.sampled_from(launch.assets))
    for name in launch.assets:
        if name == broken:
            break
        story.tell(PartitionMaterialized(name, launch.partitions), backfill_id="b", run_id=run_id)
    if drawn.draw(st.booleans()):
        story.tell(RunLost("gone"), backfill_id="b", run_id=run_id)
        return
    story.tell(PartitionFailed(broken, launch.partitions, failure), backfill_id="b", run_id=run_id)
    story.tell(RunFailed(1.0, failure), backfill_id="b", run_id=run_id)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), st.sampled_from([0, 30, 100]), st.integers(1, 4))
def test_every_backfill_ends_and_every_partition_has_one_fate(
    assets: list[AssetDefinition], drawn: st.DataObject, failing: int, slots: int
) -> None:
    story = Story(*assets, slots=slots)
    backfill = story.ask("*")
    targets = {name: progress.targeted for name, progress in backfill.assets.items()}
    play(story, drawn, failing)
    end = story.told[-1].fact
    assert isinstance(end, BackfillCompleted)
    for name, targeted in targets.items():
        fates = [counts.get(name, 0) for counts in (end.materialized, end.failed, end.skipped, end.canceled)]
        assert sum(fates) == targeted
    assert end.canceled == {}
    assert (end.outcome == "succeeded") == (end.materialized == targets)
    if failing == 0:
        assert end.outcome == "succeeded"
    for record in story.world.known.assets.values():
        assert not record.status.in_progress


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), st.sampled_from([0, 30]), st.integers(1, 4))
def test_whatever_is_dropped_and_canceled_a_backfill_ends_and_every_partition_has_one_fate(
    assets: list[AssetDefinition], drawn: st.DataObject, failing: int, slots: int
) -> None:
    story = Story(*assets, slots=slots)
    backfill = story.ask("*")
    targets = {name: progress.targeted for name, progress in backfill.assets.items()}
    play(story, drawn, failing, meddling=True)
    end = story.told[-1].fact
    assert isinstance(end, BackfillCompleted)
    for name, progress in backfill.assets.items():
        fates = [progress.materialized, progress.failed, progress.skipped, progress.canceled]
        assert sum(map(len, fates)) == targets[name] == len(BitMap.union(*fates))
        assert [end.materialized.get(name, 0), end.canceled.get(name, 0)] == [len(fates[0]), len(fates[3])]
    if failing == 0:
        assert end.outcome == ("succeeded" if end.materialized == targets else "canceled")
    for record in story.world.known.assets.values():
        assert not record.status.in_progress


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), st.integers(1, 4), st.booleans())
def test_nothing_is_launched_twice_or_before_what_it_needs(
    assets: list[AssetDefinition], drawn: st.DataObject, slots: int, meddling: bool
) -> None:
    story = Story(*assets, slots=slots)
    backfill = story.ask("*")
    plan = story.world.plans["b"]
    catalog = story.world.catalog_for(backfill)
    play(story, drawn, 30, meddling=meddling)
    filled: Counter[tuple[str, int]] = Counter()
    for told in story.told:
        match told.fact:
            case PartitionMaterialized(asset=name, partitions=keys):
                filled.update((name, ordinal) for ordinal in ranges_of(keys, plan.group_of[name].partitions))
            case RunLaunched() as launch:
                for name in launch.assets:
                    group = plan.group_of[name]
                    ordinals = ranges_of(launch.partitions, group.partitions)
                    assert not any(filled[name, ordinal] for ordinal in ordinals)
                    for edge in plan.edges_into[group.index]:
                        if edge.downstream == name:
                            needed = edge.needed(ordinals)
                            assert all(filled[edge.upstream, ordinal] for ordinal in needed)
                    met_by_order = {other for other in group.assets if name in plan.dependants_within[other]}
                    for other in met_by_order - set(launch.assets):
                        assert all(filled[other, ordinal] for ordinal in ordinals)
                    assert len(ordinals.intervals) == 1
                    size_max = catalog.assets[name].partitions_per_run_max
                    assert size_max is None or len(ordinals) <= size_max
    assert all(count == 1 for count in filled.values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), st.integers(1, 4))
def test_code_that_breaks_and_is_mended_changes_no_fate(
    assets: list[AssetDefinition], drawn: st.DataObject, slots: int
) -> None:
    story = Story(*assets, slots=slots)
    story.ask("*")
    play(story, drawn, failing=0, breaking=True)
    end = story.told[-1].fact
    if isinstance(end, DefinitionsLoaded):  # It ended while the code was broken.
        end = story.told[-2].fact
    assert isinstance(end, BackfillCompleted)
    assert end.outcome == "succeeded"
    assert all(told.fact.attempt == 1 for told in story.told if isinstance(told.fact, RunLaunched))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_replay_of_any_prefix_through_a_snapshot_is_the_live_fold(
    assets: list[AssetDefinition], drawn: st.DataObject
) -> None:
    story = Story(*assets, slots=3)
    story.ask("*")
    play(story, drawn, 30, meddling=True)
    cut = drawn.draw(st.integers(0, len(story.told)))
    first = World()
    for told in story.told[:cut]:
        evolve(first, told)
    resumed = snapshot.decode(snapshot.encode(first))
    assert resumed is not None
    for told in story.told[cut:]:
        evolve(resumed, told)
    assert snapshot.encode(resumed) == snapshot.encode(story.world)


@settings(max_examples=150)
@given(graphs())
def test_a_plans_runs_cover_its_targets_exactly_once_and_form_no_circle(
    assets: list[AssetDefinition],
) -> None:
    story = Story(*assets)
    planned = story.plan("*")
    assert isinstance(planned, PlannedBackfill)
    covered: Counter[tuple[str, int]] = Counter()
    for number in range(1, planned.runs_total + 1):
        run = planned.plan.run(number)
        covered.update((name, ordinal) for name in run.group.assets for ordinal in run.ordinals)
        assert all(upstream < number for upstream in planned.plan.after(run))
    targets = {
        (name, ordinal)
        for name, keys in planned.targets.items()
        for ordinal in ranges_of(keys, planned.plan.group_of[name].partitions)
    }
    assert set(covered) == targets
    assert all(count == 1 for count in covered.values())


@settings(max_examples=60)
@given(graphs(), st.data())
def test_a_plan_is_the_same_whatever_order_assets_are_declared_in(
    assets: list[AssetDefinition], drawn: st.DataObject
) -> None:
    shuffled = drawn.draw(st.permutations(assets))
    one, other = Story(*assets).plan("*"), Story(*shuffled).plan("*")
    assert isinstance(one, PlannedBackfill)
    assert isinstance(other, PlannedBackfill)
    assert (one.digest, one.groups) == (other.digest, other.groups)
