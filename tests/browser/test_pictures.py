"""Every page in both themes, wide and narrow: axe finds nothing serious, and it fits the screen."""

from typing import Any, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.conftest import SCREENSHOTS
from tests.browser.site import Site

WIDTHS: Final = (1360, 390)
SERIOUS: Final = {"serious", "critical"}
PAGES: Final = {
    "lineage": "/",
    "lineage-nothing-found": "/?q=nothing-is-called-so",
    "asset": "/assets/raw_weather",
    "asset-zoomed": "/assets/raw_weather?from=2012-01-01&to=2012-02-01",
    "launch": "/launch?asset=raw_weather&asset=clean_weather&which=text&partitions=2012-01-05",
    "launch-refused": "/launch?asset=raw_weather&which=text&partitions=2012-99-99",
    "launch-each": "/launch?asset=raw_weather&asset=region&which=each&root=raw_weather&root_which=failed",
    "runs": "/runs",
    "runs-within": "/runs?within=on",
    "runs-timeline": "/runs?within=on&view=timeline",
    "run": "/runs/{backfill}-1-1",
    "run-failed": "/runs/{failed}-2-1",
    "backfills": "/backfills",
    "backfill": "/backfills/{backfill}",
    "backfill-failed": "/backfills/{failed}",
    "backfill-dense": "/backfills/{dense}",
    "log-mistaken": "/log?since=whenever",
    "log": "/log",
    "fact": "/log/3",
    "audit": "/audit?asset=raw_weather",
    "backfill-audit": "/backfills/{backfill}/audit",
    "past": "/?as_of=3",
    "login": "/login",
    "not-found": "/nothing/is/here",
}


@pytest.fixture(scope="module")
def filled(site: Site) -> dict[str, str]:
    """The ids of a backfill that succeeded, of one that failed, and of one with a great many runs."""
    one = site.call("launch", "raw_weather", "--partitions", "[2012-06-01...2012-06-10]", "--wait")
    with site.broken():
        two = site.call("launch", "orders", "--partitions", "[2024-01-02...2024-01-04]", "--wait")
    many = site.call("launch", "raw_weather", "--partitions", "2013-*", "--wait")
    return {"backfill": one["id"], "failed": two["id"], "dense": many["id"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody(
    browser: Browser, site: Site, filled: dict[str, str], name: str, theme: Literal["light", "dark"]
) -> None:
    for width in WIDTHS:
        context = browser.new_context(
            base_url=site.url, viewport={"width": width, "height": 860}, color_scheme=theme
        )
        page = context.new_page()
        page.goto(PAGES[name].format(**filled))
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{width}.png", full_page=True)
        found: list[dict[str, Any]] = Axe().run(page).response["violations"]
        too_wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        context.close()
        serious = [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in found
            if each["impact"] in SERIOUS
        ]
        assert not serious
        assert too_wide <= 0, f"the page is {too_wide} pixels wider than {width}"
