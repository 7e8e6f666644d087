"""What went wrong, as one sentence and an exit code. A person's own mistake never gets them a traceback."""

import difflib
from collections.abc import Iterable
from enum import IntEnum

import msgspec

from backfilld.errors import BackfilldError
from daemon.service.errors import AlreadyServedError, CodeNotImportedError, RunsElsewhereError
from events.errors import LogError, LogUnavailableError, LogUnreadableError

NEAR_MATCHES_MAX = 3


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


class CommandLineError(Exception):
    """A command cannot go on; the message is the sentence a person gets.

    ``details`` is shown above the sentence as it stands, such as the traceback of a user's own code.
    """

    exit_code = ExitCode.UNSUCCESSFUL

    def __init__(self, message: str, *, details: str | None = None) -> None:
        self.details = details
        super().__init__(message)


class UsageError(CommandLineError):
    """The arguments, the environment or `backfilld.toml` do not make sense."""

    exit_code = ExitCode.USAGE


class RefusedError(CommandLineError):
    """What was asked for was understood, and is not done; the message says why."""

    exit_code = ExitCode.REFUSED


class DatabaseError(CommandLineError):
    """There is no database to talk to."""

    exit_code = ExitCode.UNREACHABLE


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
        case CommandLineError():
            return Explained(str(error), error.exit_code, error.details)
        case LogUnavailableError():
            return Explained(str(error), ExitCode.UNREACHABLE)
        case LogUnreadableError():
            return Explained(str(error), ExitCode.LOG_UNREADABLE)
        case LogError():
            return Explained(str(error), ExitCode.REFUSED)
        case AlreadyServedError() | RunsElsewhereError():
            return Explained(f"{error}.", ExitCode.LOCKED)
        case CodeNotImportedError():
            tracebacks = (failure.traceback for failure in error.failures if failure.traceback)
            return Explained(f"{error}.", ExitCode.CODE_NOT_IMPORTED, "\n".join(tracebacks) or None)
        case BackfilldError():
            return Explained(str(error), ExitCode.USAGE)
        case BaseExceptionGroup():
            return next(filter(None, map(explained, error.exceptions)), None)
        case _:
            return None


def near(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known words that look like `word`, the most similar first."""
    by_lower = {one.lower(): one for one in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=NEAR_MATCHES_MAX, cutoff=0.6)
    return tuple(by_lower[match] for match in matches)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" Did you mean a or b?"``, or nothing where no known word looks like `word`."""
    found = near(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""
