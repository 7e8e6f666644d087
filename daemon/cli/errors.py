"""What went wrong, as one sentence and an exit code. A person's own mistake never gets them a traceback."""

from enum import IntEnum

import msgspec

from backfilld.errors import BackfilldError
from daemon.operations.errors import DatabaseError, OperationError, RefusedError, UsageError
from daemon.service.errors import (
    AlreadyServedError,
    CodeNotImportedError,
    RunsElsewhereError,
    WebRefusedError,
)
from events.errors import LogError, LogUnavailableError, LogUnreadableError


class ExitCode(IntEnum):
    """What the process ends with. From 10 on they are those of `backfilld up`."""

    OK = 0
    UNSUCCESSFUL = 1  # a backfill did not succeed, or a check found a difference
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    LOG_UNREADABLE = 10
    LOCKED = 11
    CODE_NOT_IMPORTED = 12
    INTERRUPTED = 130


class Explained(msgspec.Struct, frozen=True):
    """An error as the terminal shows it."""

    sentence: str
    exit_code: ExitCode
    details: str | None = None


def explained(error: BaseException) -> Explained | None:  # noqa: PLR0911 -- one case a kind of error
    """The sentence and exit code of an error we foresaw; None for a defect, which deserves its traceback.

    Of a group of errors, as task groups raise them, the first one that we foresaw speaks for all.
    """
    match error:
        case OperationError():
            return Explained(str(error), exit_code_of(error), error.details)
        case LogUnavailableError():
            return Explained(str(error), ExitCode.UNREACHABLE)
        case LogUnreadableError():
            return Explained(str(error), ExitCode.LOG_UNREADABLE)
        case LogError():
            return Explained(str(error), ExitCode.REFUSED)
        case AlreadyServedError() | RunsElsewhereError():
            return Explained(f"{error}.", ExitCode.LOCKED)
        case WebRefusedError():
            return Explained(f"{error}.", ExitCode.USAGE)
        case CodeNotImportedError():
            tracebacks = (failure.traceback for failure in error.failures if failure.traceback)
            return Explained(f"{error}.", ExitCode.CODE_NOT_IMPORTED, "\n".join(tracebacks) or None)
        case BackfilldError():
            return Explained(str(error), ExitCode.USAGE)
        case BaseExceptionGroup():
            return next(filter(None, map(explained, error.exceptions)), None)
        case _:
            return None


def exit_code_of(error: OperationError) -> ExitCode:
    """What the process ends with for this error."""
    match error:
        case UsageError():
            return ExitCode.USAGE
        case RefusedError():
            return ExitCode.REFUSED
        case DatabaseError():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.UNSUCCESSFUL
