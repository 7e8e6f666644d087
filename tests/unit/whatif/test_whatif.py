"""What if: the same again by the recorded policy, and what another one changes."""

from datetime import timedelta

import msgspec
import pytest

from backfilld.assets import AssetDefinition, asset
from backfilld.partitions import DailyPartitionsDefinition, DynamicPartitionsDefinition
from backfilld.policies import RetryPolicy
from daemon.refusal import Refused
from daemon.whatif.course import Policy
from daemon.whatif.figures import Figures
from daemon.whatif.replaying import Comparison, compare
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillResumed,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunLaunched,
    RunStarted,
)
from projections.durations import Durations
from tests.story import Story, keys
from tests.unit.whatif.courses import played, seconds, surroundings

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")  # 10


def declared(
    name: str,
    *,
    deps: tuple[str, ...] = (),
    pool: str | None = None,
    retries: int = 0,
    timeout_s: float | None = None,
) -> AssetDefinition:
    retry = RetryPolicy(max_retries=retries) if retries else None
    return asset(
        name=name, partitions_def=DAYS, deps=deps, pool=pool, retry_policy=retry, timeout_s=timeout_s
    )(lambda: None)


def compared(
    story: Story,
    facts: list[Recorded],
    policy: Policy,
    *,
    around: list[Recorded] | None = None,
    history: Durations | None = None,
) -> Comparison:
    settings = surroundings(story) if around is None else around
    found = compare(story.world, facts, settings, policy=policy, history=history or Durations())
    assert isinstance(found, Comparison), found
    return found


def times(figures: Figures, asset_key: str) -> tuple[float | None, ...]:
    (found,) = [each for each in figures.assets if each.asset == asset_key]
    return found.oldest_s, found.newest_s, found.complete_s


def test_what_was_is_measured_and_simulated_alike() -> None:
    story = Story(declared("a"))
    found = compared(story, played(story, "a"), Policy(max_concurrent_runs=2))
    assert found.recorded == found.simulated
    was = found.recorded
    assert (was.status, was.took_s, was.runs, was.retries, was.runs_failed) == ("succeeded", 30.0, 10, 0, 0)
    # Four at once: four wait for nothing, four for 10 seconds, two for 20.
    assert (was.waiting_total_s, was.waiting_median_s, was.at_once_max) == (80.0, 10.0, 4)
    assert times(was, "a") == (10.0, 30.0, 30.0)
    assert (found.what_if.took_s, found.what_if.at_once_max) == (50.0, 2)
    assert found.notes == ()


def test_what_the_daemon_takes_between_two_runs_is_measured_and_simulated() -> None:
    story = Story(declared("a"))
    found = compared(story, played(story, "a", lag_s=0.5), Policy(max_concurrent_runs=1))
    assert found.recorded == found.simulated
    assert (found.recorded.took_s, found.recorded.lag_median_s) == (31.5, 0.5)
    assert found.what_if.took_s == 105.0


def test_what_a_rate_holds_back_the_daemon_is_not_slow_for() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", slots=1, rate_per_minute=2))
    found = compared(story, played(story, "a"), Policy(order="newest_first"))
    assert found.recorded.took_s == pytest.approx(280.0)
    assert found.recorded.lag_median_s == 0.0
    assert found.simulated == found.recorded


def test_the_newest_first() -> None:
    story = Story(declared("a"))
    found = compared(story, played(story, "a"), Policy(order="newest_first"))
    assert times(found.what_if, "a") == (30.0, 10.0, 30.0)


def test_a_pool_is_never_fuller_than_its_slots_and_its_width_is_what_decides() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", slots=1))
    facts = played(story, "a")
    found = compared(story, facts, Policy(pool_slots={"w": 3}))
    assert (found.recorded.took_s, found.recorded.pools) == (100.0, {"w": 1})
    assert (found.what_if.took_s, found.what_if.pools) == (40.0, {"w": 3})
    without = compared(story, facts, Policy(pool_slots={"w": None})).what_if
    assert (without.took_s, without.pools) == (30.0, {"w": 4})


