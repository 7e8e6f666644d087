"""A real browser, looking at the pages of a real daemon."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import chromium
from tests.browser.site import Site, new_site

SCREENSHOTS = Path(os.environ.get("BACKFILLD_SCREENSHOTS", "build/screenshots"))  # for people to look at
WIDTH, HEIGHT = 1360, 860
# The page says why: no complaint.
REFUSALS = ("401 (Unauthorized)", "409 (Conflict)", "422 (Unprocessable Entity)", "503 (Service Unavailable)")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests of this folder: it ends before tests begin that have an event loop of their own."""
    path = chromium()
    assert path is not None, "there is no Chromium: python -m tests.browser.chromium installs it"
    with sync_playwright() as playwright:
        # Debian's Chromium refuses its own sandbox to root; the pages are ours.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """A daemon with the demo's pipeline and its pages."""
    with new_site() as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page of a person who has not been here before. What the browser complains of fails the test."""
    context = browser.new_context(base_url=site.url, viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if said.type == "error" and not said.text.endswith(REFUSALS)
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((site.url, "data:")) else complaints.append(asked.url),
    )
    yield page
    context.close()
    assert not complaints
