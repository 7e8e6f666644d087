"""Who may come in, from where, and what they may: everything that should be refused is."""

import html
from datetime import datetime, timedelta

import httpx
import pytest

from daemon.clock import SystemClock
from daemon.operations.tokens import digest_of
from daemon.web.attempts import FAILURES_MAX, WITHIN
from events.facts import PoolConfigured, TokenCreated, TokenRevoked, TokenRole
from events.postgres import PostgresLog
from tests.contract.sited import URL, sited, tell
from tests.contract.told import everything

ALIEN = "http://evil.example"
ROLES: dict[str, TokenRole] = {"vera": "viewer", "otto": "operator", "anna": "admin"}
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
POOL = "/api/v1/pools/oven"


def secret_of(name: str) -> str:
    return f"bfd_{name}"


def token(name: str, role: TokenRole, expires_at: datetime | None = None) -> TokenCreated:
    until = None if expires_at is None else expires_at.isoformat()
    return TokenCreated(name, role, digest_of(secret_of(name)), until)


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret_of(name)}"}


@pytest.fixture
async def url(migrated_url: str) -> str:
    """A log with a token of each role."""
    await tell(migrated_url, *(token(name, role) for name, role in ROLES.items()))
    return migrated_url


async def actors(url: str) -> list[str]:
    """Who has set a pool."""
    async with PostgresLog(url) as log:
        return [each.actor for each in await everything(log) if isinstance(each.fact, PoolConfigured)]


async def signed_in(client: httpx.AsyncClient, secret: str, following: str = "/log") -> httpx.Response:
    form = {"token": secret, "next": following}
    return await client.post("/login", data=form, headers={"origin": URL})


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return str(told["detail"])


async def test_every_answer_says_what_a_browser_may_do_with_it(url: str) -> None:
    async with sited(url) as client:
        for path in ("/", "/api/v1/jobs", "/api/v1/nothing", "/nothing", "/static/base.css", "/login"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; ")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
            assert "access-control-allow-origin" not in headers


async def test_a_foreign_name_that_leads_here_leads_nowhere(url: str) -> None:
    async with sited(url) as client:
        for host in ("evil.example", "evil.example:8340", "127.0.0.1:80"):
            for path in ("/", "/api/v1/jobs", "/api/v1/log", "/static/base.css", "/schema"):
                answer = await client.get(path, headers={"host": host})
                assert answer.status_code == 421, (host, path)
            answer = await client.put(
                POOL, json={"slots": 1}, headers={"host": host, "origin": f"http://{host}"}
            )
            assert answer.status_code == 421
    assert await actors(url) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ALIEN},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8341"},
        {"origin": f"{URL}.evil.example"},
        {"origin": URL, "sec-fetch-site": "cross-site"},
        {"origin": URL, "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"origin": ALIEN, **bearer("anna")},
        {"cookie": f"backfilld_8340={secret_of('anna')}"},
    ],
)
async def test_another_sites_page_changes_nothing(url: str, headers: dict[str, str]) -> None:
    async with sited(url) as client:
        answer = await client.put(POOL, json={"slots": 1}, headers=headers)
        assert answer.status_code == 403
        assert "must come from a page of this server" in problem(answer)
        for path in ("/login", "/logout"):
            assert (await client.post(path, data={"token": "x"}, headers=headers)).status_code == 403
    assert await actors(url) == []


