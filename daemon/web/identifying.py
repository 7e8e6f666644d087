"""From a request's token, or its lack, to whoever asks."""

import hmac
from collections.abc import Callable
from typing import Final, cast

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from daemon.clock import Clock
from daemon.loopback import is_loopback
from daemon.operations.live import LiveWorld
from daemon.operations.operation import Role
from daemon.operations.tokens import digest_of
from daemon.web.access import IDENTITY, Identity, TooManyAttemptsError
from daemon.web.attempts import Attempts
from daemon.web.hosts import host_of
from daemon.web.settings import WebSettings
from events.errors import LogError
from projections.tokens import Token

SECRET_CHARACTERS_MAX: Final = 200
FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
UNIDENTIFIED_PATHS: Final = ("/static/", "/login", "/logout", "/healthz", "/readyz")


class Identifying:
    """Knows who asks."""

    def __init__(self, settings: WebSettings, live: LiveWorld, clock: Clock) -> None:
        self._settings = settings
        self._live = live
        self._clock = clock
        self._attempts = Attempts()

    async def identity(self, scope: HTTPScope) -> Identity:
        """Who asks.

        :raises NotAuthorizedException: they sent no token, or one that opens nothing.
        :raises TooManyAttemptsError: they sent many of those.
        :raises LogError: the tokens cannot be read.
        """
        headers = Headers.from_scope(scope)
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() != "bearer":
                raise NotAuthorizedException("send the token as `Authorization: Bearer TOKEN`.")
            token = await self.token(secret.strip(), address_of(scope))
        elif kept := cookie_of(headers):
            token = await self.token(kept, address_of(scope))
        elif self._needs_no_token(headers):
            return Identity(self._settings.local_name, Role.ADMIN)
        else:
            raise NotAuthorizedException("who asks? Send a token: `backfilld token create` makes one.")
        return Identity(token.name, Role[token.role.upper()], token)

    async def is_still_let_in(self, identity: Identity) -> bool:
        """Whether the token that somebody has shown opens what it opened, by all that is recorded now.

        :raises LogError: the tokens cannot be read.
        """
        shown = identity.token
        if shown is None:
            return True
        known = (await self._live.at_head()).known.tokens.get(shown.name)
        return known is not None and known.sha256 == shown.sha256 and known.opens(self._clock.now())

    def has_expired(self, identity: Identity) -> bool:
        """Whether the time of the token that somebody has shown is over."""
        expires_at = None if identity.token is None else identity.token.expires_at
        return expires_at is not None and expires_at <= self._clock.now()

    async def token(self, secret: str, address: str) -> Token:
        """The token whose secret that is, however many came from the address that open nothing.

        :raises NotAuthorizedException: there is none, or none any more.
        :raises TooManyAttemptsError: there is none, and from the address came many such.
        :raises LogError: the tokens cannot be read.
        """
        now = self._clock.now()
        world = await self._live.at_head()
        digest = digest_of(secret[:SECRET_CHARACTERS_MAX]).encode()
        found = [
            token  # All of them are compared, however soon one fits.
            for token in world.known.tokens.values()
            if hmac.compare_digest(token.sha256.encode(), digest)
        ]
        if found and found[0].opens(now):
            return found[0]
        # Many may share an address: one who guesses neither shuts the others out nor prolongs the wait.
        wait_s = self._attempts.wait_s(address, now)
        if wait_s:
            raise _too_many(wait_s)
        self._attempts.failed(address, now)
        why = "has expired" if found and found[0].revoked_at is None else "was revoked"
        raise NotAuthorizedException(
            f"this token {why}." if found else "there is no such token; was it copied whole?"
        )

    def _needs_no_token(self, headers: Headers) -> bool:
        """Whether nobody but this machine's people can be asking."""
        settings = self._settings
        host = host_of(headers.get("host", ""))
        return (
            is_loopback(settings.host)
            and not settings.requires_tokens
            and host is not None
            and host.is_loopback
            and not any(name in headers for name in FORWARDED)
        )


def identified(app: ASGIApp, identifying: Callable[[], Identifying]) -> ASGIApp:
    """The application, told in the scope of each request who asks, or why nobody knows."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and not scope["path"].startswith(UNIDENTIFIED_PATHS):
            found: Identity | Exception
            try:
                found = await identifying().identity(scope)
            except (HTTPException, LogError) as error:
                found = error  # For those who need to know; see `identity_of`.
            cast("dict[str, object]", scope)[IDENTITY] = found
        await app(scope, receive, send)

    return called


def cookie_name(headers: Headers) -> str:
    """What the cookie with the token is called: browsers keep those of all ports of a host together."""
    host = host_of(headers.get("host", ""))
    return f"backfilld_{0 if host is None else host.port}"


def cookie_of(headers: Headers) -> str | None:
    """The token that a browser has kept."""
    wanted = cookie_name(headers)
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted and value:
            return value
    return None


def address_of(scope: HTTPScope) -> str:
    """Where a request comes from, as far as is known without trusting it."""
    client = scope["client"]
    return client[0] if client else "unknown"


def _too_many(wait_s: int) -> TooManyAttemptsError:
    return TooManyAttemptsError(
        f"too many tokens that open nothing came from your address; try again in {wait_s} s.",
        headers={"retry-after": str(wait_s)},
    )
