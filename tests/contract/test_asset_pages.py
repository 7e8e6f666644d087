"""The lineage and the page of an asset, as they are without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from backfilld.assets import AssetDep, asset
from backfilld.mappings import TimeWindowPartitionMapping
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy, RetryPolicy
from events.facts import (
    DynamicPartitionsAdded,
    PartitionMaterialized,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from tests.contract.visiting import Page, Visitor, visitor_of
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-03-01")  # 60 of them
HOSTILE = "<script>alert(1)</script>"
ODD = "a\"b' &=|,[x]"
LINK = "https://example.com/x"
LETTERS = StaticPartitionsDefinition(["x", "y", HOSTILE, ODD, "käse ü"])


@asset(
    partitions_def=DAYS,
    deps=["elsewhere"],
    group_name="ingest",
    description=f"Raw {HOSTILE}",
    retry_policy=RetryPolicy(max_retries=2, delay=30),
    tags={"team": HOSTILE},
    code_version="7",
    metadata={"owner": HOSTILE, "columns": [{"name": "id", "type": "int"}]},
)
def raw() -> None: ...


@asset(
    partitions_def=DAYS,
    deps=[AssetDep(raw, partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))],
    group_name="core",
    backfill_policy=BackfillPolicy.single_run(),
)
def clean() -> None: ...


@asset(partitions_def=LETTERS, group_name="core")
def letters() -> None: ...


@asset(
    partitions_def=MultiPartitionsDefinition(
        {"letter": StaticPartitionsDefinition(["x", "y", "z"]), "date": DAYS}
    )
)
def pairs() -> None: ...


@asset(partitions_def=DynamicPartitionsDefinition(name="shops"))
def shops() -> None: ...


@asset(deps=[clean])
def report() -> None: ...


def materialized(story: Story, run: str, **metadata: object) -> None:
    """A run does its work and reports this."""
    launch = story.launch_of(run)
    about = {"backfill_id": run.split("-", maxsplit=1)[0], "run_id": run}
    story.tell(RunStarted(1, "host"), **about)
    for each in launch.assets:
        story.tell(PartitionMaterialized(each, launch.partitions, "7", metadata), **about)
    story.tell(RunSucceeded(1.0), **about)


@pytest.fixture
def story() -> Story:
    """The first forty days are asked for: of four runs one fails, the others report what they did."""
    story = Story(raw, clean, letters, pairs, shops, report, slots=4)
    story.ask("raw", partitions="[2024-01-01...2024-02-09]", named="b1")
    first, second, third, fourth = story.launched()
    for number, run in enumerate((first, second, third)):
        materialized(story, run, rows=10 * number, note=HOSTILE, link=LINK, tree={"a": [1]})
    story.run(fourth, failing=[("raw", "")])
    story.ask("letters", named="b2")
    return story


@pytest.fixture
async def visitor(migrated_url: str, tmp_path: Path, story: Story) -> AsyncIterator[Visitor]:
    async with visitor_of(migrated_url, tmp_path) as visitor:
        await visitor.tell(story)
        yield visitor


def keys(page: Page) -> list[str]:
    """The partitions that are listed."""
    return ["".join(cell.words).strip() for cell in page.all("td", class_="mono listed")]


async def test_an_asset_is_told_whole(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw")
    assert page.status == 200
    told = page["content"].text
    for words in (
        f"Raw {HOSTILE}",
        "daily windows from 2024-01-01 to 2024-03-01 UTC",
        "a run per partition",
        "is tried again up to 2 times, after 30 s",
        f"team={HOSTILE}",
        "elsewhere external",
        "clean needs the window 1 before",
        LINK,
        "Asked for by story",
    ):
        assert words in told, words
    assert page["counts"].text == "3 materialized 1 failed 56 missing"
    assert "<script>alert" not in page.html
    assert [link.text for link in page.all("a", href=LINK)] == []


async def test_the_bar_is_zoomed_by_the_address_and_leads_to_the_launch(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw", [("from", "2024-01-03"), ("to", "2024-01-05")])
    assert keys(page) == ["2024-01-03", "2024-01-04", "2024-01-05"]
    assert "Looking at 3: 2024-01-03 to 2024-01-05" in page["content"].text
    assert page["partitions"].attributes["value"] == "[2024-01-03...2024-01-05]"
    (form,) = page.all("form", action="/launch")
    assert form.attributes["method"] == "get"
    later = next(each for each in page.all("a", class_="button") if each.text == "Later")
    assert parse_qs(urlsplit(later.attributes["href"]).query) == {
        "from": ["2024-01-06"],
        "to": ["2024-01-08"],
    }


async def test_a_key_that_is_none_is_told_where_it_was_typed(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw", [("from", "2024-13-03")])
    assert page.status == 200
    assert "2024-13-03" in page["zoom-refused"].text
    assert page["from"].attributes["value"] == "2024-13-03"
    assert len(keys(page)) == 50


async def test_the_list_is_filtered_and_paged_by_keys(visitor: Visitor) -> None:
    first = await visitor.see("/assets/raw")
    (following,) = first.all("a", rel="next")
    second = await visitor.see(following.attributes["href"])
    assert keys(first) + keys(second) == [f"2024-{at // 100:02}-{at % 100:02}" for at in days()]
    assert keys(await visitor.see("/assets/raw", [("find", "2024-02-1")])) == [
        f"2024-02-{day}" for day in range(10, 20)
    ]
    found = await visitor.see("/assets/raw", [("find", "2024-01-0*"), ("status", "materialized")])
    assert keys(found) == ["2024-01-01", "2024-01-02", "2024-01-03"]
    nothing = await visitor.see("/assets/raw", [("find", "soon")])
    assert "no partition's key begins with 'soon'" in nothing["find-refused"].text
    assert (await visitor.see("/assets/raw", [("status", "lost")])).status == 422


def days() -> list[int]:
    """The days of two months as numbers."""
    return [*range(101, 132), *range(201, 230)]


async def test_each_partition_has_its_last_attempts(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw")
    attempts = [each.text for each in page.all("ul", class_="attempts")]
    assert attempts[1].startswith("materialized")
    assert "b1-2-1" in attempts[1]
    assert "rows 10" in attempts[1]
    assert attempts[3].startswith("failed")
    assert "ValueError: boom" in attempts[3]
    links = [
        each.attributes["href"] for each in page.all("a") if each.attributes["href"].startswith("/audit?")
    ]
    assert "/audit?asset=raw&partitions=2024-01-02" in links


async def test_attempts_of_the_past_are_those_that_were_under_way_then(
    visitor: Visitor, story: Story
) -> None:
    """Whatever came of them since, and also where that happened at the same time."""
    launched = [each.position for each in story.told if isinstance(each.fact, RunLaunched)]
    page = await visitor.see("/assets/raw", [("as_of", str(launched[3]))])
    assert page["counts"].text == "4 in progress 56 missing"
    attempts = [each.text for each in page.all("ul", class_="attempts")]
    assert [each.split()[0] for each in attempts] == ["launched"] * 4
    assert ["b1-1-1" in attempts[0], "b1-4-1" in attempts[3]] == [True, True]


async def test_numbers_that_runs_reported_are_plotted(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw")
    assert "rows of 3 partitions: 0 to 20" in page["numbers"].text
    assert "2024-01-03 20" in page["numbers"].text


async def test_hostile_keys_are_texts_and_lead_where_they_should(visitor: Visitor) -> None:
    page = await visitor.see("/assets/letters")
    assert keys(page) == ["x", "y", HOSTILE, ODD, "käse ü"]
    assert "<script>alert" not in page.html
    narrowed = await visitor.see("/assets/letters", [("from", HOSTILE), ("to", ODD)])
    assert keys(narrowed) == [HOSTILE, ODD]
    launch = await visitor.see(
        "/launch", [("asset", "letters"), ("partitions", narrowed["partitions"].attributes["value"])]
    )
    assert launch["preview"].text.startswith("2 runs for 2 partitions")
    history = next(
        each.attributes["href"]
        for each in narrowed.all("a")
        if each.text == "History" and "partitions" in each.attributes["href"]
    )
    assert (await visitor.see(history)).status == 200


async def test_two_dimensions_are_a_grid_with_time_across(visitor: Visitor) -> None:
    page = await visitor.see("/assets/pairs", [("from", "2024-01-02|y"), ("to", "2024-01-03|z")])
    assert "4: 2024-01-02|y to 2024-01-03|z · date across, letter down" in page["content"].text
    assert keys(page) == ["2024-01-02|y", "2024-01-02|z", "2024-01-03|y", "2024-01-03|z"]
    assert page["partitions"].attributes["value"] == "[2024-01-02...2024-01-03]|[y...z]"
    whole = await visitor.see("/assets/pairs")
    assert "180 in all" in whole["content"].text


async def test_assets_without_partitions_or_without_keys_yet_have_their_page(
    visitor: Visitor, story: Story
) -> None:
    assert "It has no partitions; it is missing" in (await visitor.see("/assets/report"))["content"].text
    page = await visitor.see("/assets/shops")
    assert "There are no partitions yet: the keys of the dynamic set shops" in page["content"].text
    story.tell(DynamicPartitionsAdded("shops", (HOSTILE,)))
    await visitor.tell(story)
    assert keys(await visitor.see("/assets/shops")) == [HOSTILE]


async def test_an_external_asset_has_its_page(visitor: Visitor) -> None:
    page = await visitor.see("/assets/elsewhere")
    assert page.status == 200
    assert "No code declares elsewhere" in page["content"].text
    assert page["content"].text.endswith("Downstream raw")


async def test_an_asset_that_the_code_does_not_have_any_more_is_still_told(
    visitor: Visitor, story: Story
) -> None:
    before = len(story.told)
    story.declare(clean)
    await visitor.tell(story)
    (change,) = (await visitor.ask(f"/api/v1/diff?from={before}&asset=raw"))["partitions"]
    assert (change["asset"], change["became"], change["gone"]) == ("raw", {}, 60)
    page = await visitor.see("/assets/raw")
    assert page.status == 200
    assert "not in the code any more" in page["content"].text
    assert "3 materialized" in page["counts"].text
    assert not page.all("form", action="/launch")


async def test_what_never_was_is_a_page_with_names_that_are_near(visitor: Visitor) -> None:
    page = await visitor.see("/assets/lettres")
    assert page.status == 404
    assert "Did you mean letters?" in " ".join("".join(page.all("main")[0].words).split())


async def test_the_page_goes_back_in_time(visitor: Visitor, story: Story) -> None:
    first = next(each.position for each in story.told if isinstance(each.fact, PartitionMaterialized))
    page = await visitor.see("/assets/raw", [("as_of", str(first))])
    assert "1 materialized" in page["counts"].text
    assert "disabled" in page["materialize"].attributes
    assert all("as_of" in each.attributes["href"] for each in page.all("a", rel="next"))
    before = await visitor.see("/assets/raw", [("as_of", "1")])
    assert "It was never materialized by then" in before["content"].text


async def test_the_lineage_is_searched_and_selected_from(visitor: Visitor) -> None:
    def cards(page: Page) -> set[str]:
        return {each.attributes["data-asset"] for each in page.all("li") if "data-asset" in each.attributes}

    def chosen(page: Page) -> set[str]:
        boxes = [each for each in page.all("input", type="checkbox") if "checked" in each.attributes]
        return {each.attributes["value"] for each in boxes}

    page = await visitor.see("/")
    assert cards(page) == {"raw", "clean", "letters", "pairs", "shops", "report"}
    assert "6 assets and 1 external" in page["content"].text
    (node,) = page.all("div", data_asset="elsewhere")
    assert node.attributes["class"] == "asset card external"
    assert len(page.all("a", href="/assets/elsewhere")) == 2  # In the graph, and in the list.
    assert page.all("input", name="asset", value="elsewhere") == []  # It cannot be selected.
    (edge,) = page.all("path", data_from="elsewhere")
    assert edge.attributes["data-to"] == "raw"
    assert cards(await visitor.see("/", [("q", "LEAN")])) == {"clean"}
    assert cards(await visitor.see("/", [("q", "clean"), ("around", "near")])) == {"raw", "clean", "report"}
    assert cards(await visitor.see("/", [("group", "core")])) == {"clean", "letters"}
    both = await visitor.see("/", [("selection", "clean+"), ("asset", "letters"), ("asset", "no such")])
    assert chosen(both) == {"clean", "report", "letters"}
    wrong = await visitor.see("/", [("selection", "claen")])
    assert "did you mean 'clean'" in wrong["refused-graph"].text
    assert (await visitor.see("/", [("around", "the corner")])).status == 422


async def test_what_is_selected_goes_to_the_launch(visitor: Visitor) -> None:
    page = await visitor.see("/", [("selection", "group:core")])
    form = next(each for each in page.all("form", id="graph-form"))
    assert (form.attributes["method"], form.attributes["action"]) == ("get", "/launch")
    launch = await visitor.see("/launch", [("asset", "letters"), ("selection", "group:core")])
    assert launch.status == 200


async def test_cards_say_how_much_is_filled_without_cutting_a_number(visitor: Visitor) -> None:
    page = await visitor.see("/", [("view", "list")])
    row = next(each for each in page.all("li") if each.attributes.get("data-asset") == "raw")
    assert "3 of 60" in row.text
    assert "1 failed" in row.text
