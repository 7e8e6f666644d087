"""Why an operation gave no answer, in a sentence for whoever asked. Each face shows it in its own way."""

import difflib
from collections.abc import Iterable

NEAR_MATCHES_MAX = 3


class OperationError(Exception):
    """There is no answer; the message is the sentence a person gets.

    ``details`` stands beside the sentence as it is, such as the traceback of a user's own code.
    """

    def __init__(self, message: str, *, details: str | None = None) -> None:
        self.details = details
        super().__init__(message)


class UsageError(OperationError):
    """The question makes no sense: what was typed, the environment or `backfilld.toml`."""


class RefusedError(OperationError):
    """What was asked for was understood, and is not done; the message says why."""


class UnknownError(RefusedError):
    """What was named does not exist; the message offers names that look like it."""


class DatabaseError(OperationError):
    """There is no database to ask."""


def near(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known words that look like `word`, the most similar first."""
    by_lower = {one.lower(): one for one in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=NEAR_MATCHES_MAX, cutoff=0.6)
    return tuple(by_lower[match] for match in matches)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" Did you mean a or b?"``, or nothing where no known word looks like `word`."""
    found = near(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""
