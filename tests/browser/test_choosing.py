"""Choosing partitions on the bar and the grid, and assets in the graph, as a person does."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.house import new_house
from tests.browser.site import Site, served

PAIRS = """
from backfilld import MultiPartitionsDefinition, StaticPartitionsDefinition, asset

ROWS = StaticPartitionsDefinition([f"r{at}" for at in range(4)])
COLUMNS = StaticPartitionsDefinition(["a b", "c=d", "e", "f"])

@asset(partitions_def=MultiPartitionsDefinition({"row": ROWS, "side": COLUMNS}))
def pairs(): ...

@asset(partitions_def=StaticPartitionsDefinition(["x", "y*", "<b>z</b>"]))
def letters(): ...
"""


@pytest.fixture(scope="module")
def paired() -> Iterator[Site]:
    """A daemon with assets of two dimensions and of odd keys."""
    with new_house() as house:
        (house.folder / "pairs.py").write_text(PAIRS)
        with served(house, "pairs.py") as site:
            yield site


def drag(page: Page, track: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place to another within an element, in shares of its width and height."""
    box = track.bounding_box()
    assert box is not None
    for at, act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(box["x"] + box["width"] * at[0], box["y"] + box["height"] * at[1])
        act()


def query_of(page: Page) -> dict[str, list[str]]:
    """The query of the address."""
    return parse_qs(urlsplit(page.url).query)


def test_a_range_is_dragged_zoomed_into_and_materialized(page: Page) -> None:
    page.goto("/assets/raw_weather")
    drag(page, page.locator(".track"), (0.25, 0.5), (0.5, 0.5))
    chosen = page.get_by_role("textbox", name="Partitions")
    expect(chosen).to_have_value(re.compile(r"^\[2012-12-\d\d\.\.\.2014-01-\d\d\]$"))
    text = chosen.input_value()
    page.get_by_role("link", name="Zoom into what is chosen").click()
    assert text == f"[{query_of(page)['from'][0]}...{query_of(page)['to'][0]}]"
    expect(page.get_by_text(re.compile("^Looking at 3"))).to_be_visible()
    page.get_by_role("button", name="Materialize…").click()
    page.wait_for_url(re.compile("/launch"))
    assert (query_of(page)["asset"], query_of(page)["partitions"]) == (["raw_weather"], [text])


def test_a_range_is_chosen_and_let_go_by_the_keyboard(page: Page) -> None:
    page.goto("/assets/monthly_weather")
    page.locator(".track").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    chosen = page.get_by_role("textbox", name="Partitions")
    expect(chosen).to_have_value("[2012-03-01...2012-05-01]")
    page.keyboard.press("Escape")
    expect(chosen).to_have_value("")
    page.keyboard.press("End")
    expect(chosen).to_have_value("2015-12-01")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from=2015-11-01&to=2015-12-01"))
    expect(page.get_by_role("row")).to_have_count(3)


def test_a_rectangle_of_pairs_is_dragged(browser: Browser, paired: Site) -> None:
    page = browser.new_page(base_url=paired.url)
    page.goto("/assets/pairs")
    drag(page, page.locator(".track"), (0.1, 0.3), (0.4, 0.6))
    expect(page.get_by_role("textbox", name="Partitions")).to_have_value('[r1...r2]|[a b..."c=d"]')
    page.get_by_role("link", name="Zoom into what is chosen").click()
    expect(page.get_by_text("Looking at 4: r1|a b to r2|c=d")).to_be_visible()
    page.goto("/assets/letters")
    drag(page, page.locator(".track"), (0.5, 0.5), (0.5, 0.5))
    expect(page.get_by_role("textbox", name="Partitions")).to_have_value('"y*"')
    expect(page.get_by_role("cell", name="<b>z</b>")).to_be_visible()
    page.close()


