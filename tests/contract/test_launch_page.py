"""The page that launches backfills, as it is without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from events.facts import BackfillRequested, LeaderElected
from tests.contract.visiting import Fields, Page, Visitor, visitor_of
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")
HOSTILE = "<script>alert(1)</script>"
LETTERS = StaticPartitionsDefinition(["x", "y", HOSTILE])


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(4))
def totals() -> None: ...


@asset(partitions_def=LETTERS)
def letters() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition(
        {"letter": StaticPartitionsDefinition(["x", "y", "z"]), "date": DAYS}
    )
)
def pairs() -> None: ...


@asset
def report() -> None: ...


@pytest.fixture
async def visitor(migrated_url: str, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visitor_of(migrated_url, tmp_path) as visitor:
        await visitor.tell(Story(raw, totals, letters, pairs, report))
        yield visitor


def launching(page: Page, *fields: tuple[str, str]) -> Fields:
    """The form of a page as a browser sends it, with the fields that are filled in."""
    return [*fields, ("key", page.value("key")), ("digest", page.value("digest"))]


async def test_an_empty_form_asks_what_to_fill_and_launches_nothing(visitor: Visitor) -> None:
    page = await visitor.see("/launch")
    assert page.status == 200
    assert "What shall be filled?" in page["preview"].text
    assert "disabled" in page.button(formmethod="post").attributes


async def test_what_would_run_is_told_run_by_run(visitor: Visitor) -> None:
    page = await visitor.see(
        "/launch", [("asset", "raw"), ("selection", "totals"), ("partitions", "[2024-01-01...2024-01-06]")]
    )
    preview = page["preview"].text
    assert preview.startswith("8 runs for 12 partitions of 2 assets")
    assert "totals 6 [2024-01-01...2024-01-06] up to 4 partitions a run" in preview
    assert "7 totals [2024-01-01...2024-01-04] (4) 1-4" in preview  # the run, and what it waits for
    button = page.button(formmethod="post")
    assert (button.text, "disabled" in button.attributes) == ("Launch 8 runs", False)
    assert page["text-0-0"].attributes["value"] == "[2024-01-01...2024-01-06]"
    latest = await visitor.see("/launch", [("asset", "raw")])
    assert latest.button(formmethod="post").text == "Launch 1 run"


async def test_a_mistake_stands_at_the_field_where_it_was_made(visitor: Visitor) -> None:
    roots = [("asset", "raw"), ("asset", "letters"), ("which", "text")]
    texts = [
        ("of", "letters"),
        ("along", ""),
        ("text", "x"),
        ("of", "raw"),
        ("along", ""),
        ("text", "2024-02"),
    ]
    page = await visitor.see("/launch", [*roots, *texts, ("max_concurrent", "0"), ("only_between", "late")])
    field = page["text-1-0"].attributes
    assert field["value"] == "2024-02"
    assert field["aria-invalid"] == "true"
    assert field["aria-describedby"] == "text-1-0-error"
    assert "found '2024-02'" in page["text-1-0-error"].text
    assert page["text-0-0-error"].text == ""
    assert "whole number from 1 on" in page["max_concurrent-error"].text
    assert "no hours of the day" in page["only_between-error"].text
    assert "disabled" in page.button(formmethod="post").attributes
    unknown = await visitor.see("/launch", [("selection", "raww")])
    assert "did you mean 'raw'" in unknown["selection-error"].text


async def test_roots_that_differ_have_a_field_each_and_alike_ones_share_it(visitor: Visitor) -> None:
    page = await visitor.see("/launch", [("asset", "raw"), ("asset", "letters"), ("which", "text")])
    assert [each.attributes["value"] for each in page.all("input", name="of")] == ["letters", "raw"]
    assert "Which ones?" in page["text-0-0-error"].text
    texts = [
        ("of", "letters"),
        ("along", ""),
        ("text", "x, y"),
        ("of", "raw"),
        ("along", ""),
        ("text", "2024-01-02"),
    ]
    page = await visitor.see("/launch", [("asset", "raw"), ("asset", "letters"), ("which", "text"), *texts])
    assert page.button(formmethod="post").text == "Launch 3 runs"


async def test_dimensions_have_a_field_each(visitor: Visitor) -> None:
    page = await visitor.see("/launch", [("asset", "pairs"), ("partitions", "[2024-01-02...2024-01-03]|x")])
    assert page["text-0-0"].attributes["value"] == "[2024-01-02...2024-01-03]"
    assert page["text-0-1"].attributes["value"] == "x"
    sides = [
        ("of", "pairs"),
        ("along", "date"),
        ("text", ""),
        ("of", "pairs"),
        ("along", "letter"),
        ("text", "x, z"),
    ]
    page = await visitor.see("/launch", [("asset", "pairs"), ("which", "text"), *sides])
    assert page.button(formmethod="post").text == "Launch 20 runs"
    page = await visitor.see(
        "/launch", [("asset", "pairs"), ("which", "text"), *sides, ("fill", "text-0-0=2024-01-02")]
    )
    assert page.button(formmethod="post").text == "Launch 2 runs"
    assert page["text-0-0"].attributes["value"] == "2024-01-02"


async def test_sent_twice_it_is_launched_once(visitor: Visitor) -> None:
    fields = [
        ("asset", "raw"),
        ("which", "missing"),
        ("reason", "late"),
        ("tags", "team=a, x=y"),
        ("order", "random"),
    ]
    form = launching(await visitor.see("/launch", fields), *fields)
    status, address, _ = await visitor.send("/launch", form)
    assert (status, address[:11]) == (303, "/backfills/")
    assert (await visitor.send("/launch", form))[:2] == (303, address)
    facts = await visitor.facts(BackfillRequested)
    assert len(facts) == 1
    assert (facts[0].reason, facts[0].tags, facts[0].order) == ("late", {"team": "a", "x": "y"}, "random")
    assert facts[0].runs_total == 10


async def test_what_changed_since_it_was_looked_at_is_shown_before_it_is_launched(visitor: Visitor) -> None:
    fields = [("asset", "raw"), ("partitions", "2024-01-01")]
    seen = await visitor.see("/launch", fields)
    other = [("asset", "raw"), ("partitions", "[2024-01-01...2024-01-03]")]
    status, _, page = await visitor.send("/launch", launching(seen, *other))
    assert status == 409
    assert "has changed since you looked" in page.html
    assert page.button(formmethod="post").text == "Launch 3 runs"
    assert not await visitor.facts(BackfillRequested)
    status, _, _ = await visitor.send("/launch", launching(page, *other))
    assert status == 303


async def test_another_form_with_the_key_of_a_launch_is_shown_and_not_taken_for_that_launch(
    visitor: Visitor,
) -> None:
    fields = [("asset", "raw"), ("partitions", "2024-01-01")]
    form = launching(await visitor.see("/launch", fields), *fields)
    assert (await visitor.send("/launch", form))[0] == 303
    status, _, page = await visitor.send("/launch", [("asset", "totals"), *form[1:]])
    assert status == 409
    assert page.value("key") != dict(form)["key"]
    assert len(await visitor.facts(BackfillRequested)) == 1


async def test_a_refused_form_that_is_sent_all_the_same_comes_back_with_the_reason(visitor: Visitor) -> None:
    fields = [("asset", "raw"), ("partitions", "2024-09")]
    status, _, page = await visitor.send("/launch", launching(await visitor.see("/launch", fields), *fields))
    assert status == 422
    assert "found '2024-09'" in page["text-0-0-error"].text
    fields = [("asset", "totals"), ("which", "all"), ("require_upstream", "1")]
    page = await visitor.see("/launch", fields)
    assert page["require_upstream-error"].text.startswith("--require-upstream refuses")


async def test_how_long_it_takes_is_told_where_it_is_asked_for(visitor: Visitor) -> None:
    story = Story(raw, totals, letters, pairs, report)
    story.ask("raw", partitions="2024-01-01")
    (run,) = story.launched()
    story.later(3)
    story.run(run)
    story.settle()
    await visitor.tell(story)
    asked = [("asset", "raw"), ("which", "all")]
    assert "It will take" not in (await visitor.see("/launch", asked)).html
    page = await visitor.see("/launch", [*asked, ("estimate", "1")])
    assert "It will take about" in page["preview"].text
    page = await visitor.see("/launch", [("asset", "letters"), ("which", "all"), ("estimate", "1")])
    assert "How long it takes cannot be told" in page["preview"].text


async def test_hostile_names_and_texts_are_shown_as_text(visitor: Visitor) -> None:
    page = await visitor.see(
        "/launch", [("asset", "letters"), ("selection", HOSTILE), ("reason", '"><b>'), ("tags", HOSTILE)]
    )
    assert page.all("script", src="") == []
    assert page.all("b") == []
    assert HOSTILE in page["selection-error"].text
    page = await visitor.see("/launch", [("asset", "letters"), ("which", "all")])
    assert HOSTILE in page["preview"].text
    assert HOSTILE not in page.html


async def test_nothing_is_launched_in_the_past(visitor: Visitor) -> None:
    page = await visitor.see("/launch", [("asset", "raw"), ("as_of", "1")])
    assert page.button(formmethod="post").text == "Launch 1 run"
    assert "disabled" in page.button(formmethod="post").attributes
    assert "Nothing can be launched in the past." in page["acting"].text


async def test_how_long_a_great_many_runs_take_is_told_too(visitor: Visitor) -> None:
    many = DailyPartitionsDefinition(start_date="1990-01-01", end_date="2020-01-01")
    days = asset(name="days", partitions_def=many)(lambda: None)
    story = Story(raw, totals, letters, pairs, report, slots=1)
    story.declare(days)
    story.tell(LeaderElected("d1", "host", 1, "0", max_concurrent_runs=2))
    story.ask("days", partitions="1990-01-01")
    (only,) = story.launched()
    story.later(60)
    story.run(only)
    story.settle()
    await visitor.tell(story)
    page = await visitor.see("/launch", [("asset", "days"), ("which", "missing"), ("estimate", "1")])
    assert "10,956 runs" in page["preview"].text
    assert "It will take about 3 days 19 h: with 2 runs at the same time" in page["preview"].text
    assert "Reckoned by the average of such runs." in page["preview"].text


def of_each(*chosen: tuple[str, str, str]) -> list[tuple[str, str]]:
    """The part of the form that has a choice for each root: its name, the choice, and a text."""
    fields = [("which", "each")]
    for root, which, text in chosen:
        fields += [("root", root), ("root_which", which), ("of", root), ("along", ""), ("text", text)]
    return fields


async def test_each_root_that_differs_can_have_a_choice_of_its_own(visitor: Visitor) -> None:
    story = Story(raw, totals, letters, pairs, report)
    story.ask("raw", partitions="[2024-01-01...2024-01-07]")
    while runs := story.launched():
        for run in runs:
            story.run(run)
    story.settle()
    await visitor.tell(story)
    assets = [("asset", "raw"), ("asset", "totals"), ("asset", "letters")]
    page = await visitor.see("/launch", [*assets, *of_each(("raw", "missing", ""), ("letters", "text", "y"))])
    preview = page["preview"].text
    assert "raw 3 [2024-01-08...2024-01-10]" in preview
    assert (
        "totals 10 [2024-01-01...2024-01-10]" in preview
    )  # It is downstream of raw, and all of it is missing.
    assert "letters 1 y" in preview
    selects = [each.attributes.get("aria-describedby", "") for each in page.all("select", name="root_which")]
    assert selects == ["root-0-error root-0-note", "root-1-error root-1-note"]
    form = [*assets, *of_each(("raw", "missing", ""), ("letters", "text", "y"))]
    status, address, _ = await visitor.send("/launch", launching(page, *form))
    assert (status, address.startswith("/backfills/")) == (303, True)
    request = (await visitor.facts(BackfillRequested))[-1]
    assert request.partitions_text == "--root raw=missing --partitions letters=y"
    assert (await visitor.send("/launch", launching(page, *form)))[:2] == (303, address)


async def test_a_mistake_in_the_choice_of_a_root_stands_there(visitor: Visitor) -> None:
    assets = [("asset", "raw"), ("asset", "letters")]
    page = await visitor.see("/launch", [*assets, *of_each(("raw", "failed", ""), ("letters", "text", "q"))])
    assert page["text-0-0"].attributes["aria-invalid"] == "true"
    assert "found 'q'" in page["text-0-0-error"].text
    assert page["root-1-note"].text == "None of its partitions failed or was skipped."
    assert "disabled" in page.button(formmethod="post").attributes
    page = await visitor.see("/launch", [*assets, *of_each(("raw", "whatever", ""), ("letters", "all", ""))])
    assert "'whatever' is no choice" in page["root-1-error"].text
    assert page["root-0-error"].text == ""
    assert page["text-0-0-error"].text == ""
    both = await visitor.see("/launch", [*assets, *of_each(("letters", "all", ""))])  # The other: the latest.
    assert both.button(formmethod="post").text == "Launch 4 runs"


async def test_where_roots_are_alike_there_is_one_choice(visitor: Visitor) -> None:
    page = await visitor.see("/launch", [("asset", "raw"), ("which", "missing")])
    assert page.all("select", name="root_which") == []
    assert page.all("input", value="each") == []


async def test_a_reason_that_is_too_long_is_told_where_it_was_typed_and_nothing_is_lost(
    visitor: Visitor,
) -> None:
    reason = "x" * 4_001
    fields = [("asset", "raw"), ("which", "all")]
    form = await visitor.see("/launch", fields)
    status, _, page = await visitor.send("/launch", launching(form, *fields, ("reason", reason)))
    assert status == 422
    assert page["reason-error"].text == "it has 4,001 characters; it can have 4,000"
    assert [each.attributes["value"] for each in page.all("input", name="reason")] == [reason]
