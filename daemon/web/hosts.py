"""By which names this server may be called, so that no foreign name can be made to lead here."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import msgspec

from daemon.loopback import is_loopback
from daemon.web.settings import WebSettings

_HTTP_PORT: Final = 80


class Host(msgspec.Struct, frozen=True):
    """What a `Host` header names."""

    text: str  # in lower case
    name: str  # without brackets
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine to itself."""
        return is_loopback(self.name)

    @property
    def is_address(self) -> bool:
        """Whether it is no name at all, so that no name server can have led here."""
        try:
            ipaddress.ip_address(self.name)
        except ValueError:
            return False
        return True


def host_of(header: str) -> Host | None:
    """What the header names; None where it names nothing."""
    text = header.strip().lower()
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != text or "@" in text:
        return None
    return Host(text, parts.hostname, _HTTP_PORT if port is None else port)


def is_ours(host: Host, settings: WebSettings, port: int) -> bool:
    """Whether the server may be called so.

    :param port: that it listens on.
    """
    if {host.text, host.name} & {name.lower() for name in settings.hosts}:
        return True
    if host.port != port:
        return False
    if host.is_loopback or host.name == settings.host.lower():
        return True
    return not is_loopback(settings.host) and host.is_address