def test_pools_that_were_set_on_the_way_are_set_again_but_for_what_the_policy_says() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", slots=1))
    facts = played(story, "a", later=[(15.0, PoolConfigured("w", slots=4))])
    story.later(15)
    told = msgspec.structs.replace(story.tell(PoolConfigured("w", slots=4)), position=facts[-1].position)
    around = [*surroundings(story)[:-1], told]
    found = compared(story, facts, Policy(runs_max=3), around=around)
    # One by one until 15 s, when there is room for three more; the tenth begins when the sixth has ended.
    assert found.recorded.took_s == found.simulated.took_s == 40.0
    assert found.recorded.pools == {"w": 4}
    assert found.what_if.pools == {"w": 3}
    fixed = compared(story, facts, Policy(pool_slots={"w": 2}), around=around)
    assert (fixed.what_if.took_s, fixed.what_if.pools) == (50.0, {"w": 2})


def test_the_daemons_own_limit() -> None:
    story = Story(declared("a"))
    found = compared(story, played(story, "a"), Policy(runs_max=10))
    assert (found.what_if.took_s, found.what_if.at_once_max) == (10.0, 10)


def test_a_limit_that_no_daemon_has_told_is_taken_to_be_what_was_under_way_at_once() -> None:
    story = Story(declared("a"))
    found = compared(story, played(story, "a"), Policy(order="newest_first"), around=[])
    assert found.simulated == found.recorded
    assert found.what_if.at_once_max == 4
    assert found.notes == ("No daemon has said how many runs it allows: taken to be as many as then, 4.",)


def test_fewer_retries_fail_and_more_are_taken_to_succeed() -> None:
    story = Story(declared("a", retries=1), declared("c", deps=("a",)))
    facts = played(story, "*", fails=["b-3-1", "b-3-2"])
    fewer = compared(story, facts, Policy(retries_max=0))
    assert (fewer.recorded.status, fewer.recorded.retries, fewer.recorded.runs_failed) == ("failed", 1, 2)
    assert (fewer.what_if.status, fewer.what_if.retries, fewer.what_if.runs_failed) == ("failed", 0, 1)
    more = compared(story, facts, Policy(retries_max=2))
    assert (more.what_if.status, more.what_if.retries, more.what_if.runs_failed) == ("succeeded", 2, 2)
    (note,) = more.notes
    assert note.startswith("1 attempt was not made then, or not to the end: taken to need the median")


def test_hours_hold_by_the_time_it_was_asked_for_at() -> None:
    story = Story(declared("a"))  # At midnight.
    found = compared(story, played(story, "a"), Policy(only_between="06:00-07:00"))
    assert found.what_if.took_s == 6 * 3600 + 30.0
    assert found.what_if.waiting_median_s == 6 * 3600 + 10.0


def test_a_run_waits_from_when_what_it_needs_is_there() -> None:
    root = asset(name="root")(lambda: None)
    many = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-04-10")  # 100
    story = Story(root, asset(name="many", partitions_def=many, deps=[root])(lambda: None))
    facts = played(story, "*")
    found = compared(story, facts, Policy(runs_max=1_000))
    assert found.what_if.waiting_total_s == 0.0
    # They are ready after 10 seconds; four at once, each four wait 10 seconds longer than those before.
    assert found.recorded.waiting_total_s == sum(4 * 10.0 * wave for wave in range(25))


def test_the_delay_of_a_retry_is_no_waiting() -> None:
    slow = asset(name="a", partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=1, delay=60))(
        lambda: None
    )
    story = Story(slow)
    found = compared(story, played(story, "a", fails=["b-1-1"]), Policy(runs_max=100))
    assert found.what_if.waiting_total_s == 0.0
    assert found.what_if.took_s == 80.0


