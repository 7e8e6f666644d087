"""The socket that the web process serves on. The daemon opens it, so that it outlives a process that dies."""

import errno
import ipaddress
import socket
from typing import Final

from daemon.web.settings import PORT_DEFAULT

BACKLOG: Final = 512  # connections that wait while the process starts


class CannotListenError(Exception):
    """There is no listening at that address; the message says why and what to do."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    :param port: 0 for any that is free.
    :raises CannotListenError: the port is taken, or the address is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListenError(f"there is no address {host!r} to listen on ({error})") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListenError(_told(host, port, error)) from error
    listener.setblocking(False)  # noqa: FBT003 -- its flag
    return listener


def url_of(listener: socket.socket) -> str:
    """Where people find what is served on the socket; on all addresses, at the loopback one."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _told(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        who = "another program, perhaps another daemon" if port == PORT_DEFAULT else "another program"
        return (
            f"port {port} of {host} is taken by {who}; end that, or choose another port with --port N (0: "
            f"any that is free), or serve no pages with --no-web"
        )
    return f"there is no listening on port {port} of {host} ({error.strerror})"
