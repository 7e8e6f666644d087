"""How long things took, or have taken so far: what is under way is counted on by the browser."""

from datetime import datetime

import msgspec

from daemon.time_text import duration_text


class Lasting(msgspec.Struct, frozen=True):
    """A time that something takes."""

    seconds: float
    goes_on: bool  # so that what is shown grows

    @property
    def text(self) -> str:
        """It in words."""
        return duration_text(self.seconds)


def lasting(since: datetime, ended: datetime | None, now: datetime) -> Lasting:
    """From a moment to another, or to now.

    >>> lasting(datetime(2024, 1, 1), None, datetime(2024, 1, 1, 0, 2)).text
    '2 min 00 s'
    """
    return Lasting(max(((ended or now) - since).total_seconds(), 0.0), goes_on=ended is None)
