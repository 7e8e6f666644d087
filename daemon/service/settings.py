"""What a daemon needs to know before it starts."""

from datetime import timedelta
from pathlib import Path

import msgspec

from daemon.launching.code_location import CodeLocation
from daemon.service.reactor import Settings as ReactorSettings
from daemon.web.settings import WebSettings


class ServeSettings(msgspec.Struct, frozen=True):
    """How to serve."""

    home: Path
    database_url: str
    code_locations: tuple[CodeLocation, ...]
    reactor: ReactorSettings
    output_bytes_max: int
    stop_grace_s: float = 10.0  # that runs under way get when the daemon is asked to stop
    stands_by: bool = True  # while it cannot lead; else it ends then
    gives_up_unreachable: bool = False  # runs under way where it cannot look after them are lost
    keep_run_files: timedelta | None = None  # after a run has ended; None: for ever
    web: WebSettings | None = None  # None: no pages and no API
    is_embedded: bool = False  # the database is the home's own: it is started again where it was killed
