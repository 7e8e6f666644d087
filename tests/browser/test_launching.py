"""What scripts add to a launch and a backfill: ranges are dragged, nothing is lost, nothing is done twice."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect

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


@contextmanager
def under_way(page: Page, site: Site) -> Iterator[str]:
    """The page of a backfill whose runs wait as long as the block; its id."""
    site.let_wait()
    try:
        backfill_id = site.call("launch", "region", "--all")["id"]
        page.goto(f"/backfills/{backfill_id}")
        expect(page.locator(".pace")).to_contain_text("under way")
        yield backfill_id
    finally:
        site.let_go()


def test_a_reason_that_is_half_written_stays_while_the_page_goes_on(page: Page, site: Site) -> None:
    with under_way(page, site) as backfill_id:
        page.locator("#do-cancel summary").click()
        reason = page.locator("#do-cancel input[name=reason]")
        reason.fill("half writ")
        page.locator("h1").click()
        site.call("pause", backfill_id)
        expect(page.locator("#status")).to_have_text("paused")
        expect(reason).to_have_value("half writ")
        page.locator("#do-cancel button").click()
        expect(page.locator("#status")).to_have_text(re.compile("cancel"))


def test_what_a_run_prints_and_how_long_it_takes_are_followed_to_its_end(page: Page, site: Site) -> None:
    site.let_wait()
    try:
        backfill_id = site.call("launch", "region", "--partitions", "north")["id"]
        page.goto(f"/backfills/{backfill_id}")
        page.get_by_role("link", name=f"{backfill_id}-1-1").first.click()
        printed = page.locator("[data-output=stdout]")
        expect(printed).to_contain_text("north waits")
        lasting = page.locator("#what [data-lasting]")
        expect(lasting).not_to_have_text(lasting.inner_text())
        expect(page.locator("#do-cancel")).to_be_visible()
    finally:
        site.let_go()
    expect(printed).to_have_text(re.compile(r"^north waits\s+north goes on\s*$"))
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(lasting).to_have_count(0)
    expect(page.locator("#do-cancel")).to_have_count(0)


def test_who_goes_through_a_page_with_the_keys_stays_where_they_are(page: Page, site: Site) -> None:
    with under_way(page, site) as backfill_id:
        amending = page.locator("#do-amend > summary")
        amending.focus()
        site.call("pause", backfill_id)
        expect(page.locator("#do-resume")).to_be_visible()
        expect(amending).to_be_focused()
        site.call("resume", backfill_id)
        expect(page.locator("#do-pause")).to_be_visible()
        link = page.get_by_role("link", name="Its facts in the log")
        link.focus()
        site.call("pause", backfill_id)
        expect(page.locator("#progress")).to_contain_text("Paused on")
        site.call("amend", backfill_id, "--priority", "7")
        expect(page.locator("#about dd", has_text=re.compile("^7$"))).to_be_visible()
        expect(link).to_be_focused()
        position = page.locator("#standing").inner_text()
        site.call("cancel", backfill_id)
        expect(page.locator("#status")).to_have_text("canceled")
        expect(page.locator("#standing")).not_to_have_text(position)


def test_a_page_that_was_refused_its_events_asks_for_them_again(page: Page, site: Site) -> None:
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route)
            route.fulfill(status=503, content_type="application/problem+json", body="{}")

    page.route("**/api/v1/changes?*", refuse_once)
    site.let_wait()
    try:
        backfill_id = site.call("launch", "region", "--all")["id"]
        page.goto(f"/backfills/{backfill_id}")
        expect(page.locator("#connection")).to_be_visible()
        site.call("pause", backfill_id)
        expect(page.locator("#status")).to_have_text("paused")
        expect(page.locator("#connection")).to_be_hidden()
        site.call("cancel", backfill_id)
    finally:
        site.let_go()
    assert refused


def test_each_root_that_differs_has_its_own_choice_and_dragging_makes_a_text_of_it(page: Page) -> None:
    page.goto("/launch?asset=raw_weather&asset=region")
    page.locator("label", has_text="Each its own").click()
    weather = page.locator(".root", has=page.locator("strong", has_text="raw_weather"))
    region = page.locator(".root", has=page.locator("strong", has_text="region"))
    expect(weather.get_by_label("Which of its partitions")).to_be_visible()
    expect(weather.locator(".texts")).to_be_hidden()
    region.get_by_label("Which of its partitions").select_option("all")
    expect(page.locator("#preview")).to_contain_text("north")
    weather.get_by_label("Which of its partitions").select_option("failed")
    expect(weather.get_by_text("None of its partitions failed or was skipped.")).to_be_visible()
    box = weather.locator(".track").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(weather.get_by_label("Which of its partitions")).to_have_value("text")
    expect(weather.locator("input[name=text]")).to_have_value(RANGE)
    expect(page.locator("#acting .primary")).to_have_text(re.compile(r"Launch \d[\d,]+ runs"))
    expect(page).to_have_url(re.compile("root_which=text"))
    page.reload()
    expect(weather.get_by_label("Which of its partitions")).to_have_value("text")
    expect(region.get_by_label("Which of its partitions")).to_have_value("all")


def test_a_timeline_of_many_runs_is_looked_at_nearer_by_keyboard(page: Page, site: Site) -> None:
    many = site.call("launch", "raw_weather", "--partitions", "2014-*", "--wait")
    page.goto(f"/backfills/{many['id']}")
    expect(page.locator("#timeline .lane")).to_have_attribute(
        "aria-label", re.compile("365 attempts: 365 succ")
    )
    nearer = page.locator("#timeline .zooms a").first
    nearer.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"since=.*until="))
    expect(page.locator("#timeline")).to_contain_text("Attempts launched from")
    expect(page.locator(".timeline a").first).to_have_attribute("href", re.compile("/runs/"))
    page.get_by_role("link", name="The whole timeline").click()
    expect(page.locator("#timeline .lane")).to_be_visible()
