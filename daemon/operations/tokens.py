"""Tokens: who may come to the API and the pages, and as what."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from daemon import commands
from daemon.operations.errors import UsageError
from daemon.operations.fields import Why, said
from daemon.operations.operation import Question, Role, operation
from daemon.operations.records import Records
from events.facts import TokenCreated, TokenRole
from projections.tokens import Token

SECRET_PREFIX: Final = "bfd_"  # noqa: S105 -- it says what it is, so that whoever finds one knows what it opens
SECRET_BYTES: Final = 32
_EXPIRY: Final = re.compile(r"(\d{1,6})(min|h|d)")
_UNITS: Final = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class CreatingToken(Question, frozen=True, kw_only=True):
    """Who is to come, and as what."""

    name: Annotated[str, said("Whom or what it is for; what they do is recorded under it.")]
    role: Annotated[
        TokenRole,
        said(
            "A viewer changes nothing; an operator launches, cancels and amends; an admin makes tokens "
            "as well."
        ),
    ]
    expires: Annotated[
        str | None, said("How long it lasts: 90d, 12h, 30min. Until it is revoked, where nothing is given.")
    ] = None
    reason: Why = None


class RevokingToken(Question, frozen=True, kw_only=True):
    """Which token is to open nothing any more."""

    name: Annotated[str, said("A token, by its name.")]
    reason: Why = None


class TokenRow(msgspec.Struct, frozen=True):
    """A token as JSON shows it."""

    name: str
    role: TokenRole
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class TokenMade(msgspec.Struct, frozen=True):
    """A new token. Its secret is shown here and never again."""

    name: str
    role: TokenRole
    expires_at: datetime | None
    secret: str


class TokenEnded(msgspec.Struct, frozen=True):
    """A token that opens nothing any more."""

    name: str
    changed: bool  # it was not revoked before


@operation("GET", "/tokens", role=Role.ADMIN)
async def tokens(records: Records, asked: Question) -> list[TokenRow]:  # noqa: ARG001 -- every operation's
    """List the tokens, the newest of each name; their secrets are nowhere."""
    known, now = (await records.world()).known.tokens, records.now()
    return [_row(known[name], now) for name in sorted(known)]


@operation("POST", "/tokens", role=Role.ADMIN)
async def create_token(records: Records, asked: CreatingToken) -> TokenMade:
    """Make a token, whose secret is shown once. A name may be given again once its token opens nothing."""
    now = records.now()
    expires_at = expiry_typed(asked.expires, now)
    secret = f"{SECRET_PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"
    fact = TokenCreated(
        name=asked.name,
        role=asked.role,
        sha256=digest_of(secret),
        expires_at=None if expires_at is None else expires_at.isoformat(),
        reason=asked.reason,
    )
    world = await records.world()
    await records.record(world, None, lambda at_head: commands.create_token(at_head, fact, now))
    return TokenMade(asked.name, asked.role, expires_at, secret)


@operation("POST", "/tokens/{name}/revoke", role=Role.ADMIN)
async def revoke_token(records: Records, asked: RevokingToken) -> TokenEnded:
    """Revoke a token: it opens nothing from here on, nor does whoever signed in with it stay so."""
    world = await records.world()
    facts = await records.record(
        world, None, lambda at_head: commands.revoke_token(at_head, asked.name, asked.reason)
    )
    return TokenEnded(asked.name, changed=bool(facts))


def digest_of(secret: str) -> str:
    """What the log has of a secret. It is random and long enough to need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def expiry_typed(text: str | None, now: datetime) -> datetime | None:
    """When a token ends that is to last for so long.

    :raises UsageError: it is no time that one can last.
    """
    if text is None:
        return None
    match = _EXPIRY.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise UsageError(f"{text!r} is no time for a token to last: give 90d, 12h or 30min.")
    return now.replace(microsecond=0) + int(match[1]) * _UNITS[match[2]]


def _row(token: Token, now: datetime) -> TokenRow:
    state: Literal["valid", "expired", "revoked"]
    state = "valid" if token.opens(now) else "expired" if token.revoked_at is None else "revoked"
    return TokenRow(
        name=token.name,
        role=token.role,
        state=state,
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        revoked_by=token.revoked_by,
    )
