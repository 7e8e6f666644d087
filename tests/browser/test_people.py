"""What people do: fill, watch, pause, cancel, retry, read an error, sign in."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site

LAUNCH = re.compile(r"^Launch [\d,]+ runs?$")
DONE_MS = 60_000


def launch_selected(page: Page, *assets: str) -> None:
    """Choose assets in the graph, and go on to what would be launched."""
    page.goto("/")
    for asset in assets:
        page.get_by_role("checkbox", name=f"Select {asset}").check()
    page.get_by_role("button", name="Materialize selected").click()
    expect(page.get_by_role("heading", name="Launch a backfill")).to_be_visible()


def launch_by_text(page: Page, text: str) -> None:
    """Name partitions, look at what that makes, and launch it: the backfill's page follows."""
    page.locator("label", has_text="By text").click()
    page.locator("input[name=text]").first.fill(text)
    button = page.get_by_role("button", name=LAUNCH)
    expect(button).to_be_enabled()
    button.click()
    expect(page).to_have_url(re.compile(r"/backfills/\w+"))


def test_filling_from_the_graph_and_watching_it_finish(page: Page, site: Site) -> None:
    launch_selected(page, "raw_weather")
    launch_by_text(page, "[2012-01-01...2012-01-20]")
    expect(page.locator(".heading .status")).to_have_text("succeeded", timeout=DONE_MS)
    expect(page.get_by_text("20 of 20 runs done")).to_be_visible()
    page.get_by_role("link", name="Lineage", exact=True).click()
    expect(page.locator(".asset.card[data-asset=raw_weather]")).to_contain_text(" of 1,461")


def test_filling_from_an_asset_says_one_run(page: Page, site: Site) -> None:
    page.goto("/assets/raw_weather")
    page.locator("input[name=partitions]").fill("2012-02-01")
    page.get_by_role("button", name="Materialize").click()
    button = page.get_by_role("button", name=LAUNCH)
    expect(button).to_have_text("Launch 1 run")
    button.click()
    expect(page.locator(".heading .status")).to_have_text("succeeded", timeout=DONE_MS)


def test_a_bad_range_is_told_where_it_was_typed_and_launches_nothing(page: Page) -> None:
    launch_selected(page, "raw_weather")
    page.locator("label", has_text="By text").click()
    field = page.locator("input[name=text]").first
    field.fill("2012-13-45")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name=re.compile("^Launch"))).to_be_disabled()


def test_the_box_shows_runs_within_backfills(page: Page, site: Site) -> None:
    launch_selected(page, "raw_weather")
    launch_by_text(page, "[2012-03-01...2012-03-05]")
    expect(page.locator(".heading .status")).to_have_text("succeeded", timeout=DONE_MS)
    own = page.url.rstrip("/").rpartition("/")[2]
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("link", name=own, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=f"{own}-1-1")).to_have_count(0)
    page.get_by_label("Show runs within backfills").check()
    expect(page.get_by_role("link", name=f"{own}-1-1")).to_be_visible()
    expect(page).to_have_url(re.compile("within=on"))
    page.reload()
    expect(page.get_by_label("Show runs within backfills")).to_be_checked()


def test_pausing_and_going_on(page: Page, site: Site) -> None:
    site.let_wait()
    launch_selected(page, "region")
    launch_all(page)
    status = page.locator(".heading .status")
    page.locator("#do-pause > summary").click()
    page.get_by_role("button", name="Pause it").click()
    expect(status).to_have_text("paused")
    page.locator("#do-resume > summary").click()
    page.get_by_role("button", name="Let it go on").click()
    expect(status).to_have_text("running")
    site.let_go()
    expect(status).to_have_text("succeeded", timeout=DONE_MS)


def test_canceling_is_confirmed_first(page: Page, site: Site) -> None:
    site.let_wait()
    launch_selected(page, "region")
    launch_all(page)
    page.locator("#do-cancel > summary").click()
    page.locator("#do-cancel").get_by_label("Reason").fill("wrong region")
    page.get_by_role("button", name="Cancel the backfill").click()
    expect(page.locator(".heading .status")).to_have_text("canceled", timeout=DONE_MS)
    expect(page.get_by_text("wrong region").first).to_be_visible()


def test_reading_an_error_and_retrying(page: Page, site: Site) -> None:
    with site.broken():
        launch_selected(page, "orders")
        launch_by_text(page, "[2024-01-02...2024-01-04]")
        expect(page.locator(".heading .status")).to_have_text("failed", timeout=DONE_MS)
        page.get_by_role("link", name=re.compile(r"^\w+-2-1$")).first.click()
        expect(page.get_by_role("heading", name=re.compile("ValueError"))).to_be_visible()
        expect(page.get_by_text("no file for that day").first).to_be_visible()
        traceback = page.locator("details", has_text="Traceback").locator("pre").first
        expect(traceback).to_be_hidden()
        page.get_by_text("Traceback", exact=True).click()
        expect(traceback).to_be_visible()
        expect(page.locator("[data-output=stdout]")).to_contain_text("orders of 2024-01-03")
    page.locator(".crumbs").get_by_role("link").last.click()
    page.locator("#do-retry > summary").click()
    page.get_by_role("button", name="Launch the retry").click()
    expect(page.locator(".heading .status")).to_have_text("succeeded", timeout=DONE_MS)


def test_a_viewer_looks_and_changes_nothing(page: Page, site: Site) -> None:
    made = site.call("token", "create", "vera", "--role", "viewer")
    sign_in(page, made["secret"])
    page.goto("/")
    expect(page.locator("summary", has_text="vera")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Materialize"))).to_be_disabled()
    answer = page.request.post("/api/v1/backfills/nobody/pause", data={}, headers={"Origin": site.url})
    assert answer.status == 403
    assert "viewer" in answer.json()["detail"]


def test_whoever_is_known_no_more_is_asked_to_sign_in(page: Page, site: Site) -> None:
    made = site.call("token", "create", "gone", "--role", "viewer")
    sign_in(page, made["secret"])
    page.goto("/backfills")
    expect(page.locator("summary", has_text="gone")).to_be_visible()
    site.call("token", "revoke", "gone")
    expect(page).to_have_url(re.compile("/login"), timeout=DONE_MS)


def sign_in(page: Page, secret: str) -> None:
    """With a token."""
    page.goto("/login")
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def launch_all(page: Page) -> None:
    """Launch all partitions of what was chosen."""
    page.locator("label", has_text=re.compile("^All$")).click()
    button = page.get_by_role("button", name=LAUNCH)
    expect(button).to_be_enabled()
    button.click()
    expect(page).to_have_url(re.compile(r"/backfills/\w+"))
