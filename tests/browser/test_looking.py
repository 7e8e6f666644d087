"""Lineage, log, audits and the past, as a person looks at them."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site


def test_a_fact_leads_to_its_cause_and_effects(page: Page, site: Site) -> None:
    site.call("launch", "raw_weather", "--partitions", "2012-01-02", "--wait")
    page.goto("/log?type=RunLaunched")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("RunLaunched")
    expect(page.get_by_role("heading", name="Caused by")).to_be_visible()
    page.locator("#caused-facts, table.log").last.get_by_text("RunSucceeded").wait_for()


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
