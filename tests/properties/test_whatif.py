"""What holds for every simulated backfill, whatever its assets, failures and policies."""

from datetime import timedelta
from hashlib import sha256

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfilld.assets import asset
from backfilld.partitions import StaticPartitionsDefinition
from daemon.whatif.course import Policy
from daemon.whatif.figures import Figures
from daemon.whatif.record import record_of
from daemon.whatif.replaying import AS_IT_WAS, Assumed, Comparison, compare, course_under, world_under
from daemon.whatif.simulation import simulated
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillResumed,
    Fact,
    LeaderElected,
    PoolConfigured,
    RunLaunched,
)
from projections.durations import Durations
from tests.properties.graphs import Declared, assets_of, graphs, some_partitions, with_changed
from tests.properties.test_backfills import play
from tests.story import T0, Story
from tests.unit.whatif.courses import played, surroundings

LEADER = LeaderElected("d", "host", 1, "0", max_concurrent_runs=3)
INTERVENTIONS: tuple[tuple[tuple[float, Fact], ...], ...] = (
    (),
    ((3.0, BackfillPaused()), (50.0, BackfillResumed())),
    ((2.5, BackfillAmended(max_concurrent_runs=1, order="newest_first", retries_max=2)),),
    ((7.0, BackfillCancelRequested()),),
)
POLICIES = st.builds(
    Policy,
    max_concurrent_runs=st.sampled_from([None, "none", 1, 2]),
    order=st.sampled_from([None, "newest_first", "random"]),
    retries_max=st.sampled_from([None, "none", 0, 2]),
    runs_max=st.sampled_from([1, 2, 100]),
    pool_slots=st.just({"w": 1}),
)


def told(facts: list[Recorded]) -> list[tuple[object, ...]]:
    return [(each.at, each.fact, each.run_id, each.causation_id) for each in facts]


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.sampled_from(INTERVENTIONS), st.integers(0, 100), st.booleans())
def test_what_was_simulated_is_by_its_own_policy_simulated_again_fact_by_fact(
    declared: list[Declared], later: tuple[tuple[float, Fact], ...], seed: int, failing: bool
) -> None:
    declared = with_changed(declared, 0, pool="w")
    story = Story(*assets_of(declared))
    story.tell(PoolConfigured("w", slots=2))

    def takes(run_id: str, _: RunLaunched) -> float:
        return 1.0 + drawn(seed, run_id) % 7

    numbers = range(1, 2_000)
    fails = [f"b-{number}-1" for number in numbers if failing and drawn(seed, str(number)) % 3 == 0]
    facts = played(story, "*", takes=takes, fails=fails, later=later, leader=LEADER)
    record = record_of(facts, surroundings(story, LEADER))
    assumed = Assumed()
    world = world_under(AS_IT_WAS, record, story.world)
    again = list(simulated(world, course_under(AS_IT_WAS, record, [record.durations], assumed)))
    assert told(again) == told(facts)
    assert assumed == Assumed()


def drawn(seed: int, text: str) -> int:
    return sha256(f"{seed}:{text}".encode()).digest()[0]


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data(), POLICIES)
def test_whatever_happened_what_if_comes_to_an_end_within_its_limits(
    declared: list[Declared], drawing: st.DataObject, policy: Policy
) -> None:
    declared = with_changed(declared, 0, pool="w")
    story = Story(*assets_of(declared), slots=3)
    story.ask("*", choice=some_partitions(declared, drawing, T0))
    play(story, drawing, 30, meddling=True)
    own = [each for each in story.told if each.backfill_id == "b"]
    policy = Policy(
        **{name: getattr(policy, name) for name in policy.__struct_fields__} | {"pool_slots": {"w": 1}}
    )
    before = len(story.told)
    found = compare(story.world, own, [], policy=policy, history=Durations())
    assert isinstance(found, Comparison)
    assert len(story.told) == before
    other = found.what_if
    assert other.took_s is not None
    assert other.status in {"succeeded", "failed", "canceled"}
    assert other.pools.get("w", 0) <= 1
    assert other.at_once_max <= (policy.runs_max or 0)
    if isinstance(policy.max_concurrent_runs, int):
        assert other.at_once_max <= policy.max_concurrent_runs
    for times in other.assets:
        assert (times.complete_s is not None) == (times.filled == times.partitions)


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_fewer_slots_are_never_faster_for_equal_runs(runs: int, slots: int, fewer: int, more: int) -> None:
    keys = StaticPartitionsDefinition([str(number) for number in range(runs)])
    story = Story(asset(name="a", partitions_def=keys, pool="w")(lambda: None))
    story.tell(PoolConfigured("w", slots=slots))
    facts = played(story, "a", leader=LEADER)

    def with_slots(count: int) -> Figures:
        policy = Policy(pool_slots={"w": count}, runs_max=100)
        found = compare(story.world, facts, surroundings(story, LEADER), policy=policy, history=Durations())
        assert isinstance(found, Comparison)
        return found.what_if

    low, high = with_slots(min(fewer, more)), with_slots(max(fewer, more))
    assert low.took_s is not None
    assert high.took_s is not None
    assert low.took_s >= high.took_s
    assert low.waiting_total_s >= high.waiting_total_s
    assert low.pools["w"] <= min(fewer, more)
    assert high.took_s == timedelta(seconds=10 * -(-runs // max(fewer, more))).total_seconds()
