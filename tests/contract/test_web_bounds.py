"""Nobody takes so much of the web process, or so long, that nothing is left for the others."""

import json
import resource
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import anyio
import httpx
import pytest
from anyio.abc import SocketStream

from daemon.web.bounds import Bounds
from daemon.web.guarding import OTHER_FILES, REFUSED_MAX, have_files
from events.facts import PoolConfigured
from tests.contract.sited import served, tell
from tests.contract.test_web_access import bearer, token

TIMEOUT_S = 15.0
SOON_S = 0.2
CHANGES = "/api/v1/changes"


class Said(NamedTuple):
    """What was answered before the connection ended."""

    status: int
    headers: dict[str, str]
    problem: dict[str, Any]


def address_of(url: str) -> tuple[str, int]:
    found = httpx.URL(url)
    assert found.port is not None
    return found.host, found.port


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[SocketStream]:
    async with await anyio.connect_tcp(*address_of(url)) as stream:
        yield stream


def head(url: str, path: str = "/healthz", method: str = "GET", *more: str) -> bytes:
    host, port = address_of(url)
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", *more, "", ""]).encode()


async def rest_of(stream: SocketStream) -> bytes:
    with anyio.fail_after(TIMEOUT_S):
        return b"".join([piece async for piece in stream])


async def said_on(stream: SocketStream) -> Said:
    top, _, body = (await rest_of(stream)).decode().partition("\r\n\r\n")
    line, *fields = top.split("\r\n")
    named = (field.partition(": ") for field in fields)
    return Said(int(line.split()[1]), {name.lower(): value for name, _, value in named}, json.loads(body))


async def told(url: str, *pieces: bytes) -> Said:
    async with connected(url) as stream:
        for piece in pieces:
            await stream.send(piece)
        return await said_on(stream)


async def until_streams(client: httpx.AsyncClient, url: str, number: int, **headers: str) -> None:
    """Nothing, once so many are being sent."""
    wanted = b"\nbackfilld_web_streams %d.0\n" % number
    with anyio.fail_after(TIMEOUT_S):
        while wanted not in (await client.get(f"{url}/metrics", headers=headers)).content:
            pass


async def test_a_head_that_does_not_end_is_not_waited_for(migrated_url: str) -> None:
    async with served(migrated_url, bounds=Bounds(head_timeout_s=SOON_S)) as url:
        found = await told(url, head(url)[:-2], b"X-More: 1\r\n")
        assert (found.status, found.headers["content-type"]) == (408, "application/problem+json")
        assert found.problem["detail"] == "the head of a request takes too long to arrive."
        async with connected(url) as stream:  # Who asks for nothing at all is told nothing.
            assert await rest_of(stream) == b""
        async with connected(url) as stream:  # The second request of a connection is waited for no longer.
            await stream.send(head(url))
            await stream.receive()
            await stream.send(head(url)[:-2])
            assert (await said_on(stream)).status == 408


async def test_a_body_that_does_not_end_is_not_waited_for(migrated_url: str) -> None:
    async with served(migrated_url, bounds=Bounds(body_timeout_s=SOON_S)) as url:
        begun = head(url, "/api/v1/plans", "POST", "Content-Type: application/json", "Content-Length: 50")
        found = await told(url, begun, b"{", b'"selection"')
        assert (found.status, found.problem["detail"]) == (
            408,
            "the body of a request takes too long to arrive.",
        )


async def test_what_is_too_long_is_refused(migrated_url: str) -> None:
    async with served(migrated_url, bounds=Bounds(head_bytes_max=2_000, body_bytes_max=10)) as url:
        found = await told(url, b"GET /healthz?" + b"x" * 3_000)
        assert (found.status, found.problem["title"]) == (431, "Too long")
        assert (await told(url, b"nonsense\r\n\r\n")).status == 400
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(f"{url}/api/v1/plans", json={"selection": ["x" * 20]})
            assert answer.status_code == 413


@pytest.mark.parametrize(
    ("bounds", "status"),
    [(Bounds(connections_max=2), 503), (Bounds(connections_each_max=2), 429)],
)
async def test_connections_are_so_many(migrated_url: str, bounds: Bounds, status: int) -> None:
    async with served(migrated_url, bounds=bounds) as url:
        async with connected(url) as first, connected(url) as second:
            for stream in (first, second):
                await stream.send(head(url))
                assert (await stream.receive()).startswith(b"HTTP/1.1 200")
            found = await told(url, head(url))
            assert (found.status, found.headers["retry-after"]) == (status, "5")
            assert found.headers["content-type"] == "application/problem+json"
            await first.send(head(url))
            assert (await first.receive()).startswith(b"HTTP/1.1 200")
        with anyio.fail_after(TIMEOUT_S):
            while True:  # They leave when the server has seen that.
                async with connected(url) as stream:
                    await stream.send(head(url))
                    if (await stream.receive()).startswith(b"HTTP/1.1 200"):
                        break


async def test_streams_are_so_many_of_each_and_of_all(migrated_url: str) -> None:
    await tell(migrated_url, token("vera", "viewer"), token("otto", "operator"))
    bounds = Bounds(streams_each_max=2, streams_max=3)
    async with (
        served(migrated_url, requires_tokens=True, bounds=bounds) as url,
        httpx.AsyncClient(timeout=TIMEOUT_S) as client,
    ):
        async with AsyncExitStack() as streams:

            async def follows(name: str) -> httpx.Response:
                """The answer, which goes on if it is one to follow."""
                request = client.build_request("GET", f"{url}{CHANGES}", headers=bearer(name))
                answer = await client.send(request, stream=True)
                streams.push_async_callback(answer.aclose)
                return answer

            assert [(await follows("vera")).status_code for _ in range(2)] == [200, 200]
            refused = await follows("vera")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
            assert json.loads(await refused.aread())["detail"] == "vera is following 2 times already."
            assert (await follows("otto")).status_code == 200
            refused = await follows("otto")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        await until_streams(client, url, 0, **bearer("otto"))


@pytest.mark.timeout(120)
async def test_two_hundred_look_on_from_one_address(migrated_url: str) -> None:
    async with served(migrated_url) as url, AsyncExitStack() as streams:
        for _ in range(200):
            stream = await streams.enter_async_context(connected(url))
            await stream.send(head(url, CHANGES))
            assert (await stream.receive()).startswith(b"HTTP/1.1 200")
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            assert (await client.get(f"{url}/api/v1/jobs")).status_code == 200


async def test_who_takes_nothing_of_an_answer_is_dropped(migrated_url: str) -> None:
    await tell(migrated_url, *(PoolConfigured("x" * 50_000, slots=number) for number in range(1, 301)))
    async with (
        served(migrated_url, bounds=Bounds(stall_timeout_s=SOON_S)) as url,
        connected(url) as stream,
        httpx.AsyncClient(timeout=TIMEOUT_S) as client,
    ):
        await stream.send(head(url, "/api/v1/log/stream?after=0"))
        assert b"200 OK" in await stream.receive(), "it has begun, and nobody takes the rest"
        await until_streams(client, url, 0)


def test_connections_are_no_more_than_files_may_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1_024, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.append(given))
    assert have_files(Bounds()) == Bounds()
    assert limits[-1] == (Bounds().connections_max + REFUSED_MAX + OTHER_FILES, 4_096)
    limits[:] = [(500, 500)]
    assert have_files(Bounds()) == Bounds(connections_max=500 - REFUSED_MAX - OTHER_FILES)
    assert limits == [(500, 500)]