def test_what_people_did_is_done_again_but_for_what_the_policy_says() -> None:
    story = Story(declared("a"))
    later: list[tuple[float, Fact]] = [
        (5.0, BackfillPaused()),
        (105.0, BackfillResumed()),
        (110.0, BackfillAmended(max_concurrent_runs=1, order="newest_first")),
    ]
    found = compared(story, played(story, "a", later=later), Policy(order="oldest_first"))
    assert found.recorded == found.simulated
    # Four before the pause, four after it, then one at a time, the newest first.
    assert found.recorded.took_s == found.what_if.took_s == 135.0
    assert times(found.recorded, "a") == (10.0, 125.0, 135.0)
    assert times(found.what_if, "a") == (10.0, 135.0, 135.0)
    assert found.notes == ("It was paused, and is at the same times in what if.",)


def test_what_was_canceled_is_canceled_again_and_in_what_if_comes_to_its_end() -> None:
    story = Story(declared("a"))
    facts = played(story, "a", later=[(15.0, BackfillCancelRequested())])
    found = compared(story, facts, Policy(runs_max=2))
    assert found.recorded == found.simulated
    assert (found.recorded.status, found.recorded.took_s, found.recorded.runs) == ("canceled", 15.0, 8)
    assert (found.what_if.status, found.what_if.took_s, found.what_if.runs) == ("succeeded", 50.0, 10)
    assert found.notes[0] == "It was canceled. What if does not cancel it: what was not run then is run."
    assert found.notes[1].startswith("6 attempts were not made then, or not to the end")


def test_a_run_that_somebody_ended_is_ended_again() -> None:
    story = Story(declared("a"))
    facts = played(story, "a")
    end = next(index for index, each in enumerate(facts) if each.run_id == "b-1-1" and told_end(each))
    facts[end - 1 : end + 1] = [
        msgspec.structs.replace(facts[end - 1], fact=RunCancelRequested()),
        msgspec.structs.replace(facts[end], fact=RunCanceled()),
    ]
    found = compared(story, facts[:-1], Policy(runs_max=10))
    assert (found.what_if.status, found.what_if.runs, found.what_if.assets[0].filled) == ("canceled", 10, 9)


def told_end(recorded: Recorded) -> bool:
    return type(recorded.fact).__name__ == "RunSucceeded"


def test_a_time_out_ends_a_run_again() -> None:
    story = Story(declared("a", timeout_s=30.0))
    facts = played(story, "a", takes=lambda run_id, _: 31.0 if run_id == "b-2-1" else 9.0, fails=["b-2-1"])
    assert [type(each.fact).__name__ for each in facts].count("RunTimedOut") == 1
    found = compared(story, facts, Policy(max_concurrent_runs=3))
    assert found.recorded == found.simulated
    assert (found.what_if.runs_failed, found.what_if.status) == (1, "failed")


def test_it_begins_when_there_was_a_daemon() -> None:
    story = Story(declared("a"))
    facts = played(story, "a")
    late = [facts[0], *(moved(each, 100.0) for each in facts[1:])]
    (elected,) = surroundings(story)
    elected = msgspec.structs.replace(elected, at=story.now + timedelta(seconds=100), position=10_000)
    found = compared(story, late, Policy(runs_max=10), around=[elected])
    assert found.recorded.took_s == found.simulated.took_s == 130.0
    assert (found.what_if.took_s, found.what_if.waiting_total_s) == (110.0, 1_000.0)


def moved(recorded: Recorded, later_s: float) -> Recorded:
    return msgspec.structs.replace(recorded, at=recorded.at + timedelta(seconds=later_s))


def test_what_is_under_way_is_taken_to_its_end() -> None:
    story = Story(declared("a"))
    facts = played(story, "a")
    begun = next(index for index, each in enumerate(facts) if told_end(each)) + 1
    found = compared(story, facts[:begun], Policy(runs_max=10))
    assert (found.recorded.status, found.recorded.took_s) == ("running", None)
    assert (found.simulated.status, found.simulated.took_s) == ("succeeded", 30.0)


