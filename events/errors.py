"""What can go wrong with a log. Every error of this package is a `LogError`."""


class LogError(Exception):
    """The log could not do what was asked; the message says what to do about it."""


class LogUnavailableError(LogError):
    """The store cannot be reached, or went away. Whether a running append was written is unknown.

    ``where`` is the store's address without a password.
    """

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"the log at {where} cannot be reached: {reason}. Is PostgreSQL running there?")


class LogReadOnlyError(LogError):
    """The store lets itself be read and not be written: a replica, or a user without the privilege."""


class LogUnreadableError(LogError):
    """The log holds something this version of backfilld does not understand.

    ``position`` is the fact's, or None when it is about the log as a whole.
    """

    def __init__(self, reason: str, *, remedy: str, position: int | None = None) -> None:
        self.reason = reason
        self.remedy = remedy
        self.position = position
        place = "the log" if position is None else f"position {position} of the log"
        super().__init__(f"{place} cannot be read: {reason}. {remedy}")


class LogBusyError(LogError):
    """Others held what was wanted all the while; everything is as it was."""


class FactNotStorableError(LogError, ValueError):
    """A fact was given that could not be read again once stored. Nothing was written."""


class EmbeddedDatabaseError(LogError):
    """The embedded PostgreSQL does not start, or does not stop; the message carries its last words."""
