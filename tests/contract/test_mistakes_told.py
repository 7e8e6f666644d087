"""Mistakes are told where they were typed, and an address keeps all that it says."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from tests.contract.visiting import Visitor, visitor_of
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS)
def totals() -> None: ...


@pytest.fixture
async def visitor(migrated_url: str, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visitor_of(migrated_url, tmp_path) as visitor:
        story = Story(raw, totals)
        story.ask("raw", partitions="2024-01-01")
        story.launched()
        await visitor.tell(story)
        yield visitor


@pytest.mark.parametrize(
    ("path", "field", "told"),
    [
        ("/log?asset=raw&partitions=[2024", "partitions", "Expected a key"),
        ("/log?asset=rav", "asset", "Did you mean raw?"),
        ("/log?first=1" + "0" * 22, "asset", "No log is as long"),
        ("/log?first=one", "asset", "int"),
        ("/audit?asset=rav", "asset", "Did you mean raw?"),
        ("/audit?asset=raw&partitions=[2024", "partitions", "Expected a key"),
        ("/audit?asset=raw&cursor=next", "asset", "no place to go on from"),
    ],
)
async def test_a_mistake_is_told_beside_the_form_that_keeps_it(
    visitor: Visitor, path: str, field: str, told: str
) -> None:
    page = await visitor.see(path)
    assert page.status == 422
    (alert,) = [each for each in page.elements if each.attributes.get("role") == "alert"]
    assert told in alert.text
    assert page.value(field) == dict(parse_qsl(urlsplit(path).query)).get(field, "")


async def test_a_place_to_go_on_from_that_is_none_is_refused(visitor: Visitor) -> None:
    page = await visitor.see("/assets/raw?after=nonsense")
    assert (page.status, "no place to go on from" in page.html) == (422, True)


async def test_an_address_keeps_what_it_says_more_than_once(visitor: Visitor) -> None:
    page = await visitor.see("/?asset=raw&asset=totals&as_of=2")
    back = [each.attributes["href"] for each in page.all("a") if each.text == "Back to now"]
    assert back == ["?asset=raw&asset=totals"] * 2
    hidden = [each.attributes["value"] for each in page.all("input", type="hidden", name="asset")]
    assert hidden[:2] == ["raw", "totals"]


async def test_what_did_not_exist_yet_is_not_found_whatever_it_is(visitor: Visitor) -> None:
    for path in ("/backfills/b", "/backfills/b/audit", "/runs/b-1-1", "/log/2"):
        assert (await visitor.see(path)).status == 200, path
        page = await visitor.see(f"{path}?as_of=1")
        assert (page.status, " later, at 2024-06-01" in page.html) == (404, True), path
