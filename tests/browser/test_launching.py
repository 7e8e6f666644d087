"""What scripts add to a launch and a backfill: ranges are dragged, nothing is lost, nothing is done twice."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site

RANGE = re.compile(r"^\[2012-\d\d-\d\d\.\.\.20\d\d-\d\d-\d\d\]$")


def test_a_range_dragged_on_the_bar_is_written_beside_it_and_previewed(page: Page) -> None:
    page.goto("/launch?asset=raw_weather")
    button = page.locator("#acting .primary")
    expect(button).to_have_text("Launch 1 run")
    box = page.locator(".track").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator("#text-0-0")).to_have_value(RANGE)
    expect(page.locator("input[name=which][value=text]")).to_be_checked()
    expect(button).to_have_text(re.compile(r"Launch \d[\d,]+ runs"))
    expect(page).to_have_url(re.compile("which=text"))  # A reload brings the same form.


def test_two_clicks_launch_once(page: Page, site: Site) -> None:
    before = len(site.call("backfills"))
    page.goto("/launch?asset=raw_weather&partitions=2012-06-01")
    page.locator("#acting .primary").dblclick()
    expect(page).to_have_url(re.compile(r"/backfills/\w+"))
    page.reload()
    assert len(site.call("backfills")) == before + 1


def test_a_reason_that_is_half_written_stays_while_the_page_goes_on(page: Page, site: Site) -> None:
    site.let_wait()
    try:
        backfill_id = site.call("launch", "region", "--all")["id"]
        page.goto(f"/backfills/{backfill_id}")
        expect(page.locator(".pace")).to_contain_text("under way")
        page.locator("#do-cancel summary").click()
        reason = page.locator("#do-cancel input[name=reason]")
        reason.fill("half writ")
        page.locator("h1").click()
        site.call("pause", backfill_id)
        expect(page.locator("#status")).to_have_text("paused")
        expect(reason).to_have_value("half writ")
        page.locator("#do-cancel button").click()
        expect(page.locator("#status")).to_have_text(re.compile("cancel"))
    finally:
        site.let_go()
