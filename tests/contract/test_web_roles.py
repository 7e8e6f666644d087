"""No way in is left open, whoever adds one: every route is tried without a token, and as each role."""

import re
from pathlib import Path

import httpx
import pytest
from litestar.routes import HTTPRoute

from daemon.operations.every import EVERY
from daemon.operations.operation import Role
from daemon.web.app import make_app
from daemon.web.settings import WebSettings
from events.postgres import PostgresLog
from tests.contract.sited import URL, sited, tell
from tests.contract.test_web_access import ROLES, bearer, token

OPEN = {"/login", "/logout", "/healthz", "/readyz", "/static/{file_path}"}
MADE_UP = {"int": "7", "path": "x", "str": "x"}


def ways_in() -> list[tuple[str, str]]:
    """Method and path of every route that is not open, with made up names in its path."""
    app = make_app(WebSettings(Path("/home"), "postgresql://x@127.0.0.1:1/y", "ada"))
    found: list[tuple[str, str]] = []
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        if re.sub(r":\w+", "", route.path) in OPEN:
            continue
        path = re.sub(r"\{\w+:(\w+)\}", lambda given: MADE_UP[given[1]], route.path)
        found += [(method, path) for method in sorted(route.methods - {"OPTIONS"})]
    return found


async def tried(client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> int:
    body = None if method in {"GET", "HEAD"} else b"{}" if path.startswith("/api/") else b"x=y"
    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    given = headers | ({} if body is None else {"content-type": kind, "origin": URL})
    return (await client.request(method, path, content=body, headers=given)).status_code


@pytest.mark.timeout(120)
async def test_without_a_token_there_is_no_way_in(migrated_url: str) -> None:
    ways = ways_in()
    assert len(ways) > len(EVERY)
    async with sited(migrated_url, requires_tokens=True) as client:
        for method, path in ways:
            wanted = (
                {401} if path.startswith(("/api/", "/metrics", "/schema")) or method != "GET" else {303, 404}
            )
            status = await tried(client, method, path, {})
            assert status in wanted, (method, path, status)


def needs() -> dict[tuple[str, str], Role]:
    """Which role is needed for the operations, by method and path with made up names."""
    return {(each.method, re.sub(r"\{\w+(:path)?\}", "x", each.path)): each.role for each in EVERY}


@pytest.mark.timeout(120)
async def test_nobody_does_what_their_role_may_not(migrated_url: str) -> None:
    await tell(migrated_url, *(token(name, role) for name, role in ROLES.items()))
    ways = [(method, path) for method, path in ways_in() if method not in {"GET", "HEAD"}]
    assert Role.ADMIN in needs().values()
    async with sited(migrated_url, requires_tokens=True) as client:
        for method, path in ways:
            needed = needs().get((method, path.removeprefix("/api/v1")), Role.OPERATOR)
            for name, role in ROLES.items():
                is_refused = await tried(client, method, path, bearer(name)) in {401, 403}
                assert is_refused is (Role[role.upper()] < needed), (method, path, name)


@pytest.mark.timeout(120)
async def test_nothing_is_changed_in_the_past(migrated_url: str) -> None:
    await tell(migrated_url, *(token(name, role) for name, role in ROLES.items()))
    changes = [
        (method, path)
        for method, path in ways_in()
        if method not in {"GET", "HEAD"}
        and needs().get((method, path.removeprefix("/api/v1")), Role.OPERATOR) > Role.VIEWER
    ]
    assert ("POST", "/launch") in changes
    assert ("POST", "/api/v1/backfills/x/pause") in changes
    async with sited(migrated_url, requires_tokens=True) as client:
        for method, path in changes:
            asked = f"{path}?as_of=1"
            assert await tried(client, method, asked, bearer("anna")) == 409, (method, path)
            assert await tried(client, method, asked, bearer("vera")) == 403, (method, path)
    async with PostgresLog(migrated_url) as log:
        assert await log.head() == len(ROLES)


async def test_the_description_is_for_whoever_may_look(migrated_url: str) -> None:
    await tell(migrated_url, *(token(name, role) for name, role in ROLES.items()))
    async with sited(migrated_url, requires_tokens=True) as client:
        for path in ("/schema", "/schema/openapi.json"):
            refused = await client.get(path)
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["status"] == 401
            for name in ROLES:
                assert (await client.get(path, headers=bearer(name))).json()["info"]["title"] == "backfilld"
    async with sited(migrated_url) as client:
        assert (await client.get("/schema/openapi.json")).status_code == 200
