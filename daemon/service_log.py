"""The log of the daemon and of its web process, on standard error: for people, or for programs."""

import logging
import sys
from enum import StrEnum
from typing import TextIO


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def set_up_log(level: Level, *, as_json: bool, stream: TextIO | None = None) -> None:
    """From here on structlog writes there: coloured lines on a terminal, else ``key=value``, or JSON."""
    import structlog  # noqa: PLC0415 -- 60 ms that --help need not wait for

    stream = stream or sys.stderr
    renderer: structlog.typing.Processor
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    elif stream.isatty():
        renderer = structlog.dev.ConsoleRenderer(
            pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(
                fmt="%H:%M:%S" if stream.isatty() else "iso", utc=not stream.isatty()
            ),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
