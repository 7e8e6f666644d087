"""Server-sent events, as they arrive."""

from collections.abc import AsyncGenerator, AsyncIterator

import msgspec


class SentEvent(msgspec.Struct, frozen=True):
    """An event that arrived whole, or a comment with a position."""

    id: str | None  # where to go on; None: where one was
    value: bytes  # JSON; empty for a comment


async def sent_events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[SentEvent]:
    """The events in what arrives piece by piece. One that the end cuts off is none.

    Lines end with a newline and with nothing else: what is reported may have other separators in it.
    """
    identity: str | None = None
    values: list[bytes] = []
    async for line in _lines(pieces):
        name, _, value = line.removesuffix(b"\r").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id":
            identity = value.decode()
        elif name == b"data":
            values.append(value)
        elif not line.strip():
            if identity is not None or values:
                yield SentEvent(identity, b"\n".join(values))
            identity, values = None, []


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    begun: list[bytes] = []  # of a line that is still to end
    async for piece in pieces:
        rest, *more = piece.split(b"\n")
        begun.append(rest)
        for rest in more:
            yield b"".join(begun)
            begun = [rest]
