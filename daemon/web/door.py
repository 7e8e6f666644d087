"""The outermost layer: what a browser may be made to do here, whoever is asked for what."""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from daemon.web.hosts import Host, host_of, is_ours
from daemon.web.problem import PROBLEM_JSON, Problem, is_for_programs
from daemon.web.settings import WebSettings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})  # of probes, which call us as they please
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
STREAM: Final = "text/event-stream"
NUL_TOLD: Final = "it has a NUL character in it, which no name and no text here can have."
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


Answered = Callable[[HTTPScope, int, float], None]  # with the status and the seconds it took


class Door:
    """An application behind which every request has the right host, and none that changes comes from afar."""

    def __init__(self, app: ASGIApp, settings: WebSettings, answered: Answered) -> None:
        """It calls ``answered`` after each answer, but for streams and what was not looked at."""
        self._app = app
        self._settings = settings
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        caching = "no-cache" if scope["path"].startswith("/static/") else "no-store"

        status = 0
        is_stream = False

        async def sent(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableScopeHeaders.from_message(message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", caching)
                is_stream = headers.get("content-type", "").startswith(STREAM)
            await send(message)

        problem = self._refusal(scope)
        if problem is None:
            began_at = time.perf_counter()
            await self._app(scope, receive, sent)
            if status and not is_stream:
                self._answered(scope, status, time.perf_counter() - began_at)
        else:
            await answer(problem, scope, sent)

    def _refusal(self, scope: HTTPScope) -> Problem | None:
        """Why the request is not even looked at."""
        if scope["path"] in OPEN_PATHS:
            return None
        headers = Headers.from_scope(scope)
        host = host_of(headers.get("host", ""))
        server = scope["server"]
        port = self._settings.port if server is None or server[1] is None else server[1]
        if host is None or not is_ours(host, self._settings, port):
            return Problem(
                "Misdirected",
                421,
                f"this server is not called {headers.get('host', '')!r}; a name that it may be called by "
                f"stands among `hosts` in the table [web] of backfilld.toml.",
            )
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return Problem("Makes no sense", 422, NUL_TOLD)
        if scope["method"] in SAFE_METHODS:
            return _embedding_refusal(headers)
        return _far_refusal(headers, host) or _body_refusal(headers, scope["path"])


def _embedding_refusal(headers: Headers) -> Problem | None:
    """Why a request that only looks is not answered: another site's page makes it, and nobody follows a link.

    Such a page could not read the answer, yet where no token is needed it could have us work at will.
    """
    if headers.get("sec-fetch-site") not in {"cross-site", "same-site"}:
        return None
    if headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document":
        return None
    return Problem("Comes from elsewhere", 403, "a page of another site may link here, and ask for nothing.")


def _far_refusal(headers: Headers, host: Host) -> Problem | None:
    """Why a request that changes something is taken to come from another site's page."""
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site")
    if origin is not None:
        comes_from_us = origin.lower() in {f"http://{host.text}", f"https://{host.text}"}
    elif site is not None:
        comes_from_us = site == "same-origin"
    else:  # No browser, which is why nothing here may rest on what a browser keeps.
        comes_from_us = "cookie" not in headers or "authorization" in headers
    if comes_from_us and site in {None, "same-origin", "none"}:
        return None
    return Problem(
        "Comes from elsewhere",
        403,
        "a change must come from a page of this server, with its Origin, or from a program, with a token and "
        "no cookie.",
    )


def _body_refusal(headers: Headers, path: str) -> Problem | None:
    """Why the body is not read: a page of another site could have sent what is no JSON."""
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = JSON if is_for_programs(path) else FORM
    if kind == wanted or not (has_body or kind):
        return None
    return Problem(
        "Not understood", 415, f"the body must be {wanted}, not {kind or 'nothing in particular'}."
    )


async def answer(problem: Problem, scope: Scope, send: Send) -> None:
    """Send a problem where no application is there to do so."""
    is_json = is_for_programs(scope["path"])
    kind = PROBLEM_JSON if is_json else "text/plain; charset=utf-8"
    body = msgspec.json.encode(problem) if is_json else f"{problem.title}: {problem.detail}\n".encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
