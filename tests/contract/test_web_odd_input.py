"""Input that nobody means well: each gets a sentence that says so, and none is taken for a defect."""

import json

import httpx
import pytest

from events.facts import PoolConfigured
from tests.contract.sited import URL, sited, tell

MANY = "9" * 5_000
GREAT = str(10**18 * 10)
ODD_PATHS = (
    *(
        f"{path}{number}"
        for number in (MANY, GREAT)
        for path in (
            "/?as_of=",
            "/api/v1/status?as_of=",
            "/api/v1/backfills?cursor=",
            "/api/v1/runs?cursor=",
            "/api/v1/runs?limit=",
            "/api/v1/log?first=",
            "/api/v1/log?last=",
            "/api/v1/log/",
            "/api/v1/log/stream?after=",
            "/api/v1/audit?asset=a&cursor=",
            "/backfills?before=",
            "/runs?cursor=",
            "/runs?within=on&cursor=",
            "/log?first=",
            "/log/",
            "/audit?asset=a&cursor=",
        )
    ),
    "/api/v1/log?text=%00",
    "/api/v1/backfills/%00",
    "/api/v1/runs?asset=%00",
    "/log?actor=a%00b",
    "/assets/%00",
    "/runs/%00",
)


NO_FACTS = {f"/log/{MANY}", f"/log/{GREAT}", f"/api/v1/log/{MANY}"}  # Some are read as no number at all.


@pytest.fixture
async def url(migrated_url: str) -> str:
    """A log with a fact."""
    await tell(migrated_url, PoolConfigured("oven", slots=1))
    return migrated_url


async def test_numbers_too_great_and_nuls_are_told_to_make_no_sense(url: str) -> None:
    async with sited(url) as client:
        found = {path: (await client.get(path)).status_code for path in ODD_PATHS}
        stream = await client.get("/api/v1/log/stream", headers={"last-event-id": MANY})
    wanted = {path: 404 if path in NO_FACTS else 422 for path in ODD_PATHS}
    assert {path[:40]: status for path, status in found.items() if status != wanted[path]} == {}
    assert stream.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"reason": ' + b"[" * 100_000,
        json.dumps({"slots": 2, "reason": "a\0b"}).encode(),
        json.dumps({"slots": 2, "reason": "x" * 4_001}).encode(),
        b'{"slots": ' + MANY.encode() + b"}",
        b'{"slots": ' + GREAT.encode() + b"}",
        b'{"slots": 1' + b"0" * 30 + b"}",
    ],
)
async def test_bodies_that_make_no_sense_are_refused(url: str, body: bytes) -> None:
    async with sited(url) as client:
        answer = await _put(client, body)
        assert answer.status_code in {400, 413, 422}, answer.text
        assert "detail" in answer.json()


async def _put(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    headers = {"content-type": "application/json", "origin": URL}
    return await client.put("/api/v1/pools/oven", content=body, headers=headers)
