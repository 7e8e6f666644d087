"""The pages of runs, as they are without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy, RetryPolicy
from events.facts import BackfillRequested, RunFailed
from tests.contract.visiting import Page, Visitor, visitor_of
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-04")
ODD = StaticPartitionsDefinition(["a", "b", "a,b", "raw=1", 'say "x"', "c"])
AT_ONCE = BackfillPolicy.single_run()


@asset(partitions_def=DAYS, retry_policy=RetryPolicy(max_retries=2))
def raw() -> None: ...


@asset(
    partitions_def=DAYS,
    deps=[raw],
    backfill_policy=BackfillPolicy.multi_run(3),
    retry_policy=RetryPolicy(max_retries=2),
)
def chunked() -> None: ...


@asset(partitions_def=ODD, backfill_policy=AT_ONCE)
def letters() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition(
        {"letter": StaticPartitionsDefinition(["a", "x;y"]), "date": DAYS}
    ),
    backfill_policy=AT_ONCE,
)
def pairs() -> None: ...


@pytest.fixture
async def visitor(migrated_url: str, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visitor_of(migrated_url, tmp_path) as visitor:
        yield visitor


def fail_for_good(story: Story, run: str) -> None:
    """A run of raw fails whenever it is tried, and the others do not."""
    for _ in range(3):
        for each in story.launched():
            story.run(each, failing=[("raw", "")] if each.startswith(f"{run}-") else [])
        story.later(60)


def attempts(page: Page) -> list[str]:
    """The attempts that the page of a run lists."""
    return [each.text.split()[0] for each in page.all("li") if each.text.startswith("b-")]


def rows(page: Page) -> list[tuple[str, str]]:
    """Name and status of each row of a list of runs."""
    cells = [each.text for each in page.all("td")]
    table = page.all("table", class_="runs")
    width = len(page.all("th")) if table else 1
    return [(cells[at].split()[0], cells[at + 1]) for at in range(0, len(cells), width)]


@pytest.mark.parametrize(
    ("key", "asset_key", "partitions"),
    [
        ("a,b", "letters", '"a,b"'),
        ("raw=1", "letters", '"raw=1"'),
        ('say "x"', "letters", 'say "x"'),
        ("a...a,b", "letters", '[a..."a,b"]'),
        ("2024-01-02|x;y", "pairs", '2024-01-02|"x;y"'),
    ],
)
async def test_a_run_is_launched_again_over_the_partitions_that_it_had(
    visitor: Visitor, key: str, asset_key: str, partitions: str
) -> None:
    story = Story(raw, letters, pairs)
    story.ask(asset_key, partitions=partitions)
    (run,) = story.launched()
    launched = story.launch_of(run).partitions
    assert launched is not None
    assert "...".join(dict.fromkeys(launched.ranges[0])) == key
    story.run(run)
    await visitor.tell(story)
    (again,) = [
        each.attributes["href"]
        for each in (await visitor.see(f"/runs/{run}")).all("a")
        if "Re-run" in each.text
    ]
    form = await visitor.see(again)
    assert parse_qs(urlsplit(again).query)["asset"] == [asset_key]
    assert form.button(formmethod="post").text == "Launch 1 run"
    sent = [("asset", asset_key), ("which", "text"), *parse_pairs(again), ("key", "k")]
    assert (await visitor.send("/launch", [*sent, ("digest", form.value("digest"))]))[0] == 303
    first, second = await visitor.facts(BackfillRequested)
    assert [each.partitions for each in first.groups] == [each.partitions for each in second.groups]


def parse_pairs(address: str) -> list[tuple[str, str]]:
    """The texts about partitions in an address."""
    return [("partitions", text) for text in parse_qs(urlsplit(address).query)["partitions"]]


async def test_the_attempts_of_a_piece_of_a_run_are_its_own(visitor: Visitor) -> None:
    story = Story(raw, chunked)
    story.ask("*")
    fail_for_good(story, "b-2")
    pieces = [run for run in story.launched() if story.launch_of(run).assets == ("chunked",)]
    assert pieces == ["b-4-1", "b-4.2-1"]
    story.run(pieces[1], failing=[("chunked", "")])
    story.later(60)
    assert story.launched() == ["b-4.2-2"]
    await visitor.tell(story)
    assert attempts(await visitor.see("/runs/b-4.2-1")) == ["b-4.2-1", "b-4.2-2"]
    assert attempts(await visitor.see("/runs/b-4-1")) == ["b-4-1"]


async def test_a_partition_that_was_tried_again_has_failed_once(visitor: Visitor) -> None:
    story = Story(raw, chunked)
    story.ask("raw")
    fail_for_good(story, "b-2")
    assert sum(isinstance(each.fact, RunFailed) for each in story.told) == 3
    await visitor.tell(story)
    page = await visitor.see("/backfills/b")
    assert [each.text.split()[0] for each in page.all("p", class_="failure")] == ["b-2-3"]
    assert [each["run_id"] for each in (await visitor.ask("/api/v1/backfills/b"))["failures"]] == ["b-2-3"]


async def test_a_status_is_that_of_the_rows(visitor: Visitor) -> None:
    story = Story(raw, letters)
    story.ask("letters", named="one")
    story.ask("raw", partitions="2024-01-01")
    assert story.launched() == ["one-1-1", "b-1-1"]
    story.run("b-1-1", failing=[("raw", "")])
    await visitor.tell(story)
    assert ("one-1-1", "launched") in rows(await visitor.see("/runs"))
    assert rows(await visitor.see("/runs?status=launched")) == [("one-1-1", "launched")]
    assert rows(await visitor.see("/runs?status=failed")) == [("b-1-1", "failed")]
    for path in ("/runs?status=foo", "/backfills?status=foo", "/backfills?before=x"):
        page = await visitor.see(path)
        assert (page.status, len(page.all("p", role="alert"))) == (422, 1), path
        assert page.all("table") == [], path


async def test_an_address_that_a_form_was_sent_to_leads_to_the_page(visitor: Visitor) -> None:
    story = Story(raw)
    story.ask("raw", partitions="2024-01-01")
    (run,) = story.launched()
    await visitor.tell(story)
    again = await visitor.see(f"/runs/{run}/cancel")
    assert (again.status, again.all("h1")[0].text) == (200, run)


async def test_a_mistake_in_a_filter_is_told_at_its_field(visitor: Visitor) -> None:
    for path, name in (("/log", "Since"), ("/runs", "Launched since")):
        page = await visitor.see(path, [("since", "soon"), ("within", "on")])
        assert page.status == 422
        assert page["mistake"].text.startswith(f"{name}: 'soon' is no moment")
        *_, field = page.all("input", name="since")
        assert (field.attributes["aria-invalid"], field.attributes["value"]) == ("true", "soon")
        assert field.attributes["aria-describedby"] == "mistake"
        others = [each for each in page.all("input") if "aria-invalid" in each.attributes]
        assert len(others) == 1


async def test_who_went_astray_finds_the_other_pages(visitor: Visitor) -> None:
    page = await visitor.see("/backfills/nope")
    assert page.status == 404
    assert "There is no backfill 'nope'; backfilld backfills lists what there is." in page["content"].text
    assert [each.text for each in page.all("code")] == ["backfilld backfills"]
    ways = [each.attributes["href"] for each in page.all("a") if "href" in each.attributes]
    assert {"/", "/runs", "/backfills", "/log"} <= {*ways}
