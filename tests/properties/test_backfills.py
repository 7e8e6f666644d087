"""What holds for every backfill, whatever its assets, policies, failures and order of events."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from backfilld.ranges import Ranges
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
from tests.conformance.promises import is_unbroken
from tests.properties.graphs import Declared, assets_of, graphs, some_partitions
from tests.story import T0, Story

BROKEN = DefinitionsFailed("code", Failure("SyntaxError", "invalid syntax"), runs_held=True)


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
    declared: list[Declared], drawn: st.DataObject, failing: int, slots: int
) -> None:
    story = Story(*assets_of(declared), slots=slots)
    backfill = story.ask("*", choice=some_partitions(declared, drawn, T0))
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
    declared: list[Declared], drawn: st.DataObject, failing: int, slots: int
) -> None:
    story = Story(*assets_of(declared), slots=slots)
    backfill = story.ask("*", choice=some_partitions(declared, drawn, T0))
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
@given(graphs(), st.data(), st.sampled_from([20, 60]), st.integers(1, 4), st.booleans())
def test_nothing_is_launched_twice_or_before_what_it_needs(
    declared: list[Declared], drawn: st.DataObject, failing: int, slots: int, meddling: bool
) -> None:
    story = Story(*assets_of(declared), slots=slots)
    backfill = story.ask("*", choice=some_partitions(declared, drawn, T0))
    plan = story.world.plans["b"]
    catalog = story.world.catalog_for(backfill)
    play(story, drawn, failing, meddling=meddling)
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
                    assert is_unbroken(ordinals, group.partitions)
                    size_max = catalog.assets[name].partitions_per_run_max
                    assert size_max is None or len(ordinals) <= size_max
    assert all(count == 1 for count in filled.values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), st.integers(1, 4))
def test_code_that_breaks_and_is_mended_changes_no_fate(
    declared: list[Declared], drawn: st.DataObject, slots: int
) -> None:
    story = Story(*assets_of(declared), slots=slots)
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
    declared: list[Declared], drawn: st.DataObject
) -> None:
    story = Story(*assets_of(declared), slots=3)
    story.ask("*", choice=some_partitions(declared, drawn, T0))
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
