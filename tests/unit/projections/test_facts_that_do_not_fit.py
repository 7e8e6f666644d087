"""Facts that those before them leave no room for: a request without its keys, a launch that no plan has."""

import msgspec
import pytest

from backfilld.assets import asset
from backfilld.partitions import DynamicPartitionsDefinition
from events.envelope import Recorded
from events.facts import BackfillCompleted, BackfillRequested, DynamicPartitionsAdded, RunLaunched
from projections.world import evolve
from tests.story import Story, keys


@asset(partitions_def=DynamicPartitionsDefinition("tenants"))
def by_tenant() -> None: ...


@asset
def other() -> None: ...


def told() -> Story:
    """A backfill of two tenants and its launches."""
    story = Story(by_tenant, other)
    story.tell(DynamicPartitionsAdded("tenants", ("acme", "coop")))
    story.ask("*")
    story.launched()
    return story


def retold(facts: list[Recorded]) -> Story:
    """The same facts at other positions."""
    story = Story()
    for position, recorded in enumerate(facts, 1):
        story.told.append(msgspec.structs.replace(recorded, position=position))
        evolve(story.world, story.told[-1])
    return story


@pytest.mark.parametrize("left", [0, 1])
def test_a_backfill_whose_dynamic_keys_are_not_on_record_fails_instead_of_filling_others(left: int) -> None:
    facts = told().told
    at = next(n for n, each in enumerate(facts) if isinstance(each.fact, DynamicPartitionsAdded))
    fewer = DynamicPartitionsAdded("tenants", ("acme", "coop")[:left])
    story = retold([*facts[:at], msgspec.structs.replace(facts[at], fact=fewer), *facts[at + 1 :]])
    assert story.backfill().unplannable is not None
    assert not story.backfill().live
    (end,) = story.settle()
    assert isinstance(end, BackfillCompleted)
    assert end.outcome == "failed"


@pytest.mark.parametrize(
    "changed",
    [
        {"assets": ("other",)},
        {"assets": ()},
        {"assets": ("by_tenant", "nothing")},
        {"number": 4},
        {"partitions": keys("2024-01-01..2024-01-02")},
    ],
)
def test_a_launch_that_is_none_of_the_plan_launches_nothing(changed: dict[str, object]) -> None:
    facts = told().told
    asked = next(n for n, each in enumerate(facts) if isinstance(each.fact, BackfillRequested))
    story = retold(facts[: asked + 1])
    launches = (each.fact for each in facts if isinstance(each.fact, RunLaunched))
    launch = next(each for each in launches if each.assets == ("by_tenant",))
    story.tell(msgspec.structs.replace(launch, **changed), backfill_id="b", run_id="b-9-1")
    assert story.backfill().live == {}
    story.tell(launch, backfill_id="b", run_id="b-9-1")
    assert [*story.backfill().live] == ["b-9-1"]


def test_a_run_is_launched_once() -> None:
    story = told()
    before = dict(story.backfill().live)
    again = next(each for each in story.told if isinstance(each.fact, RunLaunched))
    story.tell(again.fact, backfill_id="b", run_id=again.run_id)
    assert story.backfill().live == before
    assert story.backfill().runs_launched == len(before)