def test_what_no_run_is_known_of_takes_no_time_and_that_is_said() -> None:
    story = Story(declared("a"))
    facts = played(story, "a", fails=[f"b-{number}-1" for number in range(1, 11)])
    found = compared(story, facts, Policy(retries_max=1))
    assert found.what_if.took_s == 30.0
    assert found.notes[-1] == "No run of a ever succeeded: what it takes is not known and left out."
    history = Durations()
    history.add(("a",), 1, seconds(5.0))
    known = compared(story, facts, Policy(retries_max=1), history=history)
    assert known.what_if.took_s == 45.0  # 30 s of 4 at once and as many of 5 s, the retries first.


def test_what_would_never_end_is_said() -> None:
    story = Story(declared("a", pool="w"))
    story.tell(PoolConfigured("w", slots=1, only_between="01:00-02:00"))
    facts = played(story, "a")
    found = compared(story, facts, Policy(only_between="03:00-04:00"))
    assert (found.what_if.status, found.what_if.took_s) == ("running", None)
    assert found.notes == ("What if does not come to an end: the backfill is left running.",)


def test_other_backfills_of_the_time_are_told_of() -> None:
    story = Story(declared("a"), declared("c"))
    facts = played(story, "a")
    story.ask("a", named="b")
    story.later(1)
    story.ask("c", named="other")
    story.later(1)
    story.tell(PoolConfigured("w", slots=1))
    assert compared(story, facts, Policy(runs_max=1)).notes == (
        "1 other backfill of that time is not simulated: it is alone.",
    )


def test_code_and_dynamic_keys_are_those_of_its_request() -> None:
    cities = DynamicPartitionsDefinition(name="cities")
    story = Story(asset(name="a", partitions_def=cities)(lambda: None))
    story.tell(DynamicPartitionsAdded("cities", ("oslo", "rome", "bern")))
    facts = played(story, "a")
    for each in facts:  # In the log where they were played.
        assert story.tell(each.fact, backfill_id="b", run_id=each.run_id).position == each.position
    story.tell(DynamicPartitionsRemoved("cities", ("rome",)))
    story.tell(DynamicPartitionsAdded("cities", ("lima",)))
    story.declare(asset(name="other")(lambda: None))
    found = compared(story, facts, Policy(runs_max=1))
    assert found.recorded == found.simulated
    assert (found.what_if.took_s, found.what_if.assets[0].filled) == (30.0, 3)


def test_a_plan_that_cannot_be_read_is_refused() -> None:
    story = Story(declared("a"))
    facts = played(story, "a")
    found = compare(Story().world, facts, [], policy=Policy(runs_max=1), history=Durations())
    assert found == Refused("the plan of backfill b cannot be read any more")


def test_an_attempt_over_other_partitions_is_not_taken_for_the_same() -> None:
    story = Story(declared("a"))
    facts = played(story, "a", takes=lambda run_id, _: 100.0 if run_id == "b-1-1" else 10.0)
    two_days = keys("2024-01-01..2024-01-02")
    other = [
        msgspec.structs.replace(each, fact=msgspec.structs.replace(each.fact, partitions=two_days))
        if isinstance(each.fact, RunLaunched) and each.run_id == "b-1-1"
        else each
        for each in facts
    ]
    assert compared(story, facts, Policy(runs_max=10)).what_if.took_s == 100.0
    assert compared(story, other, Policy(runs_max=10)).what_if.took_s == 10.0


@pytest.mark.parametrize("slots", [1, 2, 3, 5, 8, 10])
def test_what_passes_between_a_launch_and_a_start_is_part_of_it(slots: int) -> None:
    story = Story(declared("a"))
    facts = [
        moved(each, 2.0) if not isinstance(each.fact, RunLaunched) and each.run_id else each
        for each in played(story, "a")
    ]
    assert isinstance(facts[5].fact, RunStarted)
    assert facts[5].at == story.now + timedelta(seconds=2)
    found = compared(story, facts, Policy(max_concurrent_runs=slots, runs_max=10))
    assert found.what_if.took_s == 12.0 * -(-10 // slots)
