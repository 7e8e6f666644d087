"""Who asks, and what they may."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from daemon.operations.errors import RefusedError
from daemon.operations.operation import Role
from events.errors import LogError
from projections.tokens import Token

Connection = ASGIConnection[Any, Any, Any, Any]

IDENTITY: Final = "identity"  # in a request's scope: who asks, or why nobody knows


class Identity(msgspec.Struct, frozen=True):
    """Somebody who asks."""

    name: str  # the actor of what they change
    role: Role
    token: Token | None = None  # that they have shown; None: they needed none


class TooManyAttemptsError(HTTPException):
    """Tokens that open nothing came from the address again and again."""

    status_code = 429


def identity_of(connection: Connection) -> Identity:
    """Who asks.

    :raises NotAuthorizedException: nobody knows.
    :raises TooManyAttemptsError: nobody knows, and many such came from there.
    :raises LogError: the tokens cannot be read.
    """
    found = connection.scope.get(IDENTITY)
    if isinstance(found, Identity):
        return found
    if isinstance(found, HTTPException | LogError):
        raise found
    raise NotAuthorizedException("who asks? Send a token: `backfilld token create` makes one.")


def needs(role: Role) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard that lets only those pass who have the role; and of changes, only those of the present.

    Everything that changes anything needs more than a viewer, and is guarded by this.
    """

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        identity = identity_of(connection)
        if identity.role < role:
            raise PermissionDeniedException(
                f"the token of {identity.name} is a {identity.role.name.lower()}'s, and this needs an "
                f"{role.name.lower()}'s."
            )
        is_change = role > Role.VIEWER and connection.scope.get("method") != "GET"
        if is_change and connection.query_params.get("as_of"):
            raise RefusedError("nothing can be changed in the past: leave out as_of to change what is now.")

    return guard