async def test_another_sites_page_may_link_here_and_make_nothing_run(url: str) -> None:
    frame = LINK | {"sec-fetch-dest": "iframe"}
    image = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    async with sited(url) as client:
        for path in ("/log", "/api/v1/jobs", "/static/base.css"):
            for site in ("cross-site", "same-site"):
                headers = {"sec-fetch-site": site}
                for more in ({}, frame, image):
                    assert (await client.get(path, headers=headers | more)).status_code == 403, (path, more)
                assert (await client.get(path, headers=headers | LINK)).status_code == 200
            for site in ("same-origin", "none"):
                headers = {"sec-fetch-site": site} | image
                assert (await client.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
async def test_a_body_that_a_form_can_send_is_not_read(url: str, kind: str) -> None:
    async with sited(url) as client:
        headers = {"content-type": kind, "origin": URL}
        answer = await client.put(POOL, content='{"slots": 1}', headers=headers)
        assert answer.status_code == 415
    assert await actors(url) == []


async def test_a_body_is_as_long_as_it_needs_to_be(url: str) -> None:
    async with sited(url, requires_tokens=True) as client:
        assert (await signed_in(client, "x" * 15_000)).status_code == 401
        assert (await signed_in(client, "x" * 17_000)).status_code == 413
        for length, status in ((17_000, 422), (1_100_000, 413)):  # A reason too long is read, and refused.
            asked = {"slots": 1, "reason": "x" * length}
            assert (await client.put(POOL, json=asked, headers=bearer("anna"))).status_code == status


async def test_on_this_machine_the_local_user_needs_no_token(url: str) -> None:
    async with sited(url) as client:
        for headers in ({}, {"origin": URL}, {"sec-fetch-site": "same-origin"}):
            assert (
                await client.put(POOL, json={"slots": 1 + len(headers)}, headers=headers)
            ).status_code == 200
    assert await actors(url) == ["ada@office", "ada@office"]


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"requires_tokens": True}, {}),
        ({"host": "0.0.0.0"}, {}),
        ({"hosts": ("fill.example",)}, {"host": "fill.example"}),
        ({}, {"x-forwarded-for": "192.0.2.1"}),
        ({}, {"via": "1.1 proxy"}),
    ],
)
async def test_everywhere_else_nobody_comes_in_without_one(
    url: str, settings: dict[str, object], headers: dict[str, str]
) -> None:
    async with sited(url, **settings) as client:
        answer = await client.get("/api/v1/jobs", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "backfilld token create" in problem(answer)
        assert (await client.put(POOL, json={"slots": 1}, headers=headers)).status_code == 401
        page = await client.get("/log?type=RunFailed", headers=headers)
        assert page.status_code == 303
        assert page.headers["location"] == "/login?next=%2Flog%3Ftype%3DRunFailed"
        assert (await client.get("/login", headers=headers)).status_code == 200
        assert (await client.get("/api/v1/jobs", headers=headers | bearer("vera"))).status_code == 200
    assert await actors(url) == []


async def test_each_may_what_their_role_may_and_is_named_in_the_log(url: str) -> None:
    async with sited(url, requires_tokens=True) as client:
        for name, changes, makes_tokens in (("vera", 403, 403), ("otto", 200, 403), ("anna", 200, 200)):
            assert (await client.get("/api/v1/jobs", headers=bearer(name))).status_code == 200
            answer = await client.put(POOL, json={"slots": len(name) + ord(name[0])}, headers=bearer(name))
            assert answer.status_code == changes
            made = await client.post(
                "/api/v1/tokens", json={"name": f"of {name}", "role": "admin"}, headers=bearer(name)
            )
            assert made.status_code == makes_tokens
            assert (await client.get("/api/v1/tokens", headers=bearer(name))).status_code == makes_tokens
        assert problem(await client.put(POOL, json={"slots": 1}, headers=bearer("vera"))) == (
            "the token of vera is a viewer's, and this needs an operator's."
        )
    assert await actors(url) == ["otto", "anna"]


async def test_a_secret_is_shown_once_and_opens_until_it_is_revoked(url: str) -> None:
    async with sited(url) as client:
        made = (
            await client.post("/api/v1/tokens", json={"name": "ci", "role": "viewer", "expires": "90d"})
        ).json()
        assert made["secret"].startswith("bfd_")
        assert len(made["secret"]) == 47
        headers = {"authorization": f"Bearer {made['secret']}"}
        assert (await client.get("/api/v1/jobs", headers=headers)).status_code == 200
        listed = await client.get("/api/v1/tokens")
        assert made["secret"] not in listed.text
        again = await client.post("/api/v1/tokens", json={"name": "ci", "role": "admin"})
        assert again.status_code == 409
        assert (await client.post("/api/v1/tokens/ci/revoke", json={"reason": "lost"})).json()[
            "changed"
        ] is True
        answer = await client.get("/api/v1/jobs", headers=headers)
        assert (answer.status_code, problem(answer)) == (401, "this token was revoked.")
        assert (await client.post("/api/v1/tokens/ci/revoke", json={})).json()["changed"] is False
        assert (await client.post("/api/v1/tokens", json={"name": "ci", "role": "viewer"})).status_code == 200
    async with PostgresLog(url) as log:
        assert made["secret"] not in str(await everything(log))


@pytest.mark.parametrize(
    "name",
    ["", " ci", "a/b", "a\nb", "x" * 101, "daemon", "Daemon", "run b-1-1", "RUN b-1-1", "dae\u200bmon"],
)
async def test_a_token_has_no_name_that_misleads(url: str, name: str) -> None:
    async with sited(url) as client:
        answer = await client.post("/api/v1/tokens", json={"name": name, "role": "viewer"})
        assert answer.status_code == 409
        assert "cannot be the name of a token" in problem(answer)


async def test_tokens_that_open_nothing(url: str) -> None:
    now = SystemClock().now()
    await tell(
        url,
        token("past", "admin", now - timedelta(seconds=1)),
        token("gone", "admin"),
        TokenRevoked("gone"),
        TokenRevoked("never"),
        TokenCreated("torn", "admin", digest_of(secret_of("torn")), "tomorrow"),
        TokenCreated("strange", "admin", "ü"),
        TokenCreated("naive", "admin", digest_of(secret_of("naive")), "2999-01-01T00:00:00"),
    )
    async with sited(url) as client:
        for name, told in (("past", "has expired"), ("gone", "was revoked"), ("torn", "has expired")):
            answer = await client.get("/api/v1/jobs", headers=bearer(name))
            assert (answer.status_code, problem(answer)) == (401, f"this token {told}.")
        for given in (
            "Bearer",
            "Bearer ",
            "Basic dmVyYTp4",
            f"Bearer {digest_of(secret_of('vera'))}",
            "Bearer é",
        ):
            answer = await client.get("/api/v1/jobs", headers={b"authorization": given.encode()})
            assert answer.status_code == 401, given


async def test_signing_in_keeps_the_token_where_no_script_reads_it(url: str) -> None:
    async with sited(url, requires_tokens=True) as client:
        answer = await signed_in(client, f" {secret_of('otto')} ", "/log?type=RunFailed")
        assert (answer.status_code, answer.headers["location"]) == (303, "/log?type=RunFailed")
        kept = answer.headers["set-cookie"]
        assert kept.startswith(f"backfilld_8340={secret_of('otto')};")
        assert "HttpOnly" in kept
        assert "SameSite=strict" in kept
        assert "Secure" not in kept
        page = await client.get("/")
        assert page.status_code == 200
        assert "otto" in page.text
        assert (await client.put(POOL, json={"slots": 4}, headers={"origin": URL})).status_code == 200
        await tell(url, TokenRevoked("otto"))
        assert (await client.get("/")).headers["location"] == "/login?next=%2F"
        assert (await client.put(POOL, json={"slots": 5}, headers={"origin": URL})).status_code == 401
        assert "Forget the token" in (await client.get("/login")).text
        await client.post("/logout", headers={"origin": URL})
        assert not client.cookies
    assert await actors(url) == ["otto"]


async def test_elsewhere_the_cookie_is_for_https_alone(url: str) -> None:
    async with sited(url, hosts=("fill.example",)) as client:
        headers = {"host": "fill.example", "origin": "https://fill.example"}
        answer = await client.post("/login", data={"token": secret_of("vera")}, headers=headers)
        assert "Secure" in answer.headers["set-cookie"]
        told = "not reached over HTTPS"
        assert told in (await client.get("/login", headers=headers)).text
        assert told not in (await client.get("/login", headers=headers | {"x-forwarded-proto": "https"})).text


async def test_who_follows_a_link_from_elsewhere_is_offered_to_go_on_signed_in(url: str) -> None:
    async with sited(url, requires_tokens=True) as client:
        for site, is_offered in (("cross-site", True), ("same-origin", False)):
            page = await client.get("/login?next=/log", headers={"sec-fetch-site": site} | LINK)
            assert ('<a href="/log">I am signed in already</a>' in page.text) is is_offered


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\r\nb"]
)
async def test_nobody_is_led_elsewhere_by_signing_in(url: str, following: str) -> None:
    async with sited(url) as client:
        assert (await signed_in(client, secret_of("vera"), following)).headers["location"] == "/"
        page = await client.get("/login", params={"next": following})
        assert 'name="next" value="/"' in page.text


