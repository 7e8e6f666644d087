"""How much of the web process anybody may take at once."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Bounds(msgspec.Struct, frozen=True):
    """The bounds of the table ``[web]``."""

    # That are followed at once, all told; and by one token, or where none is needed from one address.
    streams_max: Count = 1_000
    streams_each_max: Count = 250
    # Connections that are open at once, all told; and from one address, which behind a proxy is the proxy's.
    connections_max: Count = 2_000
    connections_each_max: Count = 1_000
    head_bytes_max: Count = 32 * 1024  # of a request: its line and headers
    head_timeout_s: Seconds = 10.0  # for those to arrive
    body_bytes_max: Count = 1024 * 1024
    body_timeout_s: Seconds = 60.0  # for the body to arrive
    stall_timeout_s: Seconds = 60.0  # in which whoever is answered takes nothing of it
