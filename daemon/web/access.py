"""Who asks, and what they may."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from daemon.operations.operation import Role
from daemon.web.settings import WebSettings

Connection = ASGIConnection[Any, Any, Any, Any]


class Identity(msgspec.Struct, frozen=True):
    """Somebody who asks."""

    name: str  # the actor of what they change
    role: Role


def local_identity(settings: WebSettings) -> Identity:
    """Whoever reaches a daemon that listens on this machine only: the user it runs as."""
    return Identity(settings.local_name, Role.ADMIN)


def identity_of(connection: Connection) -> Identity:
    """Who asks.

    :raises NotAuthorizedException: nobody knows.
    """
    identity = connection.scope.get("identity")
    if not isinstance(identity, Identity):
        raise NotAuthorizedException("who asks? Send a token: `backfilld token create` makes one.")
    return identity


def needs(role: Role) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard that lets only those pass who have the role."""

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        identity = identity_of(connection)
        if identity.role < role:
            raise PermissionDeniedException(
                f"{identity.name} is a {identity.role.name.lower()}, and this needs an {role.name.lower()}."
            )

    return guard
