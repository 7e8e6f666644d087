"""Tokens: who may come to the API and the pages, as the facts say."""

from datetime import datetime

import msgspec

from events.facts import TokenCreated, TokenRole


class Token(msgspec.Struct):
    """The newest token of a name. The log has the hash of its secret, never the secret."""

    name: str
    role: TokenRole
    sha256: str  # of the secret, in hex
    created_at: datetime
    created_by: str
    expires_at: datetime | None  # None: never
    revoked_at: datetime | None = None  # None: it was not
    revoked_by: str | None = None

    def opens(self, at: datetime) -> bool:
        """Whether it counts at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def created(fact: TokenCreated, at: datetime, actor: str) -> Token:
    """The token that a fact has made. An expiry that cannot be read lets nobody in."""
    return Token(fact.name, fact.role, fact.sha256, at, actor, _expiry(fact.expires_at, at))


def _expiry(text: str | None, at: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        expires_at = datetime.fromisoformat(text)
    except ValueError:
        return at
    return at if expires_at.tzinfo is None else expires_at
