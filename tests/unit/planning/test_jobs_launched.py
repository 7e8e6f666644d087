"""Jobs: their assets by one name, and the policy they are launched by."""

import pytest

from backfilld.assets import AssetDefinition, asset
from backfilld.definitions import Definitions
from backfilld.jobs import JobDefinition, define_asset_job
from backfilld.manifest import manifest_of
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy
from daemon.launching.code_location import manifest_digest
from daemon.planning.planned import PlannedBackfill
from daemon.planning.selection import Selected, select
from daemon.refusal import Refused
from events.facts import DefinitionsLoaded
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")
SINGLE = BackfillPolicy.single_run()


def declared(name: str, *deps: str, policy: BackfillPolicy | None = SINGLE) -> AssetDefinition:
    return asset(name=name, partitions_def=DAYS, deps=deps, backfill_policy=policy)(lambda: None)


@asset(deps=["c"])
def report() -> None: ...


def story_of(*assets: AssetDefinition, jobs: tuple[JobDefinition, ...]) -> Story:
    story = Story()
    manifest = manifest_of(Definitions(assets=assets, jobs=jobs), code_location="code")
    story.tell(DefinitionsLoaded("code", manifest_digest(manifest), manifest))
    return story


def planned(story: Story, *selection: str) -> PlannedBackfill:
    plan = story.plan(*selection)
    assert isinstance(plan, PlannedBackfill), plan
    return plan


NIGHTLY = define_asset_job("nightly", ["a", "b"], tags={"team": "data"})


def test_a_job_is_selected_by_its_name() -> None:
    catalog = story_of(declared("a"), declared("b"), declared("c"), jobs=(NIGHTLY,)).world.catalog
    for term in ("nightly", "job:nightly"):
        selected = select(catalog, [term, "c"])
        assert isinstance(selected, Selected)
        assert selected.assets == ("a", "b", "c")
        assert [job.name for job in selected.jobs] == ["nightly"]


def test_an_asset_of_the_same_name_comes_first() -> None:
    catalog = story_of(declared("a"), declared("b"), declared("nightly"), jobs=(NIGHTLY,)).world.catalog
    assert select(catalog, ["nightly"]) == Selected(("nightly",))


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("nightli", "there is no asset 'nightli'; did you mean 'nightly'?"),
        ("job:nightli", "there is no job 'nightli'; did you mean 'nightly'?"),
        ("job:zzz", "there is no job 'zzz'; `backfilld jobs` lists what there is"),
    ],
)
def test_a_job_that_is_not_there_is_refused(term: str, said: str) -> None:
    refused = select(story_of(declared("a"), declared("b"), jobs=(NIGHTLY,)).world.catalog, [term])
    assert isinstance(refused, Refused)
    assert refused.reason == said


def test_assets_of_one_policy_keep_it() -> None:
    plan = planned(story_of(declared("a"), declared("b"), jobs=(NIGHTLY,)), "nightly")
    assert [group.partitions_per_run_max for group in plan.groups] == [None]
    assert plan.warnings == ()


@pytest.mark.parametrize(
    ("policy", "size", "words"),
    [
        (BackfillPolicy.multi_run(4), 4, "up to 4 partitions a run"),
        (None, 1, "a run per partition"),
    ],
)
def test_where_policies_differ_the_smallest_wins_with_a_warning(
    policy: BackfillPolicy | None, size: int, words: str
) -> None:
    story = story_of(declared("a"), declared("b", policy=policy), jobs=(NIGHTLY,))
    plan = planned(story, "nightly")
    assert [(group.assets, group.partitions_per_run_max) for group in plan.groups] == [(("a", "b"), size)]
    (warning,) = plan.warnings
    assert warning == (
        f"the assets of job 'nightly' have different backfill policies (single run: a; {words}: b), so all "
        f"of them are launched by the smallest, {words}"
    )


def test_launched_by_their_own_names_each_keeps_its_policy() -> None:
    story = story_of(declared("a"), declared("b", policy=BackfillPolicy.multi_run(4)), jobs=(NIGHTLY,))
    plan = planned(story, "a", "b")
    assert {group.assets: group.partitions_per_run_max for group in plan.groups} == {("a",): None, ("b",): 4}
    assert plan.warnings == ()


def test_assets_without_partitions_have_no_say() -> None:
    everything = define_asset_job("everything")
    plan = planned(story_of(declared("c"), report, jobs=(everything,)), "everything")
    assert [(group.assets, group.partitions_per_run_max) for group in plan.groups] == [
        (("c",), None),
        (("report",), None),
    ]
    assert plan.warnings == ()


def test_runs_carry_the_tags_of_the_job_and_those_given() -> None:
    story = story_of(declared("a"), declared("b"), jobs=(NIGHTLY,))
    plan = story.plan("nightly", tags={"why": "late"})
    assert isinstance(plan, PlannedBackfill)
    assert plan.request({}).tags == {"team": "data", "why": "late"}