async def test_guessing_is_slow(url: str) -> None:
    async with sited(url) as client:
        for _ in range(FAILURES_MAX):
            answer = await signed_in(client, "bfd_guess")
            assert answer.status_code == 401
            assert "there is no such token" in answer.text
        for answer in (
            await signed_in(client, "bfd_guess"),
            await client.get("/api/v1/jobs", headers=bearer("guess")),
            await client.get("/api/v1/jobs", headers={"cookie": "backfilld_8340=bfd_guess"}),
        ):
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_who_guesses_shuts_nobody_else_out(url: str) -> None:
    async with sited(url, requires_tokens=True) as client:
        for _ in range(FAILURES_MAX + 1):
            answer = await client.get("/api/v1/jobs", headers=bearer("guess"))
        assert answer.status_code == 429
        kept = {"cookie": f"backfilld_8340={secret_of('anna')}"}
        for headers in (bearer("anna"), kept):
            assert (await client.get("/api/v1/jobs", headers=headers)).status_code == 200
        assert (await signed_in(client, secret_of("anna"))).status_code == 303


async def test_guesses_made_while_waiting_do_not_prolong_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = {"cookie": "backfilld_8340=bfd_guess"}
    now = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda _: now)
    async with sited(url, requires_tokens=True) as client:
        for _ in range(FAILURES_MAX * 2):
            now += timedelta(seconds=1)
            answer = await client.get("/api/v1/jobs", headers=stale)
        assert answer.status_code == 429
        now += WITHIN - timedelta(seconds=FAILURES_MAX * 2 - 1)
        assert (await client.get("/api/v1/jobs", headers=stale)).status_code == 401


async def test_hostile_text_is_shown_as_text(url: str) -> None:
    hostile = "<script>alert(1)</script>"
    await tell(url, token(hostile.replace("/", ""), "viewer"))
    async with sited(url) as client:
        await client.put(f"/api/v1/pools/{hostile}", json={"slots": 1, "reason": hostile})
        page = await client.get("/log")
        assert hostile not in page.text
        assert html.escape(hostile) in page.text
        for path in (f"/{hostile}", f"/login?next=/{hostile}", f"/log?type={hostile}"):
            assert hostile not in (await client.get(path)).text
