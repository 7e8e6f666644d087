"""What is told as server-sent events, encoded once for everybody."""

from functools import cached_property
from typing import Final

import msgspec

from daemon.operations.log.shown import shown
from events.envelope import Recorded

HEARTBEAT: Final = b": still here\n\n"  # a comment: proxies and browsers see that the connection lives
HEARTBEAT_EVERY_S: Final = 15.0
STREAM_MAX_S: Final = 3600.0  # then whoever looks on comes again, and is asked again who they are
MEDIA_TYPE: Final = "text/event-stream"

encoder: Final = msgspec.json.Encoder(enc_hook=str)


class Told:
    """A fact, and the event that tells it."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.position = recorded.position

    @cached_property
    def event(self) -> bytes:
        """It as an event."""
        return event_of("fact", encoder.encode(shown(self.recorded)), self.position)


def sign_of_life(position: int, told: str = "still here") -> bytes:
    """A comment, which is no event, yet says up to which position everything is told."""
    return b": %s\nid: %d\n\n" % (told.encode(), position)


def event_of(name: str, value: bytes, position: int) -> bytes:
    """An event; its id is the position of the log up to which everything is told then.

    :param value: JSON, on one line.
    """
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (position, name.encode(), value)