def test_assets_are_selected_in_the_graph_and_materialized(page: Page) -> None:
    page.goto("/")
    graph = page.get_by_role("region", name="Graph")
    graph.locator("[data-asset=raw_weather] p").first.click()
    expect(page.locator("#graph-form .chosen-count", has_text="raw_weather is selected")).to_be_visible()
    expect(page.locator(".edge.near")).to_have_count(1)
    graph.locator("[data-asset=clean_weather] p").first.click(modifiers=["Shift"])
    expect(page.locator("#graph-form .chosen-count", has_text="2 assets are selected")).to_be_visible()
    page.get_by_role("button", name="Materialize selected…").click()
    page.wait_for_url(re.compile("/launch"))
    assert query_of(page)["asset"] == ["raw_weather", "clean_weather"]


def test_a_selection_by_text_can_be_changed_by_hand(page: Page) -> None:
    page.goto("/")
    page.get_by_role("combobox", name="Selection").fill("*monthly_weather")
    page.get_by_role("button", name="Select", exact=True).click()
    expect(page.locator("#graph-form .chosen-count", has_text="3 assets are selected")).to_be_visible()
    page.get_by_role("checkbox", name="Select raw_weather").uncheck()
    expect(page.locator("#graph-form .chosen-count", has_text="2 assets are selected")).to_be_visible()
    page.get_by_role("button", name="Materialize selected…").click()
    page.wait_for_url(re.compile("/launch"))
    assert query_of(page)["asset"] == ["clean_weather", "monthly_weather"]
    assert query_of(page).get("selection", [""]) == [""]


def test_the_graph_is_gone_through_and_zoomed_by_the_keyboard(page: Page) -> None:
    page.goto("/")
    canvas = page.get_by_role("region", name="Graph")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-asset] :focus")).to_have_count(1)
    page.get_by_role("checkbox", name="Select raw_weather").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("checkbox", name="Select clean_weather")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#graph-form .chosen-count", has_text="clean_weather is selected")).to_be_visible()
    graph = page.locator("svg.graph")
    before = float(graph.get_attribute("width") or 0)
    page.keyboard.press("-")
    assert float(graph.get_attribute("width") or 0) < before
    page.keyboard.press("1")
    assert float(graph.get_attribute("width") or 0) == float(
        (graph.get_attribute("viewBox") or "").split()[2]
    )


@pytest.mark.parametrize("path", ["/", "/assets/raw_weather", "/assets/wettest_days"])
def test_nothing_is_wider_than_a_telephone(browser: Browser, site: Site, path: str) -> None:
    page = browser.new_page(base_url=site.url, viewport={"width": 390, "height": 800})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if path == "/":
        expect(page.get_by_role("region", name="Graph")).to_be_hidden()
        page.get_by_role("checkbox", name="Select raw_weather").check()
        expect(page.get_by_role("button", name="Materialize selected…")).to_be_enabled()
    page.close()


def test_where_there_are_many_assets_groups_are_opened_and_selected(browser: Browser) -> None:
    code = "\n".join(
        f"@asset(group_name='{group}', deps={deps})\ndef {group}_{number}(): ..."
        for group, deps in (("raw", "['files']"), ("mart", "[raw_0]"))
        for number in range(40)
    )
    with new_house() as house:
        (house.folder / "many.py").write_text(f"from backfilld import asset\n{code}\n")
        with served(house, "many.py") as site:
            page = browser.new_page(base_url=site.url, viewport={"width": 1360, "height": 860})
            page.goto("/")
            graph = page.get_by_role("region", name="Graph")
            expect(graph.locator("[data-asset]")).to_have_count(3)
            graph.locator("[data-asset='group:mart'] p").click()
            told = page.locator("#graph-form .chosen-count")
            expect(told).to_have_text("40 assets are selected")
            graph.get_by_role("button", name="raw", exact=True).click()
            expect(graph.locator("[data-asset]")).to_have_count(42)
            graph.get_by_role("checkbox", name="Select raw_7").check()
            graph.get_by_role("button", name="raw", exact=True).click()  # It is folded again.
            expect(graph.locator("[data-asset]")).to_have_count(3)
            expect(graph.get_by_text("40 assets, 1 selected")).to_be_visible()
            expect(told).to_have_text("41 assets are selected")
            page.locator("#graph-form .materialize").click()
            expect(page.locator("#acting .primary")).to_have_text(re.compile("Launch"))
            assert sorted(query_of(page)["asset"]) == ["group:mart", "raw_7"]
            page.context.close()
