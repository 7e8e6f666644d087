"""The page of a backfill and the list of them, as they are without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition, StaticPartitionsDefinition
from backfilld.policies import BackfillPolicy
from daemon.operations.tokens import digest_of
from daemon.web.pages.backfill.actions import ACTIONS
from daemon.web.pages.backfills import LISTED
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    Failure,
    PartitionFailed,
    RunFailed,
    TokenCreated,
)
from tests.contract.visiting import Page, Visitor, visitor_of
from tests.story import Story, keys

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")
HOSTILE = "<img src=x onerror=alert(1)>"


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(4))
def totals() -> None: ...


@asset(partitions_def=StaticPartitionsDefinition([HOSTILE, "y"]))
def letters() -> None: ...


@pytest.fixture
async def visitor(migrated_url: str, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visitor_of(migrated_url, tmp_path) as visitor:
        yield visitor


@pytest.fixture
def story() -> Story:
    """A backfill of two assets, of which one run filled its day, one failed, and two are under way."""
    story = Story(raw, totals, letters, slots=4)
    story.ask(
        "raw", "totals", reason=HOSTILE, max_concurrent_runs=4, tags={"team": "a"}, partitions="2024-01-0*"
    )
    first, second, *_ = story.launched()
    story.run(first)
    story.run(second, failing=[("raw", "2024-01-02")])
    return story


def listed(page: Page) -> list[str]:
    """The backfills that a page lists."""
    return [each.text for each in page.all("a") if each.attributes["href"].startswith("/backfills/")]


async def test_how_far_it_is_and_what_it_waits_for(visitor: Visitor, story: Story) -> None:
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert page.status == 200
    assert page["status"].text == "running"
    assert "2 of 12 runs done 2 under way" in page["progress"].text
    assert "No daemon runs: it goes on when one does" in page["progress"].text
    labels = [each.attributes["aria-label"] for each in page.all("svg", role="img")]
    assert labels[1] == "1 materialized, 2 in progress, 1 failed, 5 waiting of 9"
    about = page["about"].text
    assert "raw, totals" in about
    assert "at most" not in about
    assert "Runs at the same time" not in about
    assert "At the same time 4 runs" in about
    assert "team=a" in about
    assert "waits for" in page["waiting"].text
    assert "b-2-1 raw 2024-01-02" in page["failures"].text
    assert "ValueError: boom" in page["failures"].text
    assert len([each for each in page.all("rect") if "in-progress" in each.attributes.get("class", "")]) >= 2
    assert "b-4-1" in page["runs"].text


async def test_what_failed_of_a_run_that_was_cut_in_pieces_is_told(visitor: Visitor, story: Story) -> None:
    for run in [*story.backfill().live]:
        story.run(run)
    while runs := story.launched():
        for run in runs:
            launch = story.launch_of(run)
            if "totals" not in launch.assets:
                story.run(run)
                continue
            failure = Failure("ValueError", HOSTILE)
            story.tell(PartitionFailed("totals", launch.partitions, failure), backfill_id="b", run_id=run)
            story.tell(RunFailed(1.0, failure), backfill_id="b", run_id=run)
    story.settle()
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert "b-10.2-1 totals" in page["failures"].text
    assert HOSTILE in page["failures"].text
    assert HOSTILE not in page.html
    assert page.all("img") == []


async def test_pausing_and_resuming_are_facts_with_reasons(visitor: Visitor, story: Story) -> None:
    await visitor.tell(story)
    assert (await visitor.send("/backfills/b/pause", [("reason", "lunch")]))[:2] == (303, "/backfills/b")
    page = await visitor.see("/backfills/b")
    assert page["status"].text == "paused"
    assert "lunch" in page["progress"].text
    assert page.all("form", action="/backfills/b/pause") == []
    assert (await visitor.send("/backfills/b/resume", []))[0] == 303
    assert [each.reason for each in await visitor.facts(BackfillPaused)] == ["lunch"]
    assert len(await visitor.facts(BackfillResumed)) == 1


async def test_canceling_says_first_what_it_does_and_then_cannot_be_done_again(
    visitor: Visitor, story: Story
) -> None:
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert "This cannot be undone" in page["do-cancel"].text
    for _ in range(2):
        assert (await visitor.send("/backfills/b/cancel", [("reason", "")]))[0] == 303
    assert len(await visitor.facts(BackfillCancelRequested)) == 1
    status, _, page = await visitor.send("/backfills/b/pause", [])
    assert status == 409
    assert "is being canceled" in page.html
    for action in ACTIONS:  # A browser that asks once more for the address that a form was sent to.
        again = await visitor.see(f"/backfills/b/{action}")
        assert (again.status, again["status"].text) == (200, "canceling")


async def test_amending_counts_what_was_changed_and_tells_mistakes_at_their_fields(
    visitor: Visitor, story: Story
) -> None:
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert page.value("max_concurrent") == "4"
    as_it_is = [("max_concurrent", "4"), ("order", "oldest_first"), ("priority", "0")]
    status, _, page = await visitor.send("/backfills/b/amend", as_it_is)
    assert (status, "Nothing is changed" in page.html) == (422, True)
    wrong = [("max_concurrent", "none at all"), ("priority", "0"), ("drop", "raw=2024-99")]
    status, _, page = await visitor.send("/backfills/b/amend", wrong)
    assert status == 422
    assert "whole number" in page["amend-max_concurrent-error"].text
    assert page.value("max_concurrent") == "none at all"
    assert "open" in page["do-amend"].attributes
    status, _, page = await visitor.send("/backfills/b/amend", [*as_it_is, ("drop", "raw=2024-99")])
    assert (status, "found '2024-99'" in page["amend-drop-error"].text) == (409, True)
    status, _, page = await visitor.send("/backfills/b/amend", [("order", "backwards")])
    assert (status, "'backwards' is no order" in page["amend-order-error"].text) == (422, True)
    drops = "raw=2024-01-09\ntotals=2024-01-09"
    changes = [("max_concurrent", ""), ("priority", "-3"), ("order", "random"), ("drop", drops)]
    assert (await visitor.send("/backfills/b/amend", [*changes, ("reason", "why")]))[0] == 303
    (fact,) = await visitor.facts(BackfillAmended)
    assert fact == BackfillAmended(
        reason="why",
        order="random",
        priority=-3,
        dropped={"raw": keys("2024-01-09"), "totals": keys("2024-01-09")},
        lifted=("max_concurrent_runs",),
    )


async def test_what_is_under_way_is_not_dropped_and_that_is_said(visitor: Visitor, story: Story) -> None:
    await visitor.tell(story)
    status, _, page = await visitor.send(
        "/backfills/b/amend", [("max_concurrent", "4"), ("priority", "0"), ("drop", "raw=2024-01-03")]
    )
    assert (status, "Not dropped, since it is under way: raw 2024-01-03" in page.html) == (200, True)


async def test_a_retry_is_launched_once_and_both_name_each_other(visitor: Visitor) -> None:
    story = Story(raw)
    story.ask("raw", partitions="[2024-01-01...2024-01-02]")
    first, second = story.launched()
    story.run(first)
    story.run(second, failing=[("raw", "2024-01-02")])
    story.settle()
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert page["status"].text == "failed"
    form = [("key", page.value("key")), ("reason", "again")]
    status, address, _ = await visitor.send("/backfills/b/retry", form)
    assert (status, (await visitor.send("/backfills/b/retry", form))[1]) == (303, address)
    assert len(await visitor.facts(BackfillRequested)) == 2
    assert "Retry of b" in (await visitor.see(address))["about"].text
    page = await visitor.see("/backfills/b")
    assert f"Retried by {address.rsplit('/', 1)[1]}" in page["about"].text
    assert page.value("key") != form[0][1]  # A second retry is another one.


async def test_nothing_can_be_done_in_the_past_which_is_as_it_was(visitor: Visitor, story: Story) -> None:
    at_request = next(each.position for each in story.told if isinstance(each.fact, BackfillRequested))
    await visitor.tell(story)
    page = await visitor.see(f"/backfills/b?as_of={at_request}")
    assert "0 of 12 runs done" in page["progress"].text
    assert page.all("form", method="post")[:-1] == []  # but to sign out
    assert all("disabled" in each.attributes for each in page.all("button") if each.text == "Cancel")
    assert (await visitor.see("/backfills/b?as_of=1")).status == 404
    assert (await visitor.see("/backfills/nosuch")).status == 404
    assert (await visitor.send("/backfills/b/explode", []))[0] == 404


async def test_an_audit_of_the_past_ends_where_the_past_did(visitor: Visitor, story: Story) -> None:
    await visitor.tell(story)
    (digest,) = [each.text for each in (await visitor.see("/backfills/b/audit")).all("dd")][-1:]
    page = await visitor.see("/backfills/b/audit?as_of=6")
    about = dict(
        zip([each.text for each in page.all("dt")], [each.text for each in page.all("dd")], strict=True)
    )
    assert (about["The log's head"], about["At positions"]) == ("6", "2 to 6")
    assert about["The head's digest"] != digest
    assert len(digest) == len(about["The head's digest"]) == 64


async def test_a_fact_that_was_recorded_later_is_not_there_yet(visitor: Visitor, story: Story) -> None:
    await visitor.tell(story)
    assert (await visitor.see("/log/5?as_of=5")).status == 200
    later = await visitor.see("/log/6?as_of=5")
    assert (later.status, "was recorded later" in later.html) == (404, True)
    beyond = await visitor.see("/log/999?as_of=5")
    assert (beyond.status, "the log ends with 5" in beyond.html) == (404, True)


async def test_viewers_look_and_change_nothing(migrated_url: str, tmp_path: Path, story: Story) -> None:
    story.tell(TokenCreated("vera", "viewer", digest_of("bfd_vera")))
    async with visitor_of(migrated_url, tmp_path, token="bfd_vera") as vera:
        await vera.tell(story)
        page = await vera.see("/backfills/b")
        assert "2 of 12 runs done" in page["progress"].text
        assert "Viewers change nothing." in page["actions"].text
        assert all("disabled" in each.attributes for each in page.all("button") if each.text == "Cancel")
        launching = await vera.see("/launch?asset=raw")
        assert launching.button(formmethod="post").text == "Launch 1 run"
        assert "disabled" in launching.button(formmethod="post").attributes
        form = [("asset", "raw"), ("key", "k"), ("digest", launching.value("digest"))]
        for path in ("/launch", *(f"/backfills/b/{name}" for name in ACTIONS)):
            assert (await vera.send(path, form))[0] == 403, path
        assert len(await vera.facts(BackfillRequested)) == 1
        assert await vera.facts(BackfillCancelRequested) == []


async def test_the_list_is_paged_and_narrowed(visitor: Visitor, story: Story) -> None:
    empty = await visitor.see("/backfills")
    assert "Nothing was asked for yet" in empty["list"].text
    for number in range(LISTED + 2):
        story.ask("letters", named=f"n{number:02}")
    await visitor.tell(story)
    page = await visitor.see("/backfills")
    assert listed(page) == [f"n{number:02}" for number in range(LISTED + 1, 1, -1)]
    (older,) = [each.attributes["href"] for each in page.all("a") if each.text == "Older"]
    page = await visitor.see(older)
    assert listed(page) == ["n01", "n00", "b"]
    assert HOSTILE in page["list"].text
    assert page.all("img") == []
    for query, count in (("q=TEAM%3Da", 1), ("status=failed", 0), ("status=under+way&q=n0", 10)):
        assert len(listed(await visitor.see(f"/backfills?{query}"))) == count, query
    assert (await visitor.see("/backfills?before=x")).status == 422


MANY = DailyPartitionsDefinition(start_date="2020-01-01", end_date="2022-01-01")  # 731


@asset(partitions_def=MANY)
def many() -> None: ...


async def test_of_too_many_attempts_the_timeline_counts_all_and_leads_to_each(visitor: Visitor) -> None:
    story = Story(many, slots=10)
    story.ask("many")
    while runs := story.launched():
        for run in runs:
            story.later(1)
            story.run(run, failing=[("many", "")] if run == "b-700-1" else [])
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    words = "731 attempts: 730 succeeded, 1 failed; at most"
    assert words in page["timeline"].text
    (lane,) = [each for each in page.all("svg", role="img") if each.attributes["class"] == "lane"]
    assert words in lane.attributes["aria-label"]
    assert page["timeline"].text.count("b-") == 0  # No node is about a single attempt.
    nearer = [
        each for each in page.all("a") if each.attributes.get("aria-label", "").startswith("Look nearer")
    ]
    assert len(nearer) == 12
    *_, last = [each for each in nearer if "1 failed" in each.attributes["aria-label"]]
    page = await visitor.see(last.attributes["href"])
    assert "Attempts launched from 2024-06-01 00:" in page["timeline"].text
    shown = [
        each.attributes["href"]
        for each in page.all("a")
        if "b-700-1" in each.attributes.get("aria-label", "")
    ]
    assert shown == ["/runs/b-700-1"]
    bad = await visitor.see("/backfills/b?since=whenever")
    assert (bad.status, "'whenever' is no moment" in bad["timeline"].text) == (422, True)
    none = await visitor.see("/backfills/b?until=2020-01-01")
    assert "Nothing was launched in that time" in none["timeline"].text


async def test_runs_of_a_time_are_listed_and_the_timeline_of_all_runs_counts_them(visitor: Visitor) -> None:
    story = Story(many, raw, slots=10)
    story.ask("many")
    while runs := story.launched():
        for run in runs:
            story.later(1)
            story.run(run)
    story.settle()
    story.later(10_000)
    story.ask("raw", named="c", partitions="2024-01-01")
    (only,) = story.launched()
    story.run(only)
    await visitor.tell(story)
    page = await visitor.see("/runs?within=on&view=timeline")
    assert "many 731 attempts: 731 succeeded" in page["runs"].text
    assert "raw 1 attempt: 1 succeeded" in page["runs"].text
    failed = await visitor.see("/runs?within=on&view=timeline&status=failed")
    assert "No run is like that" in failed["runs"].text
    of_raw = await visitor.see("/runs?within=on&view=timeline&asset=raw")
    assert [each.attributes["href"] for each in of_raw.all("a") if each.attributes.get("aria-label")] == [
        "/runs/c-1-1"
    ]
    late = await visitor.see("/runs?since=2024-06-01T02:00")
    assert "c-1-1" in late["runs"].text
    assert "b-731-1" not in late["runs"].text
    early = await visitor.see("/runs?until=2024-06-01T00:00:01")
    assert "b-10-1" in early["runs"].text
    assert "b-11-1" not in early["runs"].text
    assert (await visitor.see("/runs?since=7")).status == 422
