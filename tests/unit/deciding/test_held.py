"""A code location of which nothing can be launched: its runs wait, the others' go on, and nothing is lost."""

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, StaticPartitionsDefinition
from backfilld.policies import RetryPolicy
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    DefinitionsFailed,
    DefinitionsWithdrawn,
    Failure,
    RunCanceled,
    RunLaunched,
    RunLost,
    RunStarted,
)
from projections import snapshot
from projections.held import held_locations, held_runs, waits_for
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-04")
BROKEN = Failure("SyntaxError", "invalid syntax (sales.py, line 3)")
HELD = DefinitionsFailed("sales", BROKEN, runs_held=True)


@asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=1))
def orders() -> None: ...


@asset(partitions_def=DAYS, deps=[orders])
def clicks() -> None: ...


def two_locations(*, slots: int = 100) -> Story:
    """Orders in the code location `sales`, clicks that need them in `web`."""
    story = Story(slots=slots)
    story.declare(orders, code_location="sales")
    story.declare(clicks, code_location="web")
    return story


def test_nothing_of_a_held_location_is_launched_and_all_of_it_once_it_loads() -> None:
    story = two_locations()
    story.tell(HELD)
    story.ask("orders")
    assert story.launched() == []
    assert story.backfill().status == "running"
    story.declare(orders, code_location="sales")
    assert story.launched() == ["b-1-1", "b-2-1", "b-3-1"]


def test_a_failed_load_beside_a_living_process_holds_nothing() -> None:
    story = two_locations()
    story.tell(DefinitionsFailed("sales", BROKEN))
    story.ask("orders")
    assert story.launched() == ["b-1-1", "b-2-1", "b-3-1"]
    assert held_locations(story.world) == set()


def test_a_withdrawn_location_delays_its_runs_until_it_is_given_again() -> None:
    story = two_locations()
    story.ask("*")
    assert len(story.launched()) == 3
    story.run("b-1-1")
    story.tell(DefinitionsWithdrawn("web"))
    assert story.launched() == []
    assert list(waits_for(story.world, story.backfill())) == ["web"]
    story.declare(clicks, code_location="web")
    assert story.launched() == ["b-4-1"]


def test_other_locations_go_on_in_the_same_backfill() -> None:
    story = two_locations()
    story.ask("*")
    story.launched()
    story.run("b-1-1")
    story.tell(HELD)
    assert story.launched() == ["b-4-1"]


def test_runs_of_others_are_found_behind_more_held_ones_than_are_looked_at() -> None:
    @asset(partitions_def=StaticPartitionsDefinition([str(number) for number in range(2_000)]))
    def many() -> None: ...

    story = Story()
    story.declare(orders, code_location="web")
    story.declare(many, code_location="sales")
    story.tell(HELD)
    story.ask("many", "orders")
    assert len(story.launched()) == 3


def test_runs_that_were_launched_and_never_began_leave_their_slots_to_other_backfills() -> None:
    story = two_locations(slots=2)
    story.ask("orders", named="first")
    assert story.launched() == ["first-1-1", "first-2-1"]
    story.ask("clicks", named="other")
    assert story.launched() == []
    story.tell(RunStarted(1, "host"), backfill_id="first", run_id="first-1-1")
    story.tell(HELD)
    assert held_runs(story.world) == 1
    assert story.launched() == ["other-1-1"]
    # Back again, the three of them have two slots: nothing more is launched before two have ended.
    story.declare(orders, code_location="sales")
    story.run("other-1-1")
    assert story.launched() == []
    story.run("first-1-1")
    assert story.launched() == ["other-2-1"]


def test_a_backfill_with_a_limit_of_its_own_counts_the_runs_it_has_launched() -> None:
    story = two_locations()
    story.ask("*", max_concurrent_runs=1)
    assert story.launched() == ["b-1-1"]
    story.tell(HELD)
    assert story.launched() == []


def test_a_retry_of_a_held_location_waits_too_and_counts_no_attempt() -> None:
    story = two_locations()
    story.ask("orders", partitions="2024-01-01")
    story.launched()
    story.tell(HELD)
    story.run("b-1-1", lost=RunLost("its process was ended by SIGKILL"))
    assert story.launched() == []
    assert list(waits_for(story.world, story.backfill())) == ["sales"]
    story.declare(orders, code_location="sales")
    assert story.launched() == ["b-1-2"]


def test_a_backfill_that_waits_can_be_canceled() -> None:
    story = two_locations()
    story.ask("orders")
    assert len(story.launched()) == 3
    story.tell(HELD)
    story.tell(BackfillCancelRequested(), backfill_id="b")
    for run in ("b-1-1", "b-2-1", "b-3-1"):
        story.tell(RunCanceled(), backfill_id="b", run_id=run)
    (end,) = story.settle()
    assert end == BackfillCompleted("canceled", {"orders": 0}, canceled={"orders": 3})


def test_what_waits_for_what_is_known_and_since_when() -> None:
    story = two_locations()
    story.ask("orders")
    began = story.now
    story.tell(HELD)
    story.later(60)
    story.tell(DefinitionsFailed("sales", Failure("NameError", "x"), runs_held=True))
    (state,) = waits_for(story.world, story.backfill()).values()
    assert (state.since, state.failure) == (began, Failure("NameError", "x"))
    # What was fine until its process died is waited for from then on.
    story.declare(orders, code_location="sales")
    story.tell(DefinitionsFailed("sales", BROKEN))
    story.later(60)
    story.tell(HELD)
    (state,) = waits_for(story.world, story.backfill()).values()
    assert state.since == story.now
    assert waits_for(story.world, story.backfill()) == {"sales": state}


def test_a_backfill_that_needs_nothing_more_of_it_waits_for_nothing() -> None:
    story = two_locations()
    story.ask("clicks")
    for run in story.launched():
        story.tell(RunStarted(1, "host"), backfill_id="b", run_id=run)
    story.tell(HELD)
    story.tell(DefinitionsWithdrawn("web"))
    assert waits_for(story.world, story.backfill()) == {}


def test_a_snapshot_keeps_what_is_held() -> None:
    story = two_locations()
    story.tell(HELD)
    story.tell(DefinitionsWithdrawn("web"))
    restored = snapshot.decode(snapshot.encode(story.world))
    assert restored is not None
    assert restored.known.not_loaded == story.world.known.not_loaded
    assert held_locations(restored) == {"sales", "web"}
    assert list(restored.catalog.assets) == ["orders"]


def test_no_run_is_launched_twice_over_a_hold() -> None:
    story = two_locations(slots=2)
    story.ask("orders")
    story.launched()
    story.tell(HELD)
    story.declare(orders, code_location="sales")
    for number in (1, 2, 3):
        story.run(f"b-{number}-1")
        story.settle()
    launched = [each.run_id for each in story.told if isinstance(each.fact, RunLaunched)]
    assert launched == ["b-1-1", "b-2-1", "b-3-1"]
    assert story.backfill().status == "succeeded"
