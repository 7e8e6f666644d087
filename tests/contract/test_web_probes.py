"""What whoever looks after the process asks, and answers that somebody has already."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from events.facts import PoolConfigured
from tests.contract.sited import sited, tell
from tests.contract.test_web_access import bearer, token

NOWHERE = "postgresql://x@127.0.0.1:1/y"


def figures(answer: httpx.Response) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels."""
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_the_process_is_up_and_the_log_can_be_read(migrated_url: str) -> None:
    await tell(migrated_url, PoolConfigured("oven"))
    async with sited(migrated_url, requires_tokens=True) as client:
        for headers in ({}, {"host": "10.0.0.7:8340"}, {"host": "whatever"}):
            assert (await client.get("/healthz", headers=headers)).json() == {"status": "up"}
            assert (await client.get("/readyz", headers=headers)).json() == {"position": 1}


async def test_without_a_database_the_process_is_up_and_says_what_it_lacks() -> None:
    async with sited(NOWHERE) as client:
        assert (await client.get("/healthz")).status_code == 200
        for path in ("/readyz", "/api/v1/jobs", "/metrics"):
            answer = await client.get(path)
            assert answer.status_code == 503, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"] == (
                "the database cannot be reached; the log of the process says more."
            )
        page = await client.get("/")
        assert page.status_code == 503
        assert "Nothing is lost" in page.text
        assert "127.0.0.1:1" not in page.text


async def test_figures_are_few_whatever_is_asked_for(migrated_url: str) -> None:
    await tell(migrated_url, PoolConfigured("oven"), token("vera", "viewer"))
    async with sited(migrated_url, requires_tokens=True) as client:
        assert (await client.get("/metrics")).status_code == 401
        await client.get("/metrics", headers=bearer("vera"))
        before = figures(await client.get("/metrics", headers=bearer("vera")))
        assert before["backfilld_log_head_position", ()] == 2
        assert before["backfilld_daemon_serving", ()] == 0
        assert before["backfilld_backfills", (("status", "running"),)] == 0
        for number in range(20):
            await client.get(f"/made-up/{number}")
            await client.request(f"MADE-UP-{number}", "/made-up")
            await client.get(f"/api/v1/runs/made-up-{number}-1", headers=bearer("vera"))
        after = figures(await client.get("/metrics", headers=bearer("vera")))
        assert not [labels for _, labels in after if "made-up" in str(labels)]
        added = {labels for name, labels in after.keys() - before.keys() if name.endswith("_count")}
        assert len(added) <= 3
        count = "backfilld_http_request_duration_seconds_count"
        assert after[count, (("method", "GET"), ("route", "none"), ("status", "4xx"))] == 20


async def test_an_answer_that_is_known_is_not_sent_again(migrated_url: str) -> None:
    await tell(migrated_url, PoolConfigured("oven", slots=1))
    async with sited(migrated_url) as client:
        first = await client.get("/api/v1/pools")
        known = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
        again = await client.get("/api/v1/pools", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        await tell(migrated_url, PoolConfigured("oven", slots=2))
        changed = await client.get("/api/v1/pools", headers=known)
        assert changed.status_code == 200
        assert changed.json() != first.json()
