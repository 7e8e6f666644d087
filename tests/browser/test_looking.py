"""Lineage, log, audits and the past, as a person looks at them."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site


def test_a_fact_leads_to_its_cause_and_effects(page: Page, site: Site) -> None:
    site.call("launch", "raw_weather", "--partitions", "2012-01-02", "--wait")
    page.goto("/log?type=RunLaunched")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("RunLaunched")
    causes, effects = (
        page.locator("table.log", has=page.locator(f"details[id^='{name}-']")) for name in ("cause", "caused")
    )
    expect(page.get_by_role("heading", name="Caused by")).to_be_visible()
    expect(causes.locator(".type")).to_have_text(["BackfillRequested"])
    expect(effects.get_by_text("RunSucceeded")).to_be_visible()


def test_a_mistake_in_a_filter_is_told_on_the_page(page: Page) -> None:
    page.goto("/log")
    page.get_by_label("Since").fill("yesterdayish")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_contain_text("yesterdayish")
    expect(page.get_by_label("Since")).to_have_value("yesterdayish")


def test_the_whole_site_goes_back_in_time_and_nothing_can_be_done_there(page: Page, site: Site) -> None:
    page.goto("/")
    page.locator("summary", has_text="As of now").click()
    page.get_by_label("Show everything as it was known at").fill("2")
    page.get_by_role("button", name="Go there").click()
    expect(page.get_by_role("status").filter(has_text="You look at the past")).to_be_visible()
    # Until its script has begun the page shows the list of assets too, with a button of its own.
    graph = page.locator("#graph-form")
    expect(graph.get_by_role("button", name=re.compile("Materialize"))).to_be_disabled()
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page).to_have_url(re.compile("as_of=2"))
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Back to now").first.click()
    expect(page.get_by_role("status").filter(has_text="You look at the past")).to_be_hidden()


def test_an_audit_on_paper_is_whole(page: Page, site: Site) -> None:
    with site.broken():
        site.call("launch", "orders", "--partitions", "2024-01-03", "--wait")
    page.set_viewport_size({"width": 1032, "height": 700})  # A4 within its margins, as wide as it is high
    page.goto("/audit?asset=orders&partitions=2024-01-03")
    page.emulate_media(media="print")
    expect(page.get_by_text("no file for that day").first).to_be_visible()  # Nobody can unfold paper.
    expect(page.get_by_text("2024-01-03: every attempt")).to_be_visible()
    table = page.locator("table.audit").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= 1032, "nothing is cut off"
    expect(page.locator("#standing")).to_contain_text("of the log")
