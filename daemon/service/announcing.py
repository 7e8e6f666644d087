"""What a daemon says of itself to whoever started it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from events.attendance import Attendant
from projections.world import NotLoaded


class Ready(msgspec.Struct, frozen=True):
    """It leads the log, and serves."""

    home: Path  # where it does; see `daemon.service.taking_over`
    position: int
    assets: int
    code_locations: Sequence[str]
    backfills_active: int
    not_loaded: Mapping[str, NotLoaded]  # by code location: these, and what backfills under way wait for
    url: str | None = None  # where pages and API are; None: nowhere, or not yet


class StandingBy(msgspec.Struct, frozen=True):
    """It waits for the lead."""

    leader: Attendant | None  # who leads; None if that one does not say, or if nobody does
    hindrance: str | None = None  # nobody leads: why this daemon does not


class Announcer(msgspec.Struct, frozen=True):
    """Who says it."""

    ready: Callable[[Ready], AbstractContextManager[None]]  # left when the daemon does not lead any more
    standing_by: Callable[[StandingBy], None]
    serving_at: Callable[[str], None]  # pages and API, which had no address when it was ready
